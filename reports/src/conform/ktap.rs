//! KTAP, as kselftest writes it and NIPA and kunit.py read it: a result line for each cell, and one for the run.
//!
//! What is unsupported is `# SKIP`, a known failure `# XFAIL` as in tools/testing/selftests/kselftest.h. An unexpected pass is
//! `not ok`: somebody has to take the entry out of the known failures.

use std::fmt::Write;

use super::cell::{Cell, Standing, cells};
use super::{ConformResult, sentence};
use crate::format::name::{line, slug};

/// Findings that are told of each cell.
const FINDINGS: usize = 5;

/// The result as KTAP, a newline at its end.
pub fn render(result: &ConformResult) -> String {
    let cells = cells(result);
    let mutants = &result.mutants;
    let count = cells.len() + mutants.len() + 1;
    let mut text = format!("TAP version 13\n1..{count}\n");
    let (mut passed, mut failed, mut xfail, mut xpass, mut skipped, mut errors) = (0, 0, 0, 0, 0, 0);
    for (index, cell) in cells.iter().enumerate() {
        let (number, path, why) = (index + 1, path(cell), harmless(&cell.result.why));
        for finding in cell.result.findings.iter().take(FINDINGS) {
            diagnostic(&mut text, &format!("{path}: {}", sentence::finding(finding)));
        }
        let tally = match cell.standing {
            Standing::Pass => &mut passed,
            Standing::Known => &mut xfail,
            Standing::Unsupported => &mut skipped,
            Standing::UnexpectedPass => &mut xpass,
            Standing::Error => &mut errors,
            Standing::Unproven | Standing::Fail => &mut failed,
        };
        *tally += 1;
        // The word comes first, so that no reason reads as a directive.
        let _ = match cell.standing {
            Standing::Pass => writeln!(text, "ok {number} {path}"),
            Standing::Unsupported => writeln!(text, "ok {number} {path} # SKIP {why}"),
            Standing::Known => {
                let reason = cell.result.known.and_then(|known| result.start.known.get(known));
                let reason = reason.map_or_else(String::new, |known| harmless(&known.reason));
                writeln!(text, "ok {number} {path} # XFAIL {}: {reason}", cell.result.outcome.name())
            }
            Standing::UnexpectedPass => {
                writeln!(text, "not ok {number} {path} # XPASS it is known to fail, and passed")
            }
            other => writeln!(text, "not ok {number} {path} # {}: {why}", other.name()),
        };
    }
    for (index, mutant) in mutants.iter().enumerate() {
        let number = cells.len() + index + 1;
        let path = format!("mutant/{}/{}", slug(&mutant.mutation.name()), mutant.datapath.name());
        if let Some(refused) = &mutant.refused {
            skipped += 1;
            let _ = writeln!(text, "ok {number} {path} # SKIP {}", harmless(refused));
        } else if mutant.survived() {
            failed += 1;
            let _ = writeln!(text, "not ok {number} {path} # survived: none of {} instances noticed", mutant.instances);
        } else {
            passed += 1;
            let _ = writeln!(text, "ok {number} {path}");
        }
    }
    match of_the_run(result).as_slice() {
        [] => {
            passed += 1;
            let _ = writeln!(text, "ok {count} run");
        }
        [first, rest @ ..] => {
            failed += 1;
            rest.iter().for_each(|why| diagnostic(&mut text, &format!("run: {why}")));
            let _ = writeln!(text, "not ok {count} run # bad: {}", harmless(first));
        }
    }
    let _ = writeln!(
        text,
        "# Totals: pass:{passed} fail:{failed} xfail:{xfail} xpass:{xpass} skip:{skipped} error:{errors}"
    );
    text
}

/// What is wrong with the run as a whole.
pub(super) fn of_the_run(result: &ConformResult) -> Vec<String> {
    let ending = match &result.failed {
        Some((_, message)) => Some(message.clone()),
        None => (!result.finished).then(|| "the run was cut off".to_owned()),
    };
    ending.into_iter().chain(result.complaints.iter().cloned()).collect()
}

fn path(cell: &Cell<'_>) -> String {
    let id: Vec<String> = cell.instance.id.split('/').map(slug).collect();
    format!("{}/{}", id.join("/"), cell.result.datapath.name())
}

fn diagnostic(text: &mut String, words: &str) {
    let _ = writeln!(text, "# {}", harmless(words));
}

/// A `#` would begin a directive, and a newline another line. The protocol has no escape that its readers undo.
fn harmless(text: &str) -> String {
    line(text).replace('#', "_")
}
