//! What conntrack claims about offload, held against what the packets did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::path::percent;
use super::witness::both;
use crate::observation::Observation;

/// Entries marked OFFLOAD (`IPS_OFFLOAD`, status bit 14) around the measured packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claims {
    /// Entries in the table after the trial.
    pub entries: u64,
    /// Of those before the trial, marked.
    pub before: u64,
    /// Of those after the trial, marked.
    pub after: u64,
    /// After the trial, marked as in hardware (bit 15).
    pub hardware: u64,
}

impl Claims {
    /// What the table said; the error is why it said nothing.
    pub(super) fn of(before: &Observation, after: &Observation) -> Result<Claims, String> {
        let (b, a) = both("conntrack entries", &before.conntrack, &after.conntrack)?;
        Ok(Claims { entries: a.entries, before: b.offload, after: a.offload, hardware: a.hw_offload })
    }

    /// Contradictions with the share of packets that bypassed the classic path.
    pub(super) fn contradictions(&self, bypass: f64) -> Option<Finding> {
        let marked = self.before.min(self.after);
        let flows = format!("{marked} of {} flows are marked OFFLOAD", self.entries);
        if marked > 0 && bypass < 0.01 {
            let text = format!("{flows}, yet {} of the packets took the classic path", percent(1.0 - bypass));
            // A few marked flows among many could carry few packets; half of them cannot.
            return Some(if 2 * marked >= self.entries { Finding::bad(text) } else { Finding::note(text) });
        }
        if self.before == 0 && self.after == 0 && bypass > 0.01 {
            return Some(Finding::bad(format!(
                "{} of the packets bypassed the classic path, yet none of {} flows is marked OFFLOAD",
                percent(bypass),
                self.entries
            )));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Severity;

    fn claims(entries: u64, before: u64, after: u64) -> Claims {
        Claims { entries, before, after, hardware: 0 }
    }

    #[test]
    fn marks_without_packets_and_packets_without_marks() {
        let marked = claims(16, 16, 16).contradictions(0.0).unwrap();
        assert_eq!(
            marked.text,
            "16 of 16 flows are marked OFFLOAD, yet 100\u{a0}% of the packets took the classic path"
        );
        assert_eq!(marked.severity, Severity::Bad);
        assert_eq!(claims(100, 2, 1).contradictions(0.0).unwrap().severity, Severity::Note);
        let unmarked = claims(16, 0, 0).contradictions(1.0).unwrap();
        assert!(unmarked.text.contains("none of 16 flows"), "{}", unmarked.text);
    }

    #[test]
    fn claims_that_fit_are_silent() {
        assert_eq!(claims(16, 16, 16).contradictions(1.0), None);
        assert_eq!(claims(16, 0, 0).contradictions(0.0), None);
        assert_eq!(claims(0, 0, 0).contradictions(0.0), None);
    }
}
