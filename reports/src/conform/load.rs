//! From the stream of events to a result, and to and from its file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flowgauge_scenarios::Topology;
use flowgauge_scenarios::conform::{Known, Outcome};

use super::oracle::{self, Judged};
use super::{CaseResult, CaseRun, ConformResult, ConformStart, mutants};
use crate::ResultError;
use crate::event::{Event, READ_VERSIONS};

/// What a run of an instance comes to, by the run of the same instance on the reference, with what is known of its failures
/// on a kernel of this release (`uname -r`).
pub fn judge_run(start: &ConformStart, release: &str, reference: Option<&CaseRun>, run: &CaseRun) -> CaseResult {
    let plan = &start.plan;
    let instance = plan.instances.get(run.instance);
    let Some((instance, case)) = instance.and_then(|one| Some((one, plan.cases.get(one.case)?))) else {
        return CaseResult {
            instance: run.instance,
            datapath: run.datapath,
            mutation: run.mutation,
            outcome: Outcome::Error,
            why: "the plan has no such instance".to_owned(),
            findings: Vec::new(),
            known: None,
            unexpected_pass: false,
        };
    };
    let mut result = oracle::judge(&Judged { case, instance, reference, tested: run });
    if run.mutation.is_none() {
        let covers = |known: &&Known| known.covers(&instance.id, run.datapath, release);
        let fields = || result.findings.iter().map(|finding| finding.field.as_str());
        result.known = start.known.iter().position(|known| covers(&known) && known.explains(result.outcome, fields()));
        result.unexpected_pass =
            result.outcome == Outcome::Pass && start.known.iter().filter(covers).any(|known| !known.flaky);
        if result.outcome == Outcome::Fail
            && result.known.is_none()
            && let Some(known) = start.known.iter().find(covers)
        {
            result.why += &format!(" (what is known to fail here is {})", known.differs.join(", "));
        }
    }
    result
}

impl ConformResult {
    /// The result of a stream of events. The first run of an instance on the reference of a topology is what its others are
    /// compared with, that on the reference once more included.
    pub fn from_events(events: impl IntoIterator<Item = Event>) -> Result<ConformResult, ResultError> {
        let mut events = events.into_iter();
        let Some(Event::ConformStarted(start)) = events.next() else { return Err(ResultError::NoStart) };
        if !READ_VERSIONS.contains(&start.schema_version) {
            return Err(ResultError::WrongVersion { found: start.schema_version.into() });
        }
        let mut result = ConformResult {
            start: *start,
            environment: None,
            rulesets: Vec::new(),
            runs: Vec::new(),
            results: Vec::new(),
            mutants: Vec::new(),
            fuzz: Vec::new(),
            complaints: Vec::new(),
            warnings: Vec::new(),
            failed: None,
            finished: false,
        };
        for event in events {
            match event {
                // One for each topology.
                Event::Environment(environment) => match &mut result.environment {
                    Some(all) => all.merge(*environment),
                    none => *none = Some(*environment),
                },
                Event::RulesetInForce(ruleset) => result.rulesets.push(*ruleset),
                Event::CaseRun(run) => result.runs.push(*run),
                Event::Fuzzed(found) => result.fuzz.push(*found),
                Event::Complaint { text } => result.complaints.push(text),
                Event::Warning(warning) => result.warnings.push(warning),
                Event::Failed { kind, message } => result.failed = Some((kind, message)),
                Event::Finished => result.finished = true,
                _ => {}
            }
        }
        result.judge();
        Ok(result)
    }

    /// Works out again what follows from what was seen.
    pub fn judge(&mut self) {
        let release = self.environment.as_ref().map_or("", |environment| environment.kernel_release.as_str());
        let mut references: BTreeMap<(usize, Topology), usize> = BTreeMap::new();
        for (index, run) in self.runs.iter().enumerate() {
            if run.is_reference() {
                references.entry((run.instance, run.topology)).or_insert(index);
            }
        }
        let judged = self.runs.iter().map(|run| {
            let reference = references.get(&(run.instance, run.topology)).map(|&index| &self.runs[index]);
            judge_run(&self.start, release, reference, run)
        });
        self.results = judged.collect();
        self.mutants = mutants::mutants(&self.start.plan, &self.start.known, &self.results);
    }

    /// Whether there is nothing to act on: it went through its plan, the kernel did not complain, and whatever is not a pass
    /// is known or cannot be had here.
    pub fn is_good(&self) -> bool {
        let fine = |result: &CaseResult| {
            result.known.is_some()
                || matches!(result.outcome, Outcome::Pass | Outcome::Unsupported) && !result.unexpected_pass
        };
        let sound = self.results.iter().filter(|result| result.mutation.is_none()).all(fine);
        let killed = self.mutants.iter().all(|mutant| !mutant.survived());
        let alike = self.fuzz.iter().all(|found| found.divergences.is_empty());
        self.finished && self.complaints.is_empty() && sound && killed && alike
    }

    /// Writes it as `path`: whole, or not at all.
    pub fn save(&self, path: &Path) -> Result<(), ResultError> {
        let unwritable = |source| ResultError::Unwritable { path: path.to_owned(), source };
        let text = serde_json::to_vec(self).map_err(|e| unwritable(e.into()))?;
        let part = path.with_extension("part");
        fs::write(&part, text).and_then(|()| fs::rename(&part, path)).map_err(|source| {
            let _ = fs::remove_file(&part);
            unwritable(source)
        })
    }
}
