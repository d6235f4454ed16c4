//! Chains at the ingress of the DUT's ports.

use super::{LAN_WATCH, NETDEV_DOWNSTREAM, NETDEV_UPSTREAM, Request, TABLE, WAN_WATCH, WATCH_TABLE};
use crate::control::Control;
use crate::family::Family;
use crate::traffic::{Direction, Protocol};

/// The kernel offloads chains of a priority from 1 on (nf_tables_offload.c, nft_chain_offload_priority).
const FORWARDING_PRIORITY: i32 = 10;
/// Before the flowtable (0) and before [`FORWARDING_PRIORITY`].
const WATCH_PRIORITY: i32 = -400;

/// The table that forwards from port to port.
///
/// A rule for each protocol of each family, because an offloaded chain knows no sets.
pub(super) fn forwarding(request: &Request<'_>) -> String {
    let offload = if request.datapath.needs_nic() { " flags offload;" } else { "" };
    let mut out = format!("\ntable netdev {TABLE} {{\n");
    let sides = [
        ("lan", request.lan, request.wan, NETDEV_UPSTREAM, Direction::Upstream),
        ("wan", request.wan, request.lan, NETDEV_DOWNSTREAM, Direction::Downstream),
    ];
    for (chain, port, other, comment, direction) in sides {
        if request.control == Control::MissingPort && misses(request.direction, direction) {
            continue;
        }
        out += &format!(
            "\tchain {chain} {{\n\t\ttype filter hook ingress device \"{port}\" priority {FORWARDING_PRIORITY};{offload} \
             policy accept;\n"
        );
        for family in request.families.each().iter().filter(|_| request.control != Control::NoFlowAdd) {
            let (ether, name) = match family {
                Family::Ipv4 => ("ip", "ipv4"),
                Family::Ipv6 => ("ip6", "ipv6"),
            };
            for protocol in [Protocol::Udp, Protocol::Tcp].map(Protocol::name) {
                out += &format!(
                    "\t\tmeta protocol {ether} meta l4proto {protocol} counter fwd to \"{other}\" comment \"{comment} \
                     {name} {protocol}\"\n"
                );
            }
        }
        out += "\t}\n";
    }
    out + "}\n"
}

/// Whether the control `missing-port` leaves out the port where packets of `direction` enter: the one that the
/// flowtable would lack.
fn misses(measured: Direction, direction: Direction) -> bool {
    (measured == Direction::Upstream) == (direction == Direction::Upstream)
}

/// The table that counts what the CPU sees.
pub(super) fn watch(request: &Request<'_>) -> String {
    let chain = |name: &str, port: &str, comment: &str| {
        format!(
            "\tchain {name} {{\n\t\ttype filter hook ingress device \"{port}\" priority {WATCH_PRIORITY}; policy \
             accept;\n\t\tcounter comment \"{comment}\"\n\t}}\n"
        )
    };
    format!(
        "\ntable netdev {WATCH_TABLE} {{\n{}{}}}\n",
        chain("lan", request.lan, LAN_WATCH),
        chain("wan", request.wan, WAN_WATCH)
    )
}
