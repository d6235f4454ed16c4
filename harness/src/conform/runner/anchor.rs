//! What keeps the kernel from patching itself while packets pass.
//!
//! Hooks and timestamps that nobody uses are jumped over, and the jumps are patched when the first user comes and when the
//! last one goes (static keys). Stations come and go by the hundred, and QEMU's emulation, with a thread for each CPU,
//! sometimes executes the breakpoint of a patch that is there no more: the guest dies of it. A namespace that uses all of
//! them as long as the worker lives keeps the kernel as it is.

use std::os::fd::OwnedFd;

use flowgauge_topologies::Netns;

use crate::generators::raw::socket::{packet_socket, set_option};
use crate::nft;

/// Everything that stations hook into, at a loopback device.
const RULESET: &str = r#"
table inet anchor {
	flowtable fast {
		hook ingress priority 0; devices = { lo };
	}
	chain prerouting { type filter hook prerouting priority 0; ct state new counter; }
	chain input { type filter hook input priority 0; ct state new counter; }
	chain forward { type filter hook forward priority 0; meta l4proto { tcp, udp } flow add @fast; }
	chain output { type filter hook output priority 0; ct state new counter; }
	chain postrouting { type filter hook postrouting priority 0; ct state new counter; }
	chain dstnat { type nat hook prerouting priority -100; }
	chain srcnat { type nat hook postrouting priority 100; oifname none masquerade; }
}
table netdev anchor {
	chain ingress { type filter hook ingress device lo priority 0; counter; }
	chain egress { type filter hook egress device lo priority 0; counter; }
}
"#;

/// Uses everything, until it is dropped.
#[derive(Debug)]
pub(super) struct Anchor {
    _netns: Option<Netns>,
    _stamped: Option<OwnedFd>,
}

impl Anchor {
    /// As much of it as this kernel lets us: without it a run is only less steady.
    pub(super) fn drop_here() -> Anchor {
        let netns = Netns::new().ok().filter(|netns| nft::execute(netns, "the anchor", RULESET).is_ok());
        let stamped = packet_socket().ok();
        let stamped = stamped.filter(|fd| set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1i32).is_ok());
        Anchor { _netns: netns, _stamped: stamped }
    }
}
