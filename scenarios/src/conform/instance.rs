//! A case on one combination of what it applies to.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Translation;
use crate::{Datapath, Direction, Family, Protocol};

/// A case on one family, protocol, translation and direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// `CASE/ipv4-udp-masquerade-up`: unique in a plan.
    pub id: String,
    /// Index of the case in the plan.
    pub case: usize,
    /// Address family.
    pub family: Family,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Address translation.
    pub translation: Translation,
    /// Who sends the packets that matter.
    pub direction: Direction,
    /// Datapaths under test.
    pub datapaths: Vec<Datapath>,
    /// The number of its first flow in its station: flows of instances on one ruleset never meet.
    pub first_flow: u32,
}

/// Both ends of a flow as the client sees them: with DNAT the server's is the virtual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The client.
    pub client: SocketAddr,
    /// What the client sends to.
    pub server: SocketAddr,
    /// The client as the server sees it.
    pub client_seen: SocketAddr,
    /// The server as it calls itself.
    pub server_real: SocketAddr,
}
