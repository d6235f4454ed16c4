//! What conntrack claims about offload, held against what the packets did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::path::{Shares, negligible, percent};
use super::witness::both;
use crate::observation::Observation;

/// Entries marked OFFLOAD (`IPS_OFFLOAD`, status bit 14) and HW_OFFLOAD (`IPS_HW_OFFLOAD`, bit 15) around the measured
/// packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claims {
    /// Entries in the table after the trial.
    pub entries: u64,
    /// Of those before the trial, marked.
    pub before: u64,
    /// Of those after the trial, marked.
    pub after: u64,
    /// Before the trial, marked as in hardware. One direction in hardware is enough for the mark.
    pub hardware_before: u64,
    /// After the trial, marked as in hardware.
    pub hardware: u64,
}

impl Claims {
    /// What the table said; the error is why it said nothing.
    pub(super) fn of(before: &Observation, after: &Observation) -> Result<Claims, String> {
        let (b, a) = both("conntrack entries", &before.conntrack, &after.conntrack)?;
        Ok(Claims {
            entries: a.entries,
            before: b.offload,
            after: a.offload,
            hardware_before: b.hw_offload,
            hardware: a.hw_offload,
        })
    }

    /// Contradictions with what the packets did: each mark with its lane.
    pub(super) fn contradictions(&self, shares: &Shares, hardware_told: bool) -> Vec<Finding> {
        let bypass = 1.0 - shares.classic;
        let software = Mark { name: "OFFLOAD", before: self.before, after: self.after, entries: self.entries };
        let hardware = Mark { name: "HW_OFFLOAD", before: self.hardware_before, after: self.hardware, ..software };
        let mut findings = Vec::new();
        findings.extend(software.contradiction(bypass, "bypassed the classic path", "took the classic path"));
        if hardware_told {
            let [with, without] = ["went through the hardware", "were forwarded in software"];
            findings.extend(hardware.contradiction(shares.hardware, with, without));
            findings.extend(hardware.half(shares));
        }
        findings
    }
}

/// One of the two marks.
#[derive(Clone, Copy)]
struct Mark {
    name: &'static str,
    before: u64,
    after: u64,
    entries: u64,
}

impl Mark {
    fn flows(&self) -> String {
        format!("{} of {} flows are marked {}", self.before.min(self.after), self.entries, self.name)
    }

    /// Marks without the packets that they promise, and packets without marks.
    fn contradiction(&self, share: f64, with: &str, without: &str) -> Option<Finding> {
        let marked = self.before.min(self.after);
        if marked > 0 && negligible(share) {
            let text = format!("{}, yet {} of the packets {without}", self.flows(), percent(1.0 - share));
            // A few marked flows among many could carry few packets; half of them cannot.
            return Some(if 2 * marked >= self.entries { Finding::bad(text) } else { Finding::note(text) });
        }
        (self.before == 0 && self.after == 0 && !negligible(share)).then(|| {
            Finding::bad(format!(
                "{} of the packets {with}, yet none of {} flows is marked {}",
                percent(share),
                self.entries,
                self.name
            ))
        })
    }

    /// Marks of flows whose packets went by the hardware only in part.
    fn half(&self, shares: &Shares) -> Option<Finding> {
        let partly = !negligible(shares.hardware) && !negligible(1.0 - shares.hardware);
        let marked = self.before.min(self.after);
        (partly && 2 * marked >= self.entries && marked > 0).then(|| {
            Finding::note(format!(
                "{}, yet only {} of the packets went through the hardware: one direction is enough for the mark",
                self.flows(),
                percent(shares.hardware)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Severity;

    fn claims(entries: u64, before: u64, after: u64) -> Claims {
        Claims { entries, before, after, ..Claims::default() }
    }

    fn said(claims: Claims, classic: f64, hardware: f64) -> Vec<(Severity, String)> {
        let findings = claims.contradictions(&Shares::new(classic, hardware), true);
        findings.into_iter().map(|f| (f.severity, f.text.replace('\u{a0}', " "))).collect()
    }

    #[test]
    fn marks_without_packets_and_packets_without_marks() {
        assert_eq!(
            said(claims(16, 16, 16), 1.0, 0.0),
            [(
                Severity::Bad,
                "16 of 16 flows are marked OFFLOAD, yet 100 % of the packets took the classic path".to_owned()
            )]
        );
        assert_eq!(said(claims(100, 2, 1), 1.0, 0.0)[0].0, Severity::Note);
        let unmarked = said(claims(16, 0, 0), 0.0, 0.0);
        assert!(unmarked[0].1.contains("none of 16 flows"), "{unmarked:?}");
    }

    #[test]
    fn the_hardware_mark_is_held_against_what_the_hardware_forwarded() {
        let all = Claims { hardware_before: 16, hardware: 16, ..claims(16, 16, 16) };
        assert_eq!(said(all, 0.0, 1.0), []);
        let promised = said(all, 0.0, 0.0);
        assert!(promised[0].1.contains("HW_OFFLOAD, yet 100 % of the packets were forwarded in software"));
        assert_eq!((promised.len(), promised[0].0), (1, Severity::Bad));
        let half = said(all, 0.0, 0.5);
        assert!(half[0].1.contains("one direction is enough for the mark") && half[0].0 == Severity::Note, "{half:?}");
        let unmarked = said(claims(16, 16, 16), 0.0, 1.0);
        assert!(unmarked[0].1.contains("none of 16 flows is marked HW_OFFLOAD") && unmarked[0].0 == Severity::Bad);
        // Where nobody can tell hardware from software, nothing is said of the mark.
        assert_eq!(all.contradictions(&Shares::new(0.0, 0.0), false), []);
    }

    #[test]
    fn claims_that_fit_are_silent() {
        assert_eq!(said(claims(16, 16, 16), 0.0, 0.0), []);
        assert_eq!(said(claims(16, 0, 0), 1.0, 0.0), []);
        assert_eq!(said(claims(0, 0, 0), 1.0, 0.0), []);
    }
}
