//! What sequences are tried on.

use flowgauge_scenarios::conform::{Bed, REFERENCE, Rules, Station, Translation};
use flowgauge_scenarios::{Datapath, Family, Topology};

/// A packet that conntrack holds for invalid is not translated back. So it is for the DUT itself, which would answer from its own
/// stack as if it had never heard of the connection; as most firewalls do, this one keeps it from that.
const INPUT: &str = "chain input { type filter hook input priority 0; ct state invalid drop; }";

/// Parts of packets that are never completed wait half a minute and more, and beyond 4 MiB of them the kernel drops fragments of all:
/// a fuzzer is there in seconds. So they wait for two, and have more room.
const PARTS: [[(&str, &str); 2]; 2] = [
    [("net.ipv4.ipfrag_time", "2"), ("net.ipv4.ipfrag_high_thresh", "67108864")],
    [("net.netfilter.nf_conntrack_frag6_timeout", "2"), ("net.netfilter.nf_conntrack_frag6_high_thresh", "67108864")],
];

/// The stations for a datapath: both families, plain and masqueraded, with a WAN that is narrower than the LAN.
pub fn stations(datapath: Datapath) -> Vec<Station> {
    let topology = if datapath.needs_nic() { Topology::NicRouter } else { Topology::Router };
    let station = |family, translation| Station {
        topology,
        bed: Bed {
            wan_mtu: 1400,
            rules: Rules { table: vec![INPUT.to_owned()], ..Rules::default() },
            sysctls: PARTS[usize::from(family == Family::Ipv6)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Bed::default()
        },
        translation,
        family,
        datapaths: if datapath == REFERENCE { vec![REFERENCE] } else { vec![REFERENCE, datapath] },
        instances: Vec::new(),
    };
    [Translation::None, Translation::Masquerade]
        .into_iter()
        .flat_map(|translation| [Family::Ipv4, Family::Ipv6].map(|family| station(family, translation)))
        .collect()
}
