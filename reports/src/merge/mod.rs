//! Merging: the results of a plan's shards, joined into the result of the whole.
//!
//! Nothing is taken on trust: every step of the plan is there exactly once, run by the shard it belongs to, and what was
//! measured, with what and where, is the same in all; what is not is named.

pub mod difference;
mod error;
mod surroundings;

use std::collections::{BTreeMap, BTreeSet};

use flowgauge_scenarios::{Plan, Shard};

use crate::contradiction::check;
use crate::environment::Environment;
use crate::event::{SCHEMA_VERSION, Warning};
use crate::judge::judge;
use crate::result::{Ending, RunResult};
pub use error::MergeError;

/// The result of one shard.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Where it is from, for messages.
    pub label: String,
    /// The result.
    pub result: RunResult,
}

/// What is accepted although it takes from the worth of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Allowance {
    /// Shards that ran on other CPUs: wall-clock samples of one row are then of several machines.
    Cpu,
    /// Shards that are missing or did not end: the whole is then incomplete, and says so.
    Missing,
}

/// Joins shards into the result of their plan.
///
/// A shard that was run again after a failure may be given twice: the run that went through its part counts.
///
/// # Errors
/// When they are not the shards of one plan, when one is missing, unfinished or there twice, or when they ran in
/// environments that cannot be compared.
pub fn merge(pieces: Vec<Piece>, allowed: &BTreeSet<Allowance>) -> Result<RunResult, MergeError> {
    let (plan, of) = plan(&pieces)?;
    let pieces = one_of_each(pieces, of, allowed)?;
    strays(&pieces, &plan)?;
    let (environment, mut warnings) = surroundings::joined(&pieces, allowed)?;
    warnings.insert(0, about(&pieces, of));
    let results = || pieces.iter().map(|piece| &piece.result);
    let Some(first) = results().min_by(|a, b| a.unix_s.total_cmp(&b.unix_s)) else { return Err(MergeError::Nothing) };
    for warning in results().flat_map(|result| &result.warnings) {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    let whole = results().count() == of as usize && results().all(|result| result.ending == Ending::Complete);
    let joined = RunResult {
        schema_version: SCHEMA_VERSION,
        run: format!("{}-merged", first.run),
        unix_s: first.unix_s,
        command: without_shard(&first.command),
        ending: if whole { Ending::Complete } else { Ending::Truncated },
        environment,
        plan,
        calibrations: results().flat_map(|result| result.calibrations.clone()).collect(),
        trials: results().flat_map(|result| result.trials.clone()).collect(),
        onsets: results().flat_map(|result| result.onsets.clone()).collect(),
        profiles: results().flat_map(|result| result.profiles.clone()).collect(),
        complaints: results().flat_map(|result| result.complaints.clone()).collect(),
        warnings,
        judgement: first.judgement.clone(),
    };
    Ok(judged(joined)?)
}

/// The result with its samples in the plan's order, judged as a whole.
fn judged(mut result: RunResult) -> Result<RunResult, crate::ResultError> {
    result.trials.sort_by_key(|trial| trial.step);
    result.calibrations.sort_by_key(|calibration| (calibration.block, calibration.scenario));
    result.onsets.sort_by_key(|onset| onset.cell);
    let RunResult { plan, trials, calibrations, onsets, environment, complaints, .. } = &result;
    check(plan, trials, calibrations, onsets)?;
    let judgement = judge(plan, trials, calibrations, onsets, environment.as_ref()).heard(complaints);
    Ok(RunResult { judgement, ..result })
}

/// The plan of all, and how many shards it was run in.
fn plan(pieces: &[Piece]) -> Result<(Plan, u32), MergeError> {
    let shard =
        |piece: &Piece| piece.result.plan.shard.ok_or_else(|| MergeError::NotAShard { label: piece.label.clone() });
    let Some(first) = pieces.first() else { return Err(MergeError::Nothing) };
    let of = shard(first)?.of;
    let whole = |piece: &Piece| Plan { shard: None, ..piece.result.plan.clone() };
    let plan = whole(first);
    for piece in &pieces[1..] {
        let other = shard(piece)?.of;
        if other != of {
            let (first, label) = (first.label.clone(), piece.label.clone());
            return Err(MergeError::OtherNumber { first, of, label, other });
        }
        let theirs = whole(piece);
        if theirs != plan {
            return Err(MergeError::other_plan(&first.label, &plan, &piece.label, &theirs));
        }
    }
    Ok((plan, of))
}

/// The piece of each shard, in their order.
fn one_of_each(pieces: Vec<Piece>, of: u32, allowed: &BTreeSet<Allowance>) -> Result<Vec<Piece>, MergeError> {
    let mut by_shard: BTreeMap<u32, Vec<Piece>> = BTreeMap::new();
    for piece in pieces {
        let index = piece.result.plan.shard.map_or(0, |shard| shard.index);
        if !(1..=of).contains(&index) {
            return Err(MergeError::NoSuchShard { label: piece.label, index, of });
        }
        by_shard.entry(index).or_default().push(piece);
    }
    let tolerant = allowed.contains(&Allowance::Missing);
    let missing: Vec<u32> = (1..=of).filter(|index| !by_shard.contains_key(index)).collect();
    if !missing.is_empty() && !tolerant {
        return Err(MergeError::Missing { missing, of });
    }
    let mut chosen = Vec::new();
    for (index, mut pieces) in by_shard {
        let shard = Shard { index, of };
        // A run that failed and was repeated leaves two results: the one that went through counts.
        if pieces.len() > 1 && pieces.iter().any(|piece| piece.result.ending == Ending::Complete) {
            pieces.retain(|piece| piece.result.ending == Ending::Complete);
        }
        if let [first, second, ..] = pieces.as_slice() {
            return Err(MergeError::Twice { shard, first: first.label.clone(), second: second.label.clone() });
        }
        let Some(piece) = pieces.pop() else { continue };
        if piece.result.ending != Ending::Complete && !tolerant {
            return Err(MergeError::unfinished(shard, piece));
        }
        chosen.push(piece);
    }
    Ok(chosen)
}

/// Refuses trials of steps that are not of the shard, and complete shards that lack a trial of their own.
fn strays(pieces: &[Piece], plan: &Plan) -> Result<(), MergeError> {
    let Some(of) = pieces.first().and_then(|piece| piece.result.plan.shard).map(|shard| shard.of) else {
        return Ok(());
    };
    let owners = plan.owners(of);
    for piece in pieces {
        let Some(shard) = piece.result.plan.shard else { continue };
        let ran: BTreeSet<usize> = piece.result.trials.iter().map(|trial| trial.step).collect();
        if let Some(&step) = ran.iter().find(|&&step| owners.get(step) != Some(&shard.index)) {
            let owner = owners.get(step).copied().unwrap_or(0);
            return Err(MergeError::Stray { label: piece.label.clone(), shard, step, owner });
        }
        let own = (0..owners.len()).filter(|&step| owners[step] == shard.index);
        if let (Ending::Complete, Some(step)) = (&piece.result.ending, own.into_iter().find(|step| !ran.contains(step)))
        {
            return Err(MergeError::Lacking { label: piece.label.clone(), shard, step });
        }
    }
    Ok(())
}

/// A note on where the result comes from.
fn about(pieces: &[Piece], of: u32) -> Warning {
    let names: Vec<&str> = pieces.iter().map(|piece| piece.result.run.as_str()).collect();
    Warning {
        text: format!("this is joined from {} of {of} shards: {}", pieces.len(), names.join(", ")),
        remedy: "nothing to do; the samples of a row may be of several boots".to_owned(),
    }
}

/// The command line that runs the whole.
fn without_shard(command: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = command.iter();
    while let Some(word) = rest.next() {
        if word == "--shard" {
            rest.next();
        } else if !word.starts_with("--shard=") {
            words.push(word.clone());
        }
    }
    words
}

/// The environment of a piece, for those that have one.
fn environment(piece: &Piece) -> Option<(&str, &Environment)> {
    Some((piece.label.as_str(), piece.result.environment.as_ref()?))
}

#[cfg(test)]
mod tests;
