//! What pktgen says of a run.

/// What one run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Frames handed over.
    pub packets: u64,
    /// Frames that were not taken.
    pub errors: u64,
    /// How long pktgen's thread had the CPU from the first to the last, interrupts with it, in nanoseconds of the kernel's
    /// clock; told in microseconds.
    pub elapsed_ns: u64,
    /// How long it gave the CPU to other tasks meanwhile; in nanoseconds, as above.
    pub others_ns: u64,
}

impl Outcome {
    /// This run and the next.
    pub fn and(self, next: Outcome) -> Outcome {
        Outcome {
            packets: self.packets + next.packets,
            errors: self.errors + next.errors,
            elapsed_ns: self.elapsed_ns + next.elapsed_ns,
            others_ns: self.others_ns + next.others_ns,
        }
    }

    /// Reads `/proc/net/pktgen/PORT` after a run (show_results, net/core/pktgen.c):
    ///
    /// ```text
    /// Result: OK: 250012(c250012+d0) usec, 50000 (60byte,0frags)
    ///   199990pps 95Mb/sec (95995200bps) errors: 0
    /// ```
    ///
    /// The first time is the whole; `c` is what pktgen's thread had of it, `d` what it gave away.
    pub fn parse(text: &str) -> Option<Outcome> {
        let (_, result) = text.split_once("Result: OK: ")?;
        let (_, rest) = result.split_once("(c")?;
        let (own, rest) = rest.split_once("+d")?;
        let (others, rest) = rest.split_once(") usec, ")?;
        let (packets, rest) = rest.split_once(" (")?;
        let (_, errors) = rest.split_once("errors: ")?;
        let ns = |micros: &str| micros.parse::<u64>().ok()?.checked_mul(1000);
        Some(Outcome {
            packets: packets.trim().parse().ok()?,
            errors: errors.split_whitespace().next()?.parse().ok()?,
            elapsed_ns: ns(own)?,
            others_ns: ns(others)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_and_anything_else_is_none() {
        let text = "Params: count 50000\nCurrent:\n     flows: 0\nResult: OK: 250012(c250010+d2) usec, 50000 (60byte,0frags)\n  \
                    199990pps 95Mb/sec (95995200bps) errors: 7\n";
        let outcome = Outcome { packets: 50_000, errors: 7, elapsed_ns: 250_010_000, others_ns: 2_000 };
        assert_eq!(Outcome::parse(text), Some(outcome));
        for other in [
            "",
            "Result: Idle",
            "Result: OK: max_before_softirq=10",
            "Result: OK: 12(c",
            "Result: OK: 12(c10+dx) usec, 5 (6",
        ] {
            assert_eq!(Outcome::parse(other), None, "{other}");
        }
    }
}
