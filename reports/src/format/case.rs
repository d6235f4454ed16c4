//! Cases: what a pipeline counts. One for each row of the judgement and for each hole, and one for the run as a whole.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use flowgauge_scenarios::{Method, MethodKind, Scenario};

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
    pub(super) datapath: String,
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

/// What a case is before it has a name.
struct Found<'a> {
    scenario: usize,
    datapath: &'static str,
    kernel: String,
    outcome: Outcome,
    row: Option<&'a Row>,
}

/// The cases of a result: its rows in their order, then its holes.
pub(super) fn cases(result: &RunResult) -> Vec<Case<'_>> {
    let found = found(result);
    let kernels =
        found.iter().filter(|f| f.row.is_some()).map(|f| f.kernel.as_str()).collect::<BTreeSet<_>>().len() > 1;
    let names = names(result, &found);
    let mut taken = HashSet::new();
    let mut cases = Vec::with_capacity(found.len());
    for Found { scenario, datapath, kernel, outcome, row } in found {
        let (name, slug) = names[scenario].clone();
        // Only a damaged result has a cell twice.
        let free = |datapath: &str| taken.insert((slug.clone(), datapath.to_owned(), kernel.clone()));
        let datapath = unique(datapath, |datapath, n| format!("{datapath}_{n}"), free);
        let method = result.plan.scenarios.get(scenario).map(|s| s.method).filter(|m| m.kind == MethodKind::Rate);
        let offered = |(m, row): (Method, &Row)| Duration::from_millis(m.trial.ms.saturating_mul(row.trials as u64));
        let (metrics, time) = (row.map(Row::metrics).unwrap_or_default(), method.zip(row).map(offered));
        cases.push(Case {
            scenario: name,
            slug,
            scenario_index: scenario,
            datapath,
            kernel,
            kernels,
            outcome,
            row,
            metrics,
            time,
        });
    }
    cases
}

fn found(result: &RunResult) -> Vec<Found<'_>> {
    let judgement = &result.judgement;
    let rows = judgement.rows.iter().map(|row| {
        let outcome = match &row.verdict {
            Verdict::Good => Outcome::Good,
            Verdict::Bad { why } => Outcome::Bad(line(why)),
            Verdict::Unproven { why } => Outcome::Unproven(line(why)),
        };
        let kernel = line(row.kernel.as_deref().unwrap_or_default());
        Found { scenario: row.scenario, datapath: row.datapath.name(), kernel, outcome, row: Some(row) }
    });
    let kernel = result.environment.as_ref().map_or_else(String::new, |e| line(&e.kernel_release));
    let holes = judgement.holes.iter().map(|hole| {
        let outcome = Outcome::Skipped(line(&format!("{}; {}", hole.gap.reason, hole.gap.instead)));
        Found { scenario: hole.scenario, datapath: hole.datapath.name(), kernel: kernel.clone(), outcome, row: None }
    });
    rows.chain(holes).collect()
}

/// A name with a datapath and a kernel that it stands with.
type Key<'a> = (String, &'a str, &'a str);

/// The name of each scenario of the plan on a line, and its [`slug`]. Scenarios of one name are told apart by a number, but
/// not where their kernels or datapaths tell them apart.
fn names<'a>(result: &RunResult, found: &'a [Found<'_>]) -> Vec<(String, String)> {
    let (mut names, mut slugs) = (HashSet::new(), HashSet::new());
    let one = |(index, scenario): (usize, &Scenario)| {
        let own: Vec<&'a Found<'_>> = found.iter().filter(|f| f.scenario == index).collect();
        let name =
            unique(&line(&scenario.name), |name, n| format!("{name} ({n})"), |name| free(&mut names, name, &own));
        let slug = unique(&slug(&name), |slug, n| format!("{slug}_{n}"), |slug| free(&mut slugs, slug, &own));
        (name, slug)
    };
    result.plan.scenarios.iter().enumerate().map(one).collect()
}

/// Whether no other scenario has this name on a datapath and kernel of these cases; it is taken then.
fn free<'a>(taken: &mut HashSet<Key<'a>>, name: &str, own: &[&'a Found<'_>]) -> bool {
    let keys: Vec<Key<'a>> = own.iter().map(|f| (name.to_owned(), f.datapath, f.kernel.as_str())).collect();
    let free = keys.iter().all(|key| !taken.contains(key));
    if free {
        taken.extend(keys);
    }
    free
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
