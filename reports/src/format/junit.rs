//! JUnit XML: a suite a scenario, a case a datapath, and a suite `run` for the run as a whole.
//!
//! There is no standard. What is written is what the schema of Jenkins' xUnit plugin (junit-10.xsd) has and GitLab reads: names,
//! `failure` and `skipped` with a message, properties of suites, `system-out`. A run that did not end is an `error`.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::FormatError;
use super::case::{Case, Outcome, cases, failures_of_the_run};
use super::name::line;
use super::symbol;
use crate::environment::Environment;
use crate::result::{Ending, RunResult};

/// The result as JUnit XML.
pub(super) fn render(result: &RunResult) -> Result<String, FormatError> {
    let mut report = Report::new(format!("flowgauge {}", line(&result.run)));
    let mut suites: Vec<(Option<usize>, TestSuite, Duration)> = Vec::new();
    for case in &cases(result) {
        let scenario = case.scenario_index;
        let at = suites.iter().position(|(known, ..)| *known == Some(scenario)).unwrap_or_else(|| {
            suites.push((Some(scenario), TestSuite::new(&case.scenario), Duration::ZERO));
            suites.len() - 1
        });
        let (_, suite, time) = &mut suites[at];
        for metric in &case.metrics {
            let name = format!("{}/{}", case.datapath, symbol::of(metric));
            suite.add_property(Property::new(name, metric.estimate.median.to_string()));
        }
        suite.add_test_case(test(case));
        *time += case.time.unwrap_or_default();
    }
    for (_, mut suite, time) in suites {
        report.add_test_suite(suite.set_time(time).clone());
    }
    report.add_test_suite(run(result));
    Ok(without_skipped(&report.to_string()?))
}

fn test(case: &Case<'_>) -> TestCase {
    let status = match &case.outcome {
        Outcome::Good => TestCaseStatus::success(),
        Outcome::Skipped(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(why);
            status
        }
        Outcome::Bad(why) | Outcome::Unproven(why) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let findings = case.row.into_iter().flat_map(|row| &row.proof.findings).map(|finding| line(&finding.text));
            let lines: Vec<String> = std::iter::once(why.clone()).chain(findings.filter(|text| text != why)).collect();
            status.set_type(case.outcome.word()).set_message(why).set_description(lines.join("\n"));
            status
        }
    };
    let name = if case.kernels { format!("{} on {}", case.datapath, case.kernel) } else { case.datapath.clone() };
    let mut test = TestCase::new(name, status);
    test.set_classname(format!("flowgauge.{}", case.slug.replace('.', "_")));
    if let Some(time) = case.time {
        test.set_time(time);
    }
    let facts = case.facts();
    if !facts.is_empty() {
        test.set_system_out(facts.join("\n"));
    }
    test
}

/// The suite of the run as a whole, with what it ran on.
fn run(result: &RunResult) -> TestSuite {
    let mut suite = TestSuite::new("run");
    let seed = Property::new("seed", result.plan.seed.to_string());
    suite.add_properties(result.environment.iter().flat_map(properties).chain([seed]));
    let failures = failures_of_the_run(result);
    let status = match failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let (kind, ty) = match result.ending {
                Ending::Complete => (NonSuccessKind::Failure, "bad"),
                Ending::Failed { .. } | Ending::Truncated => (NonSuccessKind::Error, "incomplete"),
            };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(ty).set_message(first).set_description(failures.join("\n"));
            status
        }
    };
    let mut test = TestCase::new("run", status);
    test.set_classname("flowgauge");
    suite.add_test_case(test);
    suite
}

fn properties(e: &Environment) -> [Property; 6] {
    [
        ("flowgauge", e.flowgauge.as_str()),
        ("kernel", &e.kernel_release),
        ("kernel-origin", &e.kernel_origin),
        ("accelerator", symbol::accelerator(Some(e.accelerator))),
        ("clock", symbol::clock(Some(e.clock))),
        ("cpu", symbol::cpu(e)),
    ]
    .map(|(name, value)| Property::new(name, line(value)))
}

/// The XML without the count of skipped tests in the outermost element: the library always writes it, the schema does
/// not have it there, and Jenkins refuses what does not fit the schema.
pub(crate) fn without_skipped(xml: &str) -> String {
    let Some((head, (start, rest))) =
        xml.split_once("<testsuites").and_then(|(h, rest)| Some((h, rest.split_once('>')?)))
    else {
        return xml.to_owned();
    };
    let start = match start.split_once(" skipped=\"") {
        Some((before, after)) => format!("{before}{}", after.split_once('"').map_or("", |(_, after)| after)),
        None => start.to_owned(),
    };
    format!("{head}<testsuites{start}>{rest}")
}
