//! KTAP: the Kernel Test Anything Protocol, version 1 (the kernel's Documentation/dev-tools/ktap.rst), flat, a result line
//! a case.
//!
//! The version line is that of kselftest (tools/testing/selftests/kselftest.h), `TAP version 13`: kunit_parser.py takes it
//! as well as KTAP's own, and NIPA looks for the sub-tests of a kselftest behind it and behind nothing else. NIPA also
//! wants the line of totals that kselftest ends with.

use std::fmt::Write;

use super::case::{Outcome, cases, failures_of_the_run};
use crate::result::RunResult;

/// The result as KTAP.
pub(super) fn render(result: &RunResult) -> String {
    let cases = cases(result);
    let mut text = format!("TAP version 13\n1..{}\n", cases.len() + 1);
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (index, case) in cases.iter().enumerate() {
        let (number, path) = (index + 1, case.path());
        for fact in case.facts() {
            diagnostic(&mut text, &format!("{path}: {fact}"));
        }
        match &case.outcome {
            Outcome::Good => {
                passed += 1;
                let time = case.time.map_or_else(String::new, |time| format!(" # time={}ms", time.as_millis()));
                let _ = writeln!(text, "ok {number} {path}{time}");
            }
            // The word comes first, so that no reason reads as a directive.
            Outcome::Bad(why) | Outcome::Unproven(why) => {
                failed += 1;
                let _ = writeln!(text, "not ok {number} {path} # {}: {}", case.outcome.word(), harmless(why));
            }
            Outcome::Skipped(why) => {
                skipped += 1;
                let _ = writeln!(text, "ok {number} {path} # SKIP {}", harmless(why));
            }
        }
    }
    let number = cases.len() + 1;
    match failures_of_the_run(result).as_slice() {
        [] => {
            passed += 1;
            let _ = writeln!(text, "ok {number} run");
        }
        [first, rest @ ..] => {
            failed += 1;
            rest.iter().for_each(|why| diagnostic(&mut text, &format!("run: {why}")));
            let _ = writeln!(text, "not ok {number} run # bad: {}", harmless(first));
        }
    }
    let _ = writeln!(text, "# Totals: pass:{passed} fail:{failed} xfail:0 xpass:0 skip:{skipped} error:0");
    text
}

fn diagnostic(text: &mut String, line: &str) {
    let _ = writeln!(text, "# {}", harmless(line));
}

/// A `#` would begin a directive. The protocol has no escape that its readers undo.
fn harmless(text: &str) -> String {
    text.replace('#', "_")
}
