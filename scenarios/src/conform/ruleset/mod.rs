//! The ruleset of a station on one datapath, and the kernel parameters that go with it.
//!
//! The policy is that of a firewall: what conntrack knows passes, clients may begin, everything else is dropped. So a packet
//! that conntrack holds for invalid is not forwarded by the reference, and a fast path that forwards it is seen.

mod chains;
mod spoil;

use std::collections::BTreeMap;

use super::{Encapsulation, Mutation, REFERENCE, Station, Translation};
use crate::ruleset::{FLOWTABLE, TABLE};
use crate::support::Gap;
use crate::{Datapath, Family};

/// The IP protocol of frames by which testers know that nothing is on the way any more; for experiments (RFC 3692). Such
/// frames pass ahead of all counters.
pub const SENTINEL_PROTOCOL: u8 = 253;
/// What the comment of a counter rule of a case begins with, so that it is read as such.
pub const COUNTED: &str = "counted";

/// What a ruleset is made from.
#[derive(Clone, Copy, Debug)]
pub struct RulesetRequest<'a> {
    /// The station.
    pub station: &'a Station,
    /// One of its datapaths.
    pub datapath: Datapath,
    /// What is broken on purpose.
    pub mutation: Option<Mutation>,
    /// The DUT's port, or the device on it, that has the LAN's addresses (`lan0`, `lan0.10`, `br0`, `ppp0`).
    pub lan: &'a str,
    /// The devices of the flowtable at the LAN: the port itself, for the flowtable resolves what is stacked on it.
    pub lan_port: &'a str,
    /// The DUT's port towards the server.
    pub wan: &'a str,
}

impl RulesetRequest<'_> {
    /// What is broken on purpose. Never on the reference.
    fn broken(&self) -> Option<Mutation> {
        self.mutation.filter(|_| self.datapath != REFERENCE)
    }

    fn has_flowtable(&self) -> bool {
        self.datapath.has_flowtable()
    }
}

/// The text for `nft -f -`. Its forward chain begins with the counters of the classic path, as all rulesets' do
/// ([`crate::ruleset::UPSTREAM_COUNTER`]). All its tables are named [`TABLE`].
///
/// # Errors
/// A datapath that does not exist on the station's topology, or that is none of a flowtable or the reference.
pub fn render(request: &RulesetRequest<'_>) -> Result<String, Gap> {
    if request.datapath != REFERENCE && !request.has_flowtable() {
        return Err(Gap {
            reason: format!("conformance has no ruleset for `{}`", request.datapath.name()),
            instead: "take conntrack, flowtable or flowtable-hw".to_owned(),
        });
    }
    if let Some(gap) = crate::gap(request.station.topology, crate::Policy::Route, request.datapath) {
        return Err(gap);
    }
    let mut out = format!("table {} {TABLE} {{\n", keyword(request.station.family));
    if request.has_flowtable() {
        out += &flowtable(request);
    }
    for line in &request.station.bed.rules.table {
        // Where the rules are missing, so are the chains that have them; what rules refer to may stay.
        if request.broken() != Some(Mutation::NoOwnRules) || !line.starts_with("chain ") {
            out += &format!("\t{}\n", filled(request, line));
        }
    }
    out += &chains::render(request);
    out += "}\n";
    if let Some(spoilt) = request.broken().and_then(|mutation| spoil::render(request, mutation)) {
        out += &spoilt;
    }
    Ok(out)
}

/// The parameters of the DUT's namespace that a station needs, over those of every testbed. All of them exist only once
/// nf_conntrack is loaded.
pub fn sysctls(station: &Station, mutation: Option<Mutation>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = [
        // Errors are wanted one for one; the limit (one a second for each destination) is not what cases are about. The mask and
        // not the limit, which as 0 would empty the tokens that errors of routing live on (inet_peer_xrlim_allow, ip_error).
        ("net.ipv4.icmp_ratemask", "0"),
        ("net.ipv6.icmp.ratelimit", "0"),
        // The kernel's own value. Testbeds have 300 s, as long as conntrack's own timeout: an entry whose flow is torn down
        // gets the difference of both (flow_offload_fixup_ct), and would end with its flow.
        ("net.netfilter.nf_flowtable_udp_timeout", "30"),
        ("net.netfilter.nf_flowtable_tcp_timeout", "30"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    all.extend(station.bed.sysctls.clone());
    if mutation == Some(Mutation::NoTimeout) {
        for protocol in ["udp", "tcp"] {
            all.insert(format!("net.netfilter.nf_flowtable_{protocol}_timeout"), "3600".to_owned());
        }
    }
    all
}

/// Text of a case, its placeholders filled, what is nft's of the flowtable left out on the reference.
pub fn fill(text: &str, request: &RulesetRequest<'_>) -> String {
    filled(request, text)
}

fn filled(request: &RulesetRequest<'_>, text: &str) -> String {
    let text = match request.has_flowtable() && request.broken() != Some(Mutation::NoFlowAdd) {
        true => text.replace("{flowtable}", FLOWTABLE),
        false => text.replace("flow add @{flowtable}", "").replace("{flowtable}", FLOWTABLE),
    };
    text.replace("{lan}", request.lan).replace("{wan}", request.wan).replace("{ip}", keyword(request.station.family))
}

/// The family as nft names it, also in matches.
fn keyword(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    }
}

fn flowtable(request: &RulesetRequest<'_>) -> String {
    let broken = request.broken();
    let ports = match broken {
        Some(Mutation::MissingPort) => vec![request.wan],
        // Neither is resolved to the port below it, a tunnel not before 6.19: in software the device itself can be in the
        // flowtable, in hardware it cannot (EOPNOTSUPP).
        _ if matches!(request.station.bed.encapsulation, Encapsulation::Tunnel | Encapsulation::Bond)
            && !request.datapath.needs_nic() =>
        {
            vec![request.lan_port, request.lan, request.wan]
        }
        _ => vec![request.lan_port, request.wan],
    };
    let ports: Vec<String> = ports.iter().map(|port| format!("\"{port}\"")).collect();
    let flags = if request.datapath.needs_nic() { "\t\tflags offload\n" } else { "" };
    let uncounted = request.station.bed.rules.uncounted || broken == Some(Mutation::NoCounter);
    let counter = if uncounted { "" } else { "\t\tcounter\n" };
    format!(
        "\tflowtable {FLOWTABLE} {{\n\t\thook ingress priority filter\n\t\tdevices = {{ {} }}\n{flags}{counter}\t}}\n\n",
        ports.join(", ")
    )
}

#[cfg(test)]
mod tests;
