//! The scenarios that come with flowgauge: the `.toml` files of this folder.

const FILES: [(&str, &str); 17] = [
    ("udp-ipv4", include_str!("../udp-ipv4.toml")),
    ("udp-ipv6", include_str!("../udp-ipv6.toml")),
    ("tcp-masquerade", include_str!("../tcp-masquerade.toml")),
    ("udp-paced", include_str!("../udp-paced.toml")),
    ("stateful-dual", include_str!("../stateful-dual.toml")),
    ("imix", include_str!("../imix.toml")),
    ("many-flows", include_str!("../many-flows.toml")),
    ("tcp-bulk", include_str!("../tcp-bulk.toml")),
    ("nic-udp-ipv4", include_str!("../nic-udp-ipv4.toml")),
    ("nic-tcp-ipv6", include_str!("../nic-tcp-ipv6.toml")),
    ("nic-udp-masquerade", include_str!("../nic-udp-masquerade.toml")),
    ("nic-tcp-dnat", include_str!("../nic-tcp-dnat.toml")),
    ("westphal-forwarding", include_str!("../westphal-forwarding.toml")),
    ("nic-cost", include_str!("../nic-cost.toml")),
    ("control-missing-port", include_str!("../control-missing-port.toml")),
    ("control-no-flow-add", include_str!("../control-no-flow-add.toml")),
    ("control-no-opening", include_str!("../control-no-opening.toml")),
];

/// The names of all built-in scenarios, in the order of lists.
pub const NAMES: &[&str] = &{
    let mut names = [""; FILES.len()];
    let mut i = 0;
    while i < FILES.len() {
        names[i] = FILES[i].0;
        i += 1;
    }
    names
};

/// What `--topology nic-router` measures where no scenario is named: IPv4, IPv6, masquerade and DNAT, UDP and TCP.
pub const NIC_SET: [&str; 4] = ["nic-udp-ipv4", "nic-tcp-ipv6", "nic-udp-masquerade", "nic-tcp-dnat"];

/// The TOML text of a built-in scenario.
pub fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|f| f.0 == name).map(|f| f.1)
}
