//! KTAP, as kselftest writes it and NIPA and kunit.py read it: a result line for each cell, and one for the run.
//!
//! Directives are those of Documentation/dev-tools/ktap.rst: what is unsupported is `SKIP`, a known failure `XFAIL`, a case that
//! could not be run `ERROR`. An unexpected pass is `not ok`, as in tools/testing/selftests/kselftest.h: somebody has to take the
//! entry out of the known failures.

use std::collections::HashSet;
use std::fmt::Write;

use super::cell::{Cell, Standing, cells};
use super::text::fuzz;
use super::{ConformResult, sentence};
use crate::format::name::{line, slug, unique};

/// Findings that are told of each cell.
const FINDINGS: usize = 5;

/// The results of a run, one for each kernel, as KTAP, a newline at its end. Where there are several, names end in the kernel's.
pub fn render(results: &[ConformResult]) -> String {
    let of_each: Vec<Vec<Cell<'_>>> = results.iter().map(cells).collect();
    let parts = results.iter().zip(&of_each);
    let count: usize =
        parts.clone().map(|(result, cells)| cells.len() + result.mutants.len() + result.fuzz.len() + 1).sum();
    let mut points = Points { text: format!("TAP version 13\n1..{count}\n"), ..Points::default() };
    for ((result, cells), kernel) in parts.zip(kernels(results)) {
        of_kernel(&mut points, result, cells, &kernel.map_or_else(String::new, |name| format!("/{}", slug(&name))));
    }
    let Points { mut text, passed, failed, xfail, xpass, skipped, errors, .. } = points;
    let _ = writeln!(
        text,
        "# Totals: pass:{passed} fail:{failed} xfail:{xfail} xpass:{xpass} skip:{skipped} error:{errors}"
    );
    text
}

/// What kernels are called in names: nothing where there is one, else their releases, each once.
pub(super) fn kernels(results: &[ConformResult]) -> Vec<Option<String>> {
    let mut taken = HashSet::new();
    let mut name = |result: &ConformResult| {
        let release = result.environment.as_ref().map_or("unknown", |environment| environment.kernel_release.as_str());
        unique(release, |name, n| format!("{name}-{n}"), |name| taken.insert(name.to_owned()))
    };
    results.iter().map(|result| (results.len() > 1).then(|| name(result))).collect()
}

/// Lines so far, and how many of each kind.
#[derive(Default)]
struct Points {
    text: String,
    number: usize,
    passed: usize,
    failed: usize,
    xfail: usize,
    xpass: usize,
    skipped: usize,
    errors: usize,
}

impl Points {
    /// A result line. The directive comes first behind the `#`, so that no reason reads as one.
    fn point(&mut self, ok: bool, path: &str, about: &str) {
        self.number += 1;
        let (ok, number) = (if ok { "ok" } else { "not ok" }, self.number);
        let _ = match about {
            "" => writeln!(self.text, "{ok} {number} {path}"),
            about => writeln!(self.text, "{ok} {number} {path} # {}", about.trim_end()),
        };
    }
}

fn of_kernel(points: &mut Points, result: &ConformResult, cells: &[Cell<'_>], kernel: &str) {
    for cell in cells {
        let (path, why) = (path(cell) + kernel, harmless(&cell.result.why));
        for finding in cell.result.findings.iter().take(FINDINGS) {
            diagnostic(&mut points.text, &format!("{path}: {}", sentence::finding(finding)));
        }
        let (ok, tally, about) = match cell.standing {
            Standing::Pass => (true, &mut points.passed, String::new()),
            Standing::Unsupported => (true, &mut points.skipped, format!("SKIP {why}")),
            Standing::Known => {
                let reason = cell.result.known.and_then(|known| result.start.known.get(known));
                let reason = reason.map_or_else(String::new, |known| harmless(&known.reason));
                (true, &mut points.xfail, format!("XFAIL {}: {reason}", cell.result.outcome.name()))
            }
            Standing::UnexpectedPass => (false, &mut points.xpass, "XPASS it is known to fail, and passed".to_owned()),
            Standing::Error => (false, &mut points.errors, format!("ERROR {why}")),
            Standing::Unproven | Standing::Fail => {
                (false, &mut points.failed, format!("{}: {why}", cell.standing.name()))
            }
        };
        *tally += 1;
        points.point(ok, &path, &about);
    }
    for mutant in &result.mutants {
        let path = format!("mutant/{}/{}{kernel}", slug(&mutant.mutation.name()), mutant.datapath.name());
        if let Some(refused) = &mutant.refused {
            points.skipped += 1;
            points.point(true, &path, &format!("SKIP {}", harmless(refused)));
        } else if mutant.survived() {
            points.failed += 1;
            points.point(false, &path, &format!("survived: none of {} instances noticed", mutant.instances));
        } else {
            points.passed += 1;
            points.point(true, &path, "");
        }
    }
    for found in &result.fuzz {
        let path = format!("fuzz/{}/{}{kernel}", slug(&fuzz::station(found)), found.datapath.name());
        for divergence in &found.divergences {
            diagnostic(&mut points.text, &format!("{path}: {}: {}", divergence.instance.id, fuzz::why(divergence)));
        }
        let (ok, tally, about) = match found.divergences.len() {
            0 => (true, &mut points.passed, String::new()),
            _ => (false, &mut points.failed, format!("fail: {}", fuzz::new(found))),
        };
        *tally += 1;
        points.point(ok, &path, &about);
    }
    let path = format!("run{kernel}");
    match of_the_run(result).as_slice() {
        [] => {
            points.passed += 1;
            points.point(true, &path, "");
        }
        [first, rest @ ..] => {
            points.failed += 1;
            rest.iter().for_each(|why| diagnostic(&mut points.text, &format!("{path}: {why}")));
            points.point(false, &path, &format!("bad: {}", harmless(first)));
        }
    }
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
