//! The ruleset of a station on one datapath.

use super::{Mutation, Station};
use crate::{Datapath, Gap};

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

/// The text for `nft -f -`. Its forward chain begins with the counters of the classic path, as all rulesets' do
/// ([`crate::ruleset::UPSTREAM_COUNTER`]); on a NIC the watch table is added.
pub fn render(_request: &RulesetRequest<'_>) -> Result<String, Gap> {
    todo!()
}
