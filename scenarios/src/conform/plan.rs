//! What a conformance run does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bed, Case, Instance, Mutation, Translation};
use crate::{Datapath, Family, Topology};

/// Instances that share a ruleset, on one datapath after the other, the reference first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Station {
    /// What the DUT's ports are. A datapath that needs a NIC, and the reference it is compared with, are on `nic-router`.
    pub topology: Topology,
    /// The bed of its cases.
    pub bed: Bed,
    /// Address translation.
    pub translation: Translation,
    /// Address family.
    pub family: Family,
    /// Datapaths, the reference first.
    pub datapaths: Vec<Datapath>,
    /// Indices of its instances.
    pub instances: Vec<usize>,
}

/// What a conformance run does: plain data, made from cases and a selection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConformPlan {
    /// The cases, those that are selected only.
    pub cases: Vec<Case>,
    /// Their instances, in the order of reports.
    pub instances: Vec<Instance>,
    /// What is set up one after the other.
    pub stations: Vec<Station>,
    /// What is broken on purpose, one after the other; each mutant runs every station that it can show in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mutants: Vec<Mutation>,
    /// Generated sequences in place of cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuzz: Option<Fuzz>,
}

/// What is asked of fuzzing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fuzz {
    /// How many packets, over all sequences, through each of both paths.
    pub packets: u64,
    /// The seed: the same packets for the same seed.
    pub seed: u64,
    /// How long at most, in seconds.
    pub seconds: u32,
    /// The datapath under test.
    pub datapath: Datapath,
    /// What is broken on purpose on it, to see that it is noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutation: Option<Mutation>,
}
