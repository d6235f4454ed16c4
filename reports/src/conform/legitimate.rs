//! Differences between two paths that are nobody's fault: each by name, with its reason.

use super::decode::Field;

/// A field that may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legitimate {
    /// The fields of [`super::decode`] that may differ.
    pub fields: &'static [&'static str],
    /// In which frames.
    pub within: Within,
    /// Why.
    pub reason: &'static str,
}

/// Frames in which something may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// What the DUT sends of its own: ICMP errors.
    OwnMessages,
    /// Fragments of IPv6.
    Fragments,
    /// Packets that the DUT puts into a tunnel of IPv4: the outer header is its own.
    Tunnels,
}

/// Every difference that counts for nothing.
pub const LEGITIMATE: [Legitimate; 4] = [
    Legitimate {
        fields: &["ipv4.id", "ipv4.checksum"],
        within: Within::OwnMessages,
        reason: "the DUT numbers packets of its own as it likes (RFC 6864); the header's checksum follows",
    },
    Legitimate {
        fields: &["ipv6.class_label"],
        within: Within::OwnMessages,
        reason: "the flow label of the DUT's own packets is a hash with a secret of the boot (RFC 6437)",
    },
    Legitimate {
        fields: &["ipv6.fragment.id"],
        within: Within::Fragments,
        reason: "conntrack puts fragments together, and the DUT numbers those that it makes again with a secret of the boot \
                 (ipv6_select_ident; RFC 7739)",
    },
    Legitimate {
        fields: &["ipv4.id", "ipv4.checksum"],
        within: Within::Tunnels,
        reason: "the outer header of a tunnel is the DUT's own, numbered as it likes (RFC 6864); the header's checksum follows",
    },
];

/// Protocols of what is in a tunnel of IPv4: IPv4 and IPv6.
const TUNNELLED: [&str; 2] = ["4", "41"];

/// Why a frame that the DUT sends of its own accord counts for nothing, if that is what it is: its groups' reports come when
/// timers say so, and are answers to nothing that was sent.
pub fn chatter(fields: &[Field]) -> Option<&'static str> {
    // Queries, reports, leaving, reports of the second version (RFC 2710, RFC 3810).
    let of_groups =
        |field: &Field| field.name == "icmpv6.type" && matches!(&*field.value, "130" | "131" | "132" | "143");
    if fields.iter().any(of_groups) {
        return Some("the DUT tells which IPv6 groups its ports are in, at times of its own");
    }
    // ARP (RFC 826) and neighbour solicitations (RFC 4861), which are repeated once a second.
    let of_neighbours = |field: &Field| match field.name.as_str() {
        "ethernet.type" => &*field.value == "0x0806",
        "icmpv6.type" => &*field.value == "135",
        _ => false,
    };
    fields.iter().any(of_neighbours).then_some("the DUT asks for neighbours again, at times of its own")
}

/// Whether a frame, by its fields, is the DUT's own message.
pub fn own_message(fields: &[Field]) -> bool {
    fields.iter().any(|field| field.name.starts_with("quoted."))
}

/// The reason why `field` may differ in a frame with `fields`, if it may.
pub fn legitimate(field: &str, fields: &[Field]) -> Option<&'static Legitimate> {
    let is = |within| match within {
        Within::OwnMessages => own_message(fields),
        Within::Fragments => true,
        Within::Tunnels => {
            fields.iter().any(|field| field.name == "ipv4.protocol" && TUNNELLED.contains(&&*field.value))
        }
    };
    LEGITIMATE.iter().find(|one| one.fields.contains(&field) && is(one.within))
}
