//! A case: one thing that must hold, with where it is from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Bed, Expect, Step, Translation};
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

/// Why a file of cases cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CaseError {
    /// It is not TOML, or has a field that does not exist.
    #[error("{file}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// Line and reason.
        message: String,
    },
    /// A case contradicts itself.
    #[error("{file}: case `{case}`: {message}")]
    Case {
        /// The file.
        file: String,
        /// The case.
        case: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// No case has that name, or the selection is empty.
    #[error("{0}")]
    Selection(String),
}
