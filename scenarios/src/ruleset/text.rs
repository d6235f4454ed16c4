//! Native nft syntax.

use std::fmt::Write;

use super::chains::chains;
use super::netdev;
use super::{FLOWTABLE, Request, TABLE};
use crate::control::Control;
use crate::datapath::Datapath;
use crate::traffic::Direction;

/// The ruleset as nft reads it.
pub(super) fn render(request: &Request<'_>) -> String {
    let mut out = match request.datapath {
        Datapath::Forward => "# plain forwarding: no rules, no connection tracking\n".to_owned(),
        _ => in_the_stack(request),
    };
    if request.datapath.has_netdev_chain() {
        out += &netdev::forwarding(request);
    }
    if request.topology.has_nic() {
        out += &netdev::watch(request);
    }
    out
}

/// The table of the IP stack's hooks.
fn in_the_stack(request: &Request<'_>) -> String {
    let mut out = format!("table {} {TABLE} {{\n", request.families.nft());
    if request.datapath.has_flowtable() {
        let devices: Vec<String> = devices(request).iter().map(|name| format!("\"{name}\"")).collect();
        let flags = if request.datapath.needs_nic() { "\t\tflags offload\n" } else { "" };
        // Without `counter` the conntrack accounting of offloaded flows freezes.
        let _ = write!(
            out,
            "\tflowtable {FLOWTABLE} {{\n\t\thook ingress priority filter\n\t\tdevices = {{ {} }}\n{flags}\t\tcounter\n\t}}\n\n",
            devices.join(", ")
        );
    }
    let chains: Vec<String> = chains(request)
        .iter()
        .map(|chain| {
            let rules: String = chain.rules.iter().map(|rule| format!("\t\t{rule}\n")).collect();
            format!("\tchain {} {{\n\t\t{}; policy {};\n{rules}\t}}\n", chain.name, chain.hook, chain.policy)
        })
        .collect();
    out + &chains.join("\n") + "}\n"
}

fn devices<'a>(request: &Request<'a>) -> Vec<&'a str> {
    match (request.control, request.direction) {
        (Control::MissingPort, Direction::Upstream) => vec![request.wan],
        (Control::MissingPort, _) => vec![request.lan],
        _ => vec![request.lan, request.wan],
    }
}
