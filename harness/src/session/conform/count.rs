//! How many cells of a run came to what.

use std::fmt;

use flowgauge_reports::conform::CaseResult;
use flowgauge_scenarios::conform::Outcome;

/// Cells by what they came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    by_outcome: [usize; Outcome::ALL.len()],
    /// Not good, and explained in data.
    known: usize,
    /// Known not to be good, and good.
    unexpected: usize,
    /// Cells that a mutant was let loose on.
    mutants: usize,
}

impl Count {
    /// Counts one more.
    pub(super) fn add(&mut self, result: &CaseResult) {
        if result.mutation.is_some() {
            self.mutants += 1;
        } else if result.known.is_some() {
            self.known += 1;
        } else if result.unexpected_pass {
            self.unexpected += 1;
        } else if let Some(place) = Outcome::ALL.iter().position(|outcome| *outcome == result.outcome) {
            self.by_outcome[place] += 1;
        }
    }

    /// All that were counted.
    pub(super) fn cells(&self) -> usize {
        self.by_outcome.iter().sum::<usize>() + self.known + self.unexpected + self.mutants
    }
}

impl fmt::Display for Count {
    /// `120 pass, 3 fail, 2 known`: what there is none of is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes = Outcome::ALL.iter().map(|outcome| outcome.name()).zip(self.by_outcome);
        let others = [("known", self.known), ("unexpectedly good", self.unexpected), ("of mutants", self.mutants)];
        let parts: Vec<String> =
            outcomes.chain(others).filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect();
        if parts.is_empty() { f.write_str("no case yet") } else { f.write_str(&parts.join(", ")) }
    }
}

/// Whether a result is one that nobody has to look at: it holds, or it cannot be had here, or it is known.
pub(super) fn good(result: &CaseResult) -> bool {
    let holds = matches!(result.outcome, Outcome::Pass | Outcome::Unsupported);
    result.mutation.is_some() || result.known.is_some() || (holds && !result.unexpected_pass)
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::Datapath;

    use super::*;

    fn result(outcome: Outcome, known: Option<usize>, unexpected_pass: bool) -> CaseResult {
        CaseResult {
            instance: 0,
            datapath: Datapath::Flowtable,
            mutation: None,
            outcome,
            why: String::new(),
            findings: Vec::new(),
            known,
            unexpected_pass,
        }
    }

    #[test]
    fn a_failure_that_is_known_is_no_alarm_and_a_pass_that_was_not_expected_is() {
        let cases = [
            (result(Outcome::Pass, None, false), true),
            (result(Outcome::Unsupported, None, false), true),
            (result(Outcome::Fail, Some(0), false), true),
            (result(Outcome::Fail, None, false), false),
            (result(Outcome::Unproven, None, false), false),
            (result(Outcome::Error, None, false), false),
            (result(Outcome::Pass, None, true), false),
        ];
        let mut count = Count::default();
        for (result, is_good) in &cases {
            assert_eq!(good(result), *is_good, "{result:?}");
            count.add(result);
        }
        assert_eq!(
            count.to_string(),
            "1 pass, 1 unsupported, 1 unproven, 1 fail, 1 error, 1 known, 1 unexpectedly good"
        );
        assert_eq!(count.cells(), cases.len());
    }
}
