//! JUnit XML: a suite for each case, a test for each instance on each datapath, a suite of mutants, and one for the run as a whole.
//!
//! A known failure is `skipped` with its reason, as pipelines have no word for it; an unexpected pass is a failure.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::cell::{Cell, Standing, cells};
use super::text::fuzz;
use super::{ConformResult, Divergence, FuzzSummary, MutantResult, ktap, sentence};
use crate::format::junit::without_skipped;
use crate::format::name::{line, slug};

/// The results of a run, one for each kernel, as JUnit XML, a newline at its end. Where there are several, the names of suites and
/// classes have the kernel's.
pub fn render(results: &[ConformResult]) -> String {
    let run = results.first().map_or("", |result| result.start.run.as_str());
    let mut report = Report::new(format!("flowgauge conform {}", line(run)));
    for (result, kernel) in results.iter().zip(ktap::kernels(results)) {
        of_kernel(&mut report, result, kernel.as_deref());
    }
    // All that goes in is fit for XML and the writer is a string, so this has no error to make.
    report.to_string().map_or_else(|error| format!("<!-- {error} -->\n"), |xml| without_skipped(&xml))
}

fn of_kernel(report: &mut Report, result: &ConformResult, kernel: Option<&str>) {
    let named =
        |name: &str| TestSuite::new(kernel.map_or_else(|| line(name), |kernel| line(&format!("{name} on {kernel}"))));
    let class = kernel.map_or_else(String::new, |kernel| format!(".{}", slug(kernel).replace('.', "_")));
    let cells = cells(result);
    for of_case in cells.chunk_by(|a, b| a.instance.case == b.instance.case) {
        let case = of_case[0].case;
        let mut suite = named(&case.id);
        for (name, text) in [("group", case.group.name()), ("what", &case.what), ("source", &case.source)] {
            suite.add_property(Property::new(name, line(text)));
        }
        let took: u64 = of_case.iter().filter_map(|cell| cell.run).map(|run| run.duration_ns).sum();
        suite.set_time(Duration::from_nanos(took));
        suite.add_test_cases(of_case.iter().map(|cell| test(result, cell, &class)));
        report.add_test_suite(suite);
    }
    if !result.mutants.is_empty() {
        let mut suite = named("mutants");
        suite.add_test_cases(result.mutants.iter().map(|one| mutant(one, &class)));
        report.add_test_suite(suite);
    }
    if !result.fuzz.is_empty() {
        let mut suite = named("fuzz");
        suite.add_test_cases(result.fuzz.iter().map(|one| fuzzed(one, &class)));
        report.add_test_suite(suite);
    }
    report.add_test_suite(run(named("run"), result, &class));
}

/// A station of the fuzzer.
fn fuzzed(found: &FuzzSummary, class: &str) -> TestCase {
    let status = if found.divergences.is_empty() {
        TestCaseStatus::success()
    } else {
        let told = |one: &Divergence| line(&format!("{}: {}", one.instance.id, fuzz::why(one)));
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let lines: Vec<String> = found.divergences.iter().map(told).collect();
        status.set_type("divergence").set_message(fuzz::new(found)).set_description(lines.join("\n"));
        status
    };
    let mut test = TestCase::new(format!("{} on {}", fuzz::station(found), found.datapath.name()), status);
    test.set_classname(format!("flowgauge.conform{class}.fuzz")).set_time(Duration::from_nanos(found.duration_ns));
    test
}

fn test(result: &ConformResult, cell: &Cell<'_>, class: &str) -> TestCase {
    let why = line(&cell.result.why);
    let bad = |kind: NonSuccessKind| {
        let mut status = TestCaseStatus::non_success(kind);
        let findings = cell.result.findings.iter().map(|finding| line(&sentence::finding(finding)));
        let lines: Vec<String> = std::iter::once(why.clone()).chain(findings).collect();
        status.set_type(cell.standing.name()).set_message(&why).set_description(lines.join("\n"));
        status
    };
    let skipped = |message: String| {
        let mut status = TestCaseStatus::skipped();
        status.set_type(cell.standing.name()).set_message(message);
        status
    };
    let status = match cell.standing {
        Standing::Pass => TestCaseStatus::success(),
        Standing::Unsupported => skipped(format!("unsupported: {why}")),
        Standing::Known => {
            let known = cell.result.known.and_then(|index| result.start.known.get(index));
            let told =
                known.map_or_else(String::new, |known| format!("{} ({})", line(&known.reason), line(&known.link)));
            skipped(format!("known {}: {told}", cell.result.outcome.name()))
        }
        Standing::UnexpectedPass => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(cell.standing.name()).set_message("it is known to fail, and passed");
            status
        }
        Standing::Fail | Standing::Unproven => bad(NonSuccessKind::Failure),
        Standing::Error => bad(NonSuccessKind::Error),
    };
    let mut test = TestCase::new(format!("{} on {}", line(cell.variant()), cell.result.datapath.name()), status);
    test.set_classname(format!("flowgauge.conform{class}.{}", slug(&cell.case.id).replace('.', "_")));
    if let Some(run) = cell.run {
        test.set_time(Duration::from_nanos(run.duration_ns));
    }
    test
}

fn mutant(mutant: &MutantResult, class: &str) -> TestCase {
    let status = if let Some(refused) = &mutant.refused {
        let mut status = TestCaseStatus::skipped();
        status.set_type("unsupported").set_message(line(refused));
        status
    } else if mutant.survived() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let message =
            format!("survived: none of {} instances noticed that {}", mutant.instances, mutant.mutation.about());
        status.set_type("survived").set_message(message);
        status
    } else {
        TestCaseStatus::success()
    };
    let mut test = TestCase::new(format!("{} on {}", mutant.mutation.name(), mutant.datapath.name()), status);
    test.set_classname(format!("flowgauge.conform{class}.mutants"));
    test
}

/// The suite of the run as a whole.
fn run(mut suite: TestSuite, result: &ConformResult, class: &str) -> TestSuite {
    if let Some(environment) = &result.environment {
        for (name, value) in [("kernel", &environment.kernel_release), ("kernel-origin", &environment.kernel_origin)] {
            suite.add_property(Property::new(name, line(value)));
        }
    }
    let failures: Vec<String> = ktap::of_the_run(result).iter().map(|why| line(why)).collect();
    let status = match failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let kind = if result.finished { NonSuccessKind::Failure } else { NonSuccessKind::Error };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(first).set_description(failures.join("\n"));
            status
        }
    };
    let mut test = TestCase::new("run", status);
    test.set_classname(format!("flowgauge.conform{class}"));
    suite.add_test_case(test);
    suite
}
