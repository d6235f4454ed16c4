//! Which lane the packets of a step took: counters before and after, less what the testers sent to see whether the DUT is
//! quiet.

use flowgauge_reports::observation::Reading;

use super::stand::{Dut, Testers};
use crate::conform::cable::Sentinels;

/// The counters of the lanes at one moment.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    classic: Reading<u64>,
    cpu: Reading<u64>,
    sentinels: Sentinels,
}

/// What took which lane in between.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taken {
    /// Packets on the classic path.
    pub(super) classic: Reading<u64>,
    /// Packets that the CPU saw.
    pub(super) cpu: Reading<u64>,
}

impl Lanes {
    /// Reads them. Call it while nothing is on the way.
    pub(super) fn read(testers: &dyn Testers, dut: &mut dyn Dut) -> Lanes {
        Lanes { classic: dut.classic(), cpu: dut.cpu(), sentinels: testers.sentinels() }
    }

    /// What was counted from `self` to `after`. The CPU sees every sentinel; those that it can forward take the classic path.
    pub(super) fn to(&self, after: &Lanes) -> Taken {
        let (classic, cpu) =
            (after.sentinels.classic() - self.sentinels.classic(), after.sentinels.cpu() - self.sentinels.cpu());
        Taken {
            classic: counted("the counters of the classic path", &self.classic, &after.classic, classic),
            cpu: counted("the counters at the ports", &self.cpu, &after.cpu, cpu),
        }
    }
}

fn counted(what: &str, before: &Reading<u64>, after: &Reading<u64>, ours: u64) -> Reading<u64> {
    match (before, after) {
        (Reading::Seen(before), Reading::Seen(after)) => match after.checked_sub(*before + ours) {
            Some(packets) => Reading::Seen(packets),
            None => Reading::Missing {
                why: format!(
                    "{what} went from {before} to {after} while {ours} packets of the tester's own passed: they were set back"
                ),
            },
        },
        (Reading::Missing { why }, _) | (_, Reading::Missing { why }) => Reading::Missing { why: why.clone() },
        (Reading::Absent, _) | (_, Reading::Absent) => Reading::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_has_what_was_counted_in_between_less_sentinels() {
        let lanes = |classic, sent| Lanes {
            classic: Reading::Seen(classic),
            cpu: Reading::Absent,
            sentinels: Sentinels { sent: [sent; 2], passed: [sent, 0], ..Sentinels::default() },
        };
        let taken = lanes(10, 2).to(&lanes(17, 4));
        assert_eq!(taken, Taken { classic: Reading::Seen(5), cpu: Reading::Absent });
        // A table that was made anew has counters that begin anew.
        let Reading::Missing { why } = lanes(10, 2).to(&lanes(2, 4)).classic else { panic!("they were set back") };
        assert!(why.contains("from 10 to 2"), "{why}");
    }
}
