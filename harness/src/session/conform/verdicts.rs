//! Verdicts while a run goes on: each case as soon as it is there, beside the reference that came before it.

use std::collections::HashMap;

use flowgauge_reports::conform::{CaseResult, CaseRun, ConformStart, judge_run};
use flowgauge_scenarios::Topology;

/// What is needed to judge the next case.
#[derive(Debug)]
pub(super) struct Verdicts {
    start: ConformStart,
    /// `uname -r` of the kernel under test, once it is known.
    release: String,
    references: HashMap<(usize, Topology), CaseRun>,
}

impl Verdicts {
    /// Of a run that began.
    pub(super) fn new(start: &ConformStart) -> Verdicts {
        Verdicts { start: start.clone(), release: String::new(), references: HashMap::new() }
    }

    /// The run's plan and all.
    pub(super) fn start(&self) -> &ConformStart {
        &self.start
    }

    /// Hears what the kernel is.
    pub(super) fn on_kernel(&mut self, release: &str) {
        self.release = release.to_owned();
    }

    /// Judges a case as it is seen now.
    pub(super) fn judge(&mut self, run: &CaseRun) -> CaseResult {
        let key = (run.instance, run.topology);
        if run.is_reference() {
            // It stands in for itself, and for those that follow.
            self.references.entry(key).or_insert_with(|| run.clone());
        }
        judge_run(&self.start, &self.release, self.references.get(&key), run)
    }
}
