//! A case: one thing that must hold, with where it is from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Bed, Expect, PacketSpec, Step, Translation};
use crate::{Datapath, Direction, Family, Protocol};

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// What happens to each packet.
    Forwarding,
    /// VLAN, QinQ, PPPoE, bridges, tunnels.
    Encapsulation,
    /// How flows begin and end.
    Life,
    /// What is counted, and in which layer.
    Counters,
    /// What an administrator loses once `flow add` has run.
    Losses,
    /// Full tables and refusals.
    Capacity,
    /// What the kernel says of offload against what the packets did.
    Claims,
}

impl Group {
    /// Every group, in the order of reports.
    pub const ALL: [Group; 7] = [
        Group::Forwarding,
        Group::Encapsulation,
        Group::Life,
        Group::Counters,
        Group::Losses,
        Group::Capacity,
        Group::Claims,
    ];

    /// The name in case files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Forwarding => "forwarding",
            Group::Encapsulation => "encapsulation",
            Group::Life => "life",
            Group::Counters => "counters",
            Group::Losses => "losses",
            Group::Capacity => "capacity",
            Group::Claims => "claims",
        }
    }

    /// What it is about, as half a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Group::Forwarding => "what happens to each packet",
            Group::Encapsulation => "VLAN, QinQ, PPPoE, bridges, tunnels, bonds",
            Group::Life => "how flows begin and end, and how fast they follow a change",
            Group::Counters => "what is counted, and in which layer",
            Group::Losses => "rules that offloaded packets no longer meet",
            Group::Capacity => "full tables and refusals",
            Group::Claims => "what the kernel says of offload against what the packets did",
        }
    }
}

/// What a case applies to. It expands into every combination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Applies {
    /// Address families.
    pub families: Vec<Family>,
    /// Transport protocols.
    pub protocols: Vec<Protocol>,
    /// Address translations.
    pub translations: Vec<Translation>,
    /// Who sends the packets that matter: `upstream` or `downstream`.
    pub directions: Vec<Direction>,
    /// Datapaths under test. The reference is among them: it is compared with itself.
    pub datapaths: Vec<Datapath>,
}

impl Default for Applies {
    fn default() -> Self {
        Applies {
            families: vec![Family::Ipv4, Family::Ipv6],
            protocols: vec![Protocol::Udp, Protocol::Tcp],
            translations: vec![Translation::None],
            directions: vec![Direction::Upstream],
            datapaths: vec![Datapath::Conntrack, Datapath::Flowtable, Datapath::FlowtableHw],
        }
    }
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name: small letters, digits and `-`.
    pub id: String,
    /// What it is about.
    pub group: Group,
    /// What must hold, in one sentence.
    pub what: String,
    /// Why it matters, in one sentence.
    pub why: String,
    /// Where that is from: an RFC with its section, a file of the kernel, a thread of a list.
    pub source: String,
    /// What it applies to.
    #[serde(default)]
    pub applies: Applies,
    /// What it runs on.
    #[serde(default)]
    pub bed: Bed,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// What must hold beyond being equal to the reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expect>,
}

impl Case {
    /// How many flows an instance of it has.
    pub fn flows(&self) -> u16 {
        let of_step = |step: &Step| match step {
            Step::Open { flows, .. } => *flows,
            Step::Send { packet, .. } | Step::Stream { packet, .. } => packet.flow.saturating_add(1),
            Step::Act(_) | Step::Wait(_) | Step::Look => 0,
        };
        self.steps.iter().map(of_step).max().unwrap_or(0).max(1)
    }

    /// The packets that it sends, beyond those that open flows.
    pub fn packets(&self) -> impl Iterator<Item = &PacketSpec> {
        self.steps.iter().filter_map(|step| match step {
            Step::Send { packet, .. } | Step::Stream { packet, .. } => Some(packet),
            _ => None,
        })
    }
}

/// Why a file of cases cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CaseError {
    /// It is not TOML, or has a field that does not exist.
    #[error("{file} is not a file of cases: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// The case, the line and the reason.
        message: String,
    },
    /// A case contradicts itself.
    #[error("{file}, line {line}: case `{case}`: {message}")]
    Case {
        /// The file.
        file: String,
        /// The line where the case begins, from 1.
        line: usize,
        /// The case.
        case: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// An entry of known failures contradicts itself.
    #[error("{file}, line {line}: known failure of `{instances}`: {message}")]
    Known {
        /// The file.
        file: String,
        /// The line where the entry begins, from 1.
        line: usize,
        /// Its pattern of instances.
        instances: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// No case has that name, or the selection is empty.
    #[error("{0}")]
    Selection(String),
}
