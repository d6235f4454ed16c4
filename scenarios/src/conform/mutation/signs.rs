//! By what a mutant shows: only a difference that it explains counts as noticing it. Another one is the weather, such as a frame
//! that was lost under load, and would make any mutant look noticed.

use super::Mutation;
use crate::Fault;

/// What a mutant can change of what is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// What the fields of findings begin with.
    pub fields: &'static [&'static str],
    /// Packets take another lane, or flows are not where they should be: a case is unproven, or what was known to fail passes.
    pub lane: bool,
}

impl Signs {
    /// Whether a finding about this field is one of them.
    pub fn explain(&self, field: &str) -> bool {
        // What an ICMP error quotes is a packet, too.
        let field = field.strip_prefix("quoted.").unwrap_or(field);
        self.fields.iter().any(|sign| field.starts_with(sign))
    }
}

/// Flows are not, or not only, in the lane where they should be; the tables, claims and counters of that lane say so.
const ELSEWHERE: &[&str] = &["conntrack.offloaded", "conntrack.hardware", "claim.", "hardware.", "counted.hardware"];
/// Flows stay where they should have gone, and forward.
const LEFT_BEHIND: &[&str] = &[
    "conntrack.offloaded",
    "conntrack.hardware",
    "conntrack.entry",
    "claim.",
    "hardware.",
    "counted.hardware",
    "extra",
    "lost",
    "stale",
];
const COUNTERS: &[&str] = &["counted."];
/// Everything that an address or a port shows in.
const ADDRESSES: &[&str] = &[
    "ipv4.source",
    "ipv4.destination",
    "ipv6.source",
    "ipv6.destination",
    "udp.source",
    "udp.destination",
    "tcp.source",
    "tcp.destination",
    "conntrack.tuple",
];
/// Frames that are compared with another than their own.
const ORDER: &[&str] = &["payload", "udp.checksum", "tcp.checksum", "tcp.sequence", "ipv4.id", "lost", "extra"];

impl Mutation {
    /// By what it shows.
    pub const fn signs(self) -> Signs {
        let (fields, lane): (&[&str], bool) = match self {
            // Whatever shows is one too many.
            Mutation::Nothing => (&[""], true),
            Mutation::Fault(fault, _) => match fault {
                Fault::RefuseMatch | Fault::RefuseAt | Fault::RefuseDirection | Fault::InstallDelayMs => {
                    (ELSEWHERE, true)
                }
                Fault::FreezeCounters | Fault::DoubleCounters | Fault::CountL2 => (COUNTERS, false),
                Fault::NoAging | Fault::LeakAtUnbind | Fault::StaleAfterDelete => (LEFT_BEHIND, true),
                Fault::ForgetTtl => (&["ipv4.ttl", "ipv6.hop_limit"], false),
                Fault::WrongChecksum => (&["ipv4.checksum", "udp.checksum", "tcp.checksum"], false),
                Fault::WrongNatPort => (ADDRESSES, false),
                Fault::DropEvery => (&["lost"], false),
                Fault::ReorderEvery => (ORDER, false),
            },
            Mutation::NoBedFaults | Mutation::MissingPort | Mutation::NoFlowAdd => (ELSEWHERE, true),
            Mutation::NoCounter => (COUNTERS, false),
            Mutation::WrongNat => (ADDRESSES, false),
            Mutation::EgressTtl => (&["ipv4.ttl", "ipv6.hop_limit"], false),
            Mutation::EgressDscp | Mutation::EgressEcn => (&["ipv4.dscp_ecn", "ipv6.class_label"], false),
            Mutation::EgressId => (&["ipv4.id"], false),
            Mutation::EgressDontFragment => (&["ipv4.fragment"], false),
            Mutation::EgressFlowLabel => (&["ipv6.class_label"], false),
            Mutation::EgressTcpFlags => (&["tcp.flags"], false),
            Mutation::EgressTcpWindow => (&["tcp.window"], false),
            Mutation::EgressPayload => (&["payload", "data"], false),
            Mutation::EgressMac => (&["ethernet.source"], false),
            Mutation::EgressDrop | Mutation::EgressNoIcmp | Mutation::EgressNoEnd | Mutation::FallbackDrop => {
                (&["lost"], false)
            }
            Mutation::EgressDuplicate | Mutation::IngressCopy => (&["extra"], false),
            Mutation::EgressPort => (&["udp.destination", "tcp.destination"], false),
            Mutation::NoTimeout => (LEFT_BEHIND, true),
            Mutation::NoAdmission => (ELSEWHERE, true),
            Mutation::NoOwnRules => (&["extra", "lost", "counted.rule", "conntrack.", "ipv4.", "ipv6."], true),
            Mutation::Deaf => {
                (&["extra", "lost", "stale", "conntrack.", "hardware.", "ethernet.", "counted.", "claim."], true)
            }
        };
        Signs { fields, lane }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_a_field_that_the_mutant_changes_also_where_it_is_quoted() {
        let ttl = Mutation::EgressTtl.signs();
        assert!(ttl.explain("ipv4.ttl") && ttl.explain("ipv6.hop_limit") && ttl.explain("quoted.ipv4.ttl"));
        assert!(!ttl.explain("lost") && !ttl.explain("ipv4.length") && !ttl.lane);
        assert!(Mutation::MissingPort.signs().lane && Mutation::Nothing.signs().explain("lost"));
    }

    #[test]
    fn every_mutant_has_a_sign() {
        for mutation in Mutation::all() {
            let signs = mutation.signs();
            assert!(signs.lane || !signs.fields.is_empty(), "{mutation:?}");
            // A sign that every field begins with would let the weather kill.
            assert!(signs.fields.iter().all(|field| field.len() > 3), "{mutation:?}");
        }
    }
}
