//! What is done to the DUT while flows are there: what an administrator does, or what happens to the network.
//!
//! All but rulesets goes over sockets that are open, so that an act takes the time of the kernel's work and not that of a
//! program's start. Each notes what it leaves behind, for [`Bench::restore`].

mod act;
mod ipsec;
mod ruleset;

use std::time::Instant;

use flowgauge_reports::conform::ActRun;
use flowgauge_scenarios::conform::{Act, Flow};
use flowgauge_scenarios::{Family, Protocol};

use super::station::{Bench, Refused};

impl Bench {
    /// Does something to the DUT. `flow` is the one that an act on a single connection is about.
    pub fn act(&mut self, act: &Act, flow: &Flow, _family: Family, protocol: Protocol) -> ActRun {
        let began = Instant::now();
        let outcome = self.perform(act, flow, protocol);
        let duration_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        match outcome {
            Ok(said) => ActRun { done: true, said, duration_ns },
            Err(refused) => ActRun { done: false, said: refused.to_string(), duration_ns },
        }
    }

    fn perform(&mut self, act: &Act, flow: &Flow, protocol: Protocol) -> Result<String, Refused> {
        match act {
            Act::ConntrackDelete => self.delete_connection(flow, protocol),
            Act::ConntrackFlush => self.flush_connections(),
            Act::FlowtableDelete => self.delete_flowtable(),
            Act::TableFlush => self.flush_table(),
            Act::TableDelete => self.delete_table(),
            Act::Reload => self.reload(),
            Act::Nft(text) => self.nft(text),
            Act::LinkFlap => self.flap_link(),
            Act::LinkDown => self.down_link(),
            Act::PortDelete => self.delete_port(),
            Act::RouteUnreachable => self.route(false),
            Act::RouteAway => self.route(true),
            Act::NeighbourMoves => self.move_neighbour(),
            Act::NeighbourFails => self.fail_neighbour(),
            Act::WanMtu(mtu) => self.set_wan_mtu(*mtu),
            Act::AddressRemove => self.remove_address(),
            Act::Sysctl(key, value) => self.set_parameter(key, value),
            Act::IpsecTunnel => self.end_tunnel(),
            Act::BridgeMoves => self.move_client(),
            Act::OffloadOff => self.offload_off(),
        }
    }
}
