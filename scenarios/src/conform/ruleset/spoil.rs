//! Chains at the ports that spoil what passes. The egress hook is in kernels from 5.16 on (net/netfilter/Kconfig,
//! NETFILTER_EGRESS); what hardware forwards never gets to any of them.

use super::{Family, Mutation, RulesetRequest, TABLE, keyword};

/// The table of a mutant; none where it is broken elsewhere, or has nothing to break in this family.
pub(super) fn render(request: &RulesetRequest<'_>, mutation: Mutation) -> Option<String> {
    let (lan, wan) = (request.lan_port, request.wan);
    let chains: Vec<Option<String>> = match mutation {
        Mutation::EgressNoIcmp | Mutation::EgressNoEnd | Mutation::EgressMac => {
            let rules = rules(request, mutation);
            vec![chain("at_lan", "egress", lan, &rules), chain("at_wan", "egress", wan, &rules)]
        }
        Mutation::IngressCopy => {
            let copy = |to: &str| [format!("meta l4proto {{ tcp, udp }} dup to \"{to}\"")];
            vec![chain("at_lan", "ingress", lan, &copy(wan)), chain("at_wan", "ingress", wan, &copy(lan))]
        }
        _ => vec![chain("at_wan", "egress", wan, &rules(request, mutation))],
    };
    let chains: String = chains.into_iter().flatten().collect();
    (!chains.is_empty()).then(|| format!("\ntable netdev {TABLE} {{\n{chains}}}\n"))
}

/// At ingress it comes before the flowtable, whose hook has the priority `filter`.
fn chain(name: &str, hook: &str, port: &str, rules: &[String]) -> Option<String> {
    let rules: String = rules.iter().map(|rule| format!("\t\t{rule}\n")).collect();
    let head = format!("type filter hook {hook} device \"{port}\" priority -200; policy accept;");
    (!rules.is_empty()).then(|| format!("\tchain {name} {{\n\t\t{head}\n{rules}\t}}\n"))
}

fn rules(request: &RulesetRequest<'_>, mutation: Mutation) -> Vec<String> {
    let ipv4 = request.station.family == Family::Ipv4;
    let ip = keyword(request.station.family);
    let both = |statement: &str| ["tcp", "udp"].map(|l4| format!("meta l4proto {l4} {statement}")).to_vec();
    let of = |family: bool, statement: &str| if family { both(statement) } else { Vec::new() };
    match mutation {
        Mutation::EgressTtl => both(if ipv4 { "ip ttl set 62" } else { "ip6 hoplimit set 62" }),
        Mutation::EgressDscp => both(&format!("{ip} dscp set cs1")),
        Mutation::EgressEcn => both(&format!("{ip} ecn set not-ect")),
        Mutation::EgressId => of(ipv4, "ip id set 7"),
        Mutation::EgressDontFragment => of(ipv4, "ip frag-off set 0"),
        Mutation::EgressFlowLabel => of(!ipv4, "ip6 flowlabel set 5"),
        // Connections still begin.
        Mutation::EgressTcpFlags => vec!["tcp flags & syn == 0 tcp flags set psh | ack".to_owned()],
        Mutation::EgressTcpWindow => vec!["tcp flags & syn == 0 tcp window set 1".to_owned()],
        // Behind the mark by which testers know their packets (harness/src/conform/craft/payload.rs).
        Mutation::EgressPayload => both("@ih,128,16 set 0xdead"),
        Mutation::EgressMac => both("ether saddr set 02:66:67:00:0b:ad"),
        Mutation::EgressDrop => vec!["meta l4proto { tcp, udp } numgen inc mod 5 0 drop".to_owned()],
        Mutation::EgressDuplicate => {
            vec![format!("meta l4proto {{ tcp, udp }} numgen inc mod 5 0 dup to \"{}\"", request.wan)]
        }
        Mutation::EgressPort => ["tcp", "udp"].map(|l4| format!("{l4} dport 20000 {l4} dport set 20001")).to_vec(),
        Mutation::EgressNoIcmp if ipv4 => vec!["ip protocol icmp drop".to_owned()],
        // Neighbour discovery goes on.
        Mutation::EgressNoIcmp => vec!["ip6 nexthdr icmpv6 icmpv6 type < 128 drop".to_owned()],
        Mutation::EgressNoEnd => vec!["tcp flags & (fin | rst) != 0 drop".to_owned()],
        _ => Vec::new(),
    }
}
