//! Rulesets: one policy compiled for one datapath into native nft text.
//!
//! Native text and not nft's JSON, because the JSON cannot express all that offload needs (the flags of
//! flowtables and chains), and because it is what an administrator reads. Each forward chain begins with one
//! counter per direction: they count what takes the classic path, and so are a witness of it.

mod chains;
mod netdev;
mod text;

use crate::control::Control;
use crate::datapath::Datapath;
use crate::family::Families;
use crate::policy::Policy;
use crate::support::{Gap, gap};
use crate::topology::Topology;
use crate::traffic::Direction;

/// The name of the only table that flowgauge installs on a DUT.
pub const TABLE: &str = "flowgauge";
/// The name of the flowtable in it.
pub const FLOWTABLE: &str = "fast";
/// The chain that holds the counters of the classic path. (`fwd` would be a keyword of nft.)
pub const FORWARD_CHAIN: &str = "forward";
/// The comment of the counter rule for packets from the LAN to the WAN.
pub const UPSTREAM_COUNTER: &str = "classic upstream";
/// The comment of the counter rule for packets from the WAN to the LAN.
pub const DOWNSTREAM_COUNTER: &str = "classic downstream";

/// The netdev table whose chains count what the CPU saw at the ingress of each port, on topologies with a NIC. It comes
/// before everything else at ingress, and a packet that the hardware forwarded never gets to it.
pub const WATCH_TABLE: &str = "flowgauge_watch";
/// The comment of the counter for packets that the CPU saw at the LAN port.
pub const LAN_WATCH: &str = "seen by the CPU at lan";
/// The comment of the counter for packets that the CPU saw at the WAN port.
pub const WAN_WATCH: &str = "seen by the CPU at wan";
/// What the comments of netdev rules for packets from the LAN begin with; `ipv4 udp` or the like follows.
pub const NETDEV_UPSTREAM: &str = "netdev upstream";
/// What the comments of netdev rules for packets from the WAN begin with.
pub const NETDEV_DOWNSTREAM: &str = "netdev downstream";

/// What a ruleset is compiled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What the DUT's ports are; where they are a NIC's, a table is added that counts what the CPU sees.
    pub topology: Topology,
    /// What should happen to packets.
    pub policy: Policy,
    /// How the kernel executes it.
    pub datapath: Datapath,
    /// The address families it covers.
    pub families: Families,
    /// The DUT's port towards the client.
    pub lan: &'a str,
    /// The DUT's port towards the server.
    pub wan: &'a str,
    /// What is broken on purpose.
    pub control: Control,
    /// Rules ahead of the forward chain's own that match nothing.
    pub extra_rules: u32,
    /// The direction of the measured packets; the control `missing-port` leaves their port out.
    pub direction: Direction,
}

/// The text for `nft -f -`, or the reason why the policy does not exist on the datapath.
///
/// `forward` renders to no rules that forward: on veth a comment, which nft accepts; on a NIC the table that counts.
pub fn render(request: &Request<'_>) -> Result<String, Gap> {
    match gap(request.topology, request.policy, request.datapath) {
        Some(gap) => Err(gap),
        None => Ok(text::render(request)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(policy: Policy, datapath: Datapath, families: Families) -> Request<'static> {
        Request {
            topology: if datapath.needs_nic() { Topology::NicRouter } else { Topology::Router },
            policy,
            datapath,
            families,
            lan: "lan0",
            wan: "wan0",
            control: Control::None,
            extra_rules: 0,
            direction: Direction::Upstream,
        }
    }

    #[test]
    fn every_ruleset_is_as_reviewed() {
        let mut all = String::new();
        for policy in Policy::ALL {
            for datapath in Datapath::ALL {
                for families in [Families::Ipv4, Families::Both] {
                    all += &format!("==== {} {} {}\n", policy.name(), datapath.name(), families.name());
                    match render(&request(policy, datapath, families)) {
                        Ok(text) => all += &text,
                        Err(gap) => all += &format!("{}; {}\n", gap.reason, gap.instead),
                    }
                }
            }
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn hardware_is_told_to_offload_and_watched() {
        let hw = request(Policy::Route, Datapath::FlowtableHw, Families::Ipv4);
        let text = render(&hw).unwrap();
        assert!(text.contains("flags offload") && text.contains(LAN_WATCH) && text.contains(WAN_WATCH), "{text}");
        let software = render(&Request { datapath: Datapath::Flowtable, ..hw }).unwrap();
        assert!(!software.contains("flags offload") && software.contains(LAN_WATCH), "{software}");
        assert!(render(&Request { topology: Topology::Router, ..hw }).is_err());
        let netdev = |control| {
            let datapath = Datapath::NetdevHw;
            render(&Request { datapath, control, ..request(Policy::Route, datapath, Families::Both) }).unwrap()
        };
        assert_eq!(netdev(Control::None).matches("fwd to").count(), 8);
        assert_eq!(netdev(Control::MissingPort).matches("fwd to \"wan0\"").count(), 0);
        assert_eq!(netdev(Control::NoFlowAdd).matches("fwd to").count(), 0);
    }

    #[test]
    fn controls_break_what_they_say() {
        let sound = request(Policy::Route, Datapath::Flowtable, Families::Ipv4);
        let text = |control, direction| render(&Request { control, direction, ..sound }).unwrap();
        assert!(text(Control::None, Direction::Upstream).contains("devices = { \"lan0\", \"wan0\" }"));
        assert!(text(Control::None, Direction::Upstream).contains("flow add @fast"));
        assert!(text(Control::MissingPort, Direction::Upstream).contains("devices = { \"wan0\" }"));
        assert!(text(Control::MissingPort, Direction::Downstream).contains("devices = { \"lan0\" }"));
        assert!(!text(Control::NoFlowAdd, Direction::Upstream).contains("flow add"));
    }
}
