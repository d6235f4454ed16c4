//! Cases: what a pipeline counts. One for each row of the judgement and for each hole, and one for the run as a whole.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use flowgauge_scenarios::MethodKind;

use super::name::{line, plain, slug, unique};
use crate::judge::{Row, Verdict};
use crate::metric::Metric;
use crate::numbers;
use crate::result::{Ending, RunResult};

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Measured, and the packets took the path that they should.
    Good,
    /// They did not, or something does not fit: why.
    Bad(String),
    /// It cannot be told: why.
    Unproven(String),
    /// Not measured: why, and what to do instead.
    Skipped(String),
}

impl Outcome {
    /// The word for it.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Outcome::Good => "good",
            Outcome::Bad(_) => "bad",
            Outcome::Unproven(_) => "unproven",
            Outcome::Skipped(_) => "skipped",
        }
    }

    /// The reason, on one line; empty when good.
    pub(super) fn why(&self) -> &str {
        match self {
            Outcome::Good => "",
            Outcome::Bad(why) | Outcome::Unproven(why) | Outcome::Skipped(why) => why,
        }
    }
}

/// One case. Scenario, datapath and kernel together are unique within a result.
pub(super) struct Case<'a> {
    /// Index into the plan's scenarios.
    pub(super) scenario_index: usize,
    /// The scenario's name, on one line.
    pub(super) scenario: String,
    /// The scenario's name as [`slug`], unique as well.
    pub(super) slug: String,
    /// The datapath's name.
    pub(super) datapath: &'static str,
    /// The kernel under test, on one line; empty where nobody knows.
    pub(super) kernel: String,
    /// Whether the result has several kernels, so that the kernel belongs to the name.
    pub(super) kernels: bool,
    /// What became of it.
    pub(super) outcome: Outcome,
    /// Its row; none for a hole.
    pub(super) row: Option<&'a Row>,
    /// The numbers of its row.
    pub(super) metrics: Vec<Metric>,
    /// How long load was offered; none where a trial has no length of its own.
    pub(super) time: Option<Duration>,
}

impl Case<'_> {
    /// `udp-ipv4/conntrack`, and where there are several kernels `udp-ipv4/conntrack/6.12.117`: no blanks, nothing that a
    /// format gives a meaning to.
    pub(super) fn path(&self) -> String {
        let kernel = if self.kernels { format!("/{}", slug(&self.kernel)) } else { String::new() };
        format!("{}/{}{kernel}", self.slug, self.datapath)
    }

    /// Whether its ports are those of the reference NIC.
    pub(super) fn simulated(&self) -> bool {
        self.row.is_some_and(|row| row.simulated)
    }

    /// What is known of it, a line each: its numbers, its proof.
    pub(super) fn facts(&self) -> Vec<String> {
        let mut facts: Vec<String> = self
            .metrics
            .iter()
            .map(|m| format!("{}: {}, {} trials", m.name, plain(&numbers::both(&m.estimate)), m.estimate.n))
            .collect();
        if let Some(row) = self.row {
            facts.push(plain(&line(&format!("path: {}, {}", row.proof.label(), row.proof.standing()))));
        }
        if self.simulated() {
            facts.push("the NIC is simulated: its figures are not those of hardware".to_owned());
        }
        facts
    }
}

/// The cases of a result: its rows in their order, then its holes.
pub(super) fn cases(result: &RunResult) -> Vec<Case<'_>> {
    let rows = &result.judgement.rows;
    let kernels = rows.iter().filter_map(|row| row.kernel.as_deref()).collect::<BTreeSet<_>>().len() > 1;
    let mut taken = (HashSet::new(), HashSet::new());
    let mut case =
        |scenario: usize, name: &str, datapath: &'static str, kernel: Option<&str>, outcome, row: Option<&'_ Row>| {
            let kernel = line(kernel.unwrap_or_default());
            let key = |name: &str| (name.to_owned(), datapath, kernel.clone());
            let scenario_name = unique(&mut taken.0, &line(name), |name, n| format!("{name} ({n})"), key);
            let slug = unique(&mut taken.1, &slug(&scenario_name), |name, n| format!("{name}_{n}"), key);
            let method = result.plan.scenarios.get(scenario).map(|s| s.method);
            let time = method
                .filter(|m| m.kind == MethodKind::Rate)
                .zip(row)
                .map(|(m, row)| Duration::from_millis(m.trial.ms.saturating_mul(row.trials as u64)));
            Case {
                scenario_index: scenario,
                scenario: scenario_name,
                slug,
                datapath,
                kernel,
                kernels,
                outcome,
                row: None,
                metrics: Vec::new(),
                time,
            }
        };
    let mut cases = Vec::with_capacity(rows.len() + result.judgement.holes.len());
    for row in rows {
        let outcome = match &row.verdict {
            Verdict::Good => Outcome::Good,
            Verdict::Bad { why } => Outcome::Bad(line(why)),
            Verdict::Unproven { why } => Outcome::Unproven(line(why)),
        };
        let case = case(row.scenario, &row.name, row.datapath.name(), row.kernel.as_deref(), outcome, Some(row));
        cases.push(Case { row: Some(row), metrics: row.metrics(), ..case });
    }
    let kernel = result.environment.as_ref().map(|e| e.kernel_release.as_str()).filter(|_| !kernels);
    for hole in &result.judgement.holes {
        let name = result.plan.scenarios.get(hole.scenario).map_or("", |s| s.name.as_str());
        let why = Outcome::Skipped(line(&format!("{}; {}", hole.gap.reason, hole.gap.instead)));
        cases.push(case(hole.scenario, name, hole.datapath.name(), kernel, why, None));
    }
    cases
}

/// Why the run as a whole failed whatever its rows say: it did not end, or the kernel under test complained. A reason a
/// line; none where all is well.
pub(super) fn failures_of_the_run(result: &RunResult) -> Vec<String> {
    let ending = match &result.ending {
        Ending::Complete => None,
        Ending::Failed { message, .. } => Some(format!("the run failed: {message}")),
        Ending::Truncated => Some("the run was cut off: this is what it had measured by then".to_owned()),
    };
    let complaints = result.complaints.iter().map(|text| format!("the kernel under test complained: {text}"));
    ending.into_iter().chain(complaints).map(|text| line(&text)).collect()
}
