//! The cases that come with flowgauge: the files of `scenarios/conform/`.

use super::{Case, CaseError, ConformPlan, Known, Mutation};
use crate::Datapath;

/// Cases with what is known of their failures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    /// Every case.
    pub cases: Vec<Case>,
    /// Every known failure.
    pub known: Vec<Known>,
}

impl Catalogue {
    /// The built-in cases.
    pub fn builtin() -> Result<Catalogue, CaseError> {
        todo!()
    }

    /// The cases of one file, for a case of the user's own or one that the fuzzer wrote.
    pub fn parse(_file: &str, _text: &str) -> Result<Catalogue, CaseError> {
        todo!()
    }

    /// The plan for what `patterns` select (`*` stands for anything; a case id, an instance id, a group; all where empty) on
    /// `datapaths`.
    pub fn plan(
        &self,
        _patterns: &[String],
        _datapaths: &[Datapath],
        _mutants: &[Mutation],
    ) -> Result<ConformPlan, CaseError> {
        todo!()
    }
}
