//! Namespaces and veth pairs of the engine's own tests and benches: made by `ip`, gone when dropped.

use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use flowgauge::generators::{Nat, Wire};
use nix::sched::{CloneFlags, unshare};

pub(crate) const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 1, 2];
pub(crate) const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 2, 2];
const DUT_CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 1, 1];
const DUT_SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 2, 1];

/// What `masquerade` on d1 makes of the client's addresses.
pub(crate) const MASQUERADE: Nat =
    Nat::Masquerade { ipv4: Ipv4Addr::new(198, 19, 0, 1), ipv6: Ipv6Addr::new(0x2001, 2, 0, 2, 0, 0, 0, 1) };

/// An anonymous network namespace; it and its links end with the descriptor.
pub(crate) struct Netns(OwnedFd);

impl Netns {
    /// None without the privilege to make one.
    pub(crate) fn new() -> Option<Netns> {
        let thread = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).ok()?;
            File::open("/proc/thread-self/ns/net").ok()
        });
        thread.join().unwrap().map(|file| Netns(file.into()))
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.0
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// Runs `program` in the namespace with `input` on stdin; it must succeed.
    pub(crate) fn run(&self, program: &str, args: &str, input: &str) -> String {
        self.try_run(program, args, input).unwrap_or_else(|error| panic!("{program} {args}: {error}"))
    }

    /// The same; what it says on stderr where it fails.
    fn try_run(&self, program: &str, args: &str, input: &str) -> Result<String, String> {
        let fd = self.0.as_raw_fd();
        let mut command = Command::new(program);
        command.args(args.split_whitespace()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: setns is one system call and safe between fork and exec.
        unsafe {
            command.pre_exec(move || match libc::setns(fd, libc::CLONE_NEWNET) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            })
        };
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{program}: {e}"));
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    pub(crate) fn ip(&self, lines: &str) {
        self.run("ip", "-batch -", lines);
    }

    /// Links that the kernel may lack; its word for it then.
    pub(crate) fn try_ip(&self, lines: &str) -> Result<String, String> {
        self.try_run("ip", "-batch -", lines)
    }

    fn wire(&self, ifname: &str, mac: [u8; 6], gateway_mac: [u8; 6]) -> Wire {
        Wire { netns: self.0.try_clone().unwrap(), ifname: ifname.to_owned(), mac, gateway_mac }
    }
}

fn text(mac: [u8; 6]) -> String {
    mac.map(|b| format!("{b:02x}")).join(":")
}

fn veth(a: &Netns, name_a: &str, mac_a: [u8; 6], b: &Netns, name_b: &str, mac_b: [u8; 6]) {
    let (mac_a, mac_b, there) = (text(mac_a), text(mac_b), b.path());
    a.ip(&format!("link add {name_a} address {mac_a} type veth peer name {name_b} address {mac_b} netns {there}\n"));
    a.ip(&format!("link set {name_a} up\n"));
    b.ip(&format!("link set {name_b} up\n"));
}

/// Two testers on one veth pair.
pub(crate) fn direct() -> Option<(Netns, Netns, Wire, Wire)> {
    let (client, server) = (Netns::new()?, Netns::new()?);
    veth(&client, "c0", CLIENT_MAC, &server, "s0", SERVER_MAC);
    let wires = (client.wire("c0", CLIENT_MAC, SERVER_MAC), server.wire("s0", SERVER_MAC, CLIENT_MAC));
    Some((client, server, wires.0, wires.1))
}

/// Two testers with a namespace between them.
pub(crate) struct Routed {
    pub(crate) client: Netns,
    pub(crate) dut: Netns,
    pub(crate) server: Netns,
}

impl Routed {
    /// Links and addresses; the DUT does not forward yet.
    pub(crate) fn new() -> Option<Routed> {
        let bed = Routed { client: Netns::new()?, dut: Netns::new()?, server: Netns::new()? };
        bed.link_client();
        veth(&bed.dut, "d1", DUT_SERVER_MAC, &bed.server, "s0", SERVER_MAC);
        Some(bed)
    }

    /// The link between client and DUT, once more after it was deleted.
    pub(crate) fn link_client(&self) {
        veth(&self.client, "c0", CLIENT_MAC, &self.dut, "d0", DUT_CLIENT_MAC);
    }

    /// Makes the DUT a router with `ruleset`.
    pub(crate) fn route(&self, ruleset: &str) {
        let (client, server) = (text(CLIENT_MAC), text(SERVER_MAC));
        self.dut.ip(&format!(
            "address add 198.18.0.1/24 dev d0\naddress add 198.19.0.1/24 dev d1\n\
             address add 2001:2:0:1::1/64 dev d0 nodad\naddress add 2001:2:0:2::1/64 dev d1 nodad\n\
             neigh replace 198.18.0.2 lladdr {client} dev d0\nneigh replace 198.19.0.2 lladdr {server} dev d1\n\
             neigh replace 2001:2:0:1::2 lladdr {client} dev d0\nneigh replace 2001:2:0:2::2 lladdr {server} dev d1\n\
             route add 198.18.128.0/17 via 198.18.0.2\nroute add 198.19.128.0/17 via 198.19.0.2\n\
             route add 2001:2:0:1001::/64 via 2001:2:0:1::2\nroute add 2001:2:0:1002::/64 via 2001:2:0:2::2\n"
        ));
        for file in ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"] {
            self.dut.run("tee", file, "1");
        }
        self.nft(ruleset);
    }

    /// The DUT hands frames over at ingress, unrouted, as `verdicts` say; `fwd to d1` passes them on.
    pub(crate) fn cross(&self, verdicts: &str) {
        let chain = "type filter hook ingress device d0 priority 0;";
        self.nft(&format!("table netdev t {{ chain c {{ {chain} {verdicts} }} }}"));
    }

    /// Applies a ruleset in the DUT. nft wants a line's end behind each inner block.
    pub(crate) fn nft(&self, ruleset: &str) {
        self.dut.run("nft", "-f -", &ruleset.replace(" }", "\n}\n"));
    }

    /// A port of the DUT, for a tap.
    pub(crate) fn dut_wire(&self, ifname: &str) -> Wire {
        self.dut.wire(ifname, DUT_CLIENT_MAC, CLIENT_MAC)
    }

    /// The testers' ports; with `routed` they address the DUT, otherwise each other.
    pub(crate) fn wires(&self, routed: bool) -> (Wire, Wire) {
        let (to_server, to_client) = if routed { (DUT_CLIENT_MAC, DUT_SERVER_MAC) } else { (SERVER_MAC, CLIENT_MAC) };
        (self.client.wire("c0", CLIENT_MAC, to_server), self.server.wire("s0", SERVER_MAC, to_client))
    }
}
