//! Two conformance results side by side: which cells stand elsewhere than before.

use std::collections::BTreeMap;
use std::fmt::Write;

use flowgauge_scenarios::Datapath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Standing, cells, plural};
use super::{ConformResult, repeat};
use crate::table::{Style, emphasis, paragraph};
use crate::wording::printable;

/// Where a cell stands on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stand {
    /// `pass`, `known`, `unsupported`, `unexpected pass`, `unproven`, `fail`, `error`.
    pub standing: String,
    /// Why, in a sentence; empty where it passed.
    pub why: String,
}

/// A cell that stands elsewhere than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The instance: `ttl-decrements/ipv4-udp-plain-up`.
    pub instance: String,
    /// The datapath.
    pub datapath: Datapath,
    /// Before; none where it was not run.
    pub base: Option<Stand>,
    /// Now; none where it was not run.
    pub new: Option<Stand>,
    /// The command that runs it again as now.
    pub repeat: Option<String>,
}

/// What changed from one conformance result to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConformComparison {
    /// The kernel of BASE.
    pub base: String,
    /// The kernel of NEW.
    pub new: String,
    /// Cells that stood better before.
    pub worse: Vec<Change>,
    /// Cells that stand better now.
    pub better: Vec<Change>,
    /// Cells that fail, are unproven or unsupported on both sides, each in another way.
    pub otherwise: Vec<Change>,
    /// Cells that only BASE has.
    pub gone: Vec<Change>,
    /// Cells that only NEW has.
    pub added: Vec<Change>,
    /// How many cells stand where they stood.
    pub same: usize,
}

/// What changed. Cells are the same by the instance's name and the datapath; the reference is one of them.
pub fn compare(base: &ConformResult, new: &ConformResult) -> ConformComparison {
    let (before, after) = (cells(base), cells(new));
    let (before, after) = (by_name(&before), by_name(&after));
    let mut found = ConformComparison {
        base: kernel(base),
        new: kernel(new),
        worse: Vec::new(),
        better: Vec::new(),
        otherwise: Vec::new(),
        gone: Vec::new(),
        added: Vec::new(),
        same: 0,
    };
    let mut keys: Vec<_> = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))).collect();
    keys.sort();
    for key in keys {
        let (was, is) = (before.get(key), after.get(key));
        let change = || Change {
            instance: key.0.to_owned(),
            datapath: key.1,
            base: was.map(|cell| stand(cell)),
            new: is.map(|cell| stand(cell)),
            repeat: is.and_then(|cell| repeat(new, 0, cell.result)),
        };
        match (was, is) {
            (Some(was), Some(is)) if rank(was) < rank(is) => found.worse.push(change()),
            (Some(was), Some(is)) if rank(was) > rank(is) => found.better.push(change()),
            (Some(was), Some(is)) if manner(was) != manner(is) => found.otherwise.push(change()),
            (Some(_), Some(_)) => found.same += 1,
            (Some(_), None) => found.gone.push(change()),
            (None, _) => found.added.push(change()),
        }
    }
    found
}

type Key<'a> = (&'a str, Datapath);

fn by_name<'a>(cells: &'a [Cell<'a>]) -> BTreeMap<Key<'a>, &'a Cell<'a>> {
    cells.iter().map(|cell| ((cell.instance.id.as_str(), cell.result.datapath), cell)).collect()
}

fn kernel(result: &ConformResult) -> String {
    result.environment.as_ref().map_or_else(|| "unknown".to_owned(), |environment| environment.kernel_release.clone())
}

/// How bad it is, whether or not it is known: data on what is known differ between versions, and what packets do does not.
fn rank(cell: &Cell<'_>) -> u8 {
    use flowgauge_scenarios::conform::Outcome::{Error, Fail, Pass, Unproven, Unsupported};
    match cell.result.outcome {
        Pass => 0,
        Unsupported => 1,
        Unproven => 2,
        Fail => 3,
        Error => 4,
    }
}

/// In which way it is not a pass: what differs first, and in which step.
fn manner<'a>(cell: &Cell<'a>) -> Option<(usize, &'a str)> {
    cell.result.findings.first().map(|finding| (finding.step, finding.field.as_str()))
}

fn stand(cell: &Cell<'_>) -> Stand {
    let standing = match cell.standing {
        Standing::Known => format!("known {}", cell.result.outcome.name()),
        other => other.name().to_owned(),
    };
    Stand { standing, why: cell.result.why.clone() }
}

impl ConformComparison {
    /// Whether no cell is worse than before.
    pub fn is_good(&self) -> bool {
        self.worse.is_empty()
    }

    /// As text, a newline at its end.
    pub fn render(&self, style: Style) -> String {
        let mut text = format!("{}\n", emphasis(&printable(&format!("{} against {}", self.new, self.base)), style));
        for (title, changes) in [
            ("Only in the base", &self.gone),
            ("Only in the new", &self.added),
            ("Not good on both sides, in another way", &self.otherwise),
            ("Better", &self.better),
            ("Worse", &self.worse),
        ] {
            if !changes.is_empty() {
                let _ = writeln!(text, "\n{}", emphasis(&format!("{title}: {}", changes.len()), style));
            }
            for change in changes {
                let of = |stand: &Option<Stand>| {
                    stand.as_ref().map_or("not run", |stand| stand.standing.as_str()).to_owned()
                };
                let head = format!(
                    "{} on {}: {}, was {}",
                    change.instance,
                    change.datapath.name(),
                    of(&change.new),
                    of(&change.base)
                );
                let _ = writeln!(text, "- {}", printable(&head));
                for (name, stand) in [("now", &change.new), ("was", &change.base)] {
                    if let Some(stand) = stand.as_ref().filter(|stand| !stand.why.is_empty()) {
                        paragraph(&mut text, "    ", &format!("{name}: {}", stand.why), style);
                    }
                }
                if let Some(command) = change.repeat.as_ref().filter(|_| title == "Worse") {
                    let _ = writeln!(text, "    {}", printable(command));
                }
            }
        }
        let counts = [
            (self.worse.len(), "worse"),
            (self.better.len(), "better"),
            (self.otherwise.len(), "not good in another way"),
            (self.gone.len(), "only in the base"),
            (self.added.len(), "only in the new"),
        ];
        let told: Vec<String> = counts
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .chain([format!("{} as before", self.same)])
            .collect();
        let all = self.same + counts.iter().map(|(n, _)| n).sum::<usize>();
        let _ = writeln!(text, "\n{} of {}", told.join(", "), plural(all, "cell", "cells"));
        text
    }
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::conform::Outcome;

    use super::*;
    use crate::conform::sample;

    #[test]
    fn a_result_is_as_itself() {
        let result = sample::result();
        let found = compare(&result, &result);
        assert!(found.is_good() && found.same == cells(&result).len(), "{found:#?}");
        assert!(found.render(Style::default()).ends_with(&format!("{0} as before of {0} cells\n", found.same)));
    }

    #[test]
    fn what_fails_now_is_worse_and_the_other_way_round_better() {
        let (sound, mut broken) = (sample::result(), sample::result());
        broken.environment.as_mut().unwrap().kernel_release = "7.2.13".to_owned();
        let passes = |one: &&mut super::super::CaseResult| {
            one.outcome == Outcome::Pass && one.mutation.is_none() && one.datapath == Datapath::Flowtable
        };
        let one = broken.results.iter_mut().find(passes).unwrap();
        (one.outcome, one.why) = (Outcome::Fail, "step 1: lost is 1, not 0".to_owned());
        let id = broken.start.plan.instances[one.instance].id.clone();
        let worse = compare(&sound, &broken);
        assert_eq!(worse.worse.iter().map(|change| change.instance.as_str()).collect::<Vec<_>>(), [id.as_str()]);
        let text = worse.render(Style::default());
        assert!(!worse.is_good() && text.contains("7.2.13 against 6.12.0-sample"), "{text}");
        assert!(
            text.contains(&format!("- {id} on flowtable: fail, was ")) && text.contains("now: step 1: lost"),
            "{text}"
        );
        assert!(text.contains(&format!("flowgauge conform {id} --datapath flowtable")), "{text}");
        let better = compare(&broken, &sound);
        assert!(better.is_good() && better.better.len() == 1);
    }

    #[test]
    fn what_one_side_lacks_is_neither_better_nor_worse() {
        let (whole, mut part) = (sample::result(), sample::result());
        let gone = part.results.last().unwrap().instance;
        part.runs.retain(|run| run.instance != gone);
        part.judge();
        let found = compare(&whole, &part);
        assert!(found.is_good() && !found.gone.is_empty() && found.added.is_empty(), "{found:#?}");
        assert_eq!(compare(&part, &whole).added.len(), found.gone.len());
    }
}
