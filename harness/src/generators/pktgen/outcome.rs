//! What pktgen says of a run.

/// What one run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Frames handed over.
    pub packets: u64,
    /// Frames that were not taken.
    pub errors: u64,
    /// From the first to the last, in nanoseconds of the kernel's clock; told in microseconds.
    pub elapsed_ns: u64,
}

impl Outcome {
    /// Reads `/proc/net/pktgen/PORT` after a run (show_results, net/core/pktgen.c):
    ///
    /// ```text
    /// Result: OK: 250012(c250012+d0) usec, 50000 (60byte,0frags)
    ///   199990pps 95Mb/sec (95995200bps) errors: 0
    /// ```
    pub fn parse(text: &str) -> Option<Outcome> {
        let (_, result) = text.split_once("Result: OK: ")?;
        let (elapsed, rest) = result.split_once('(')?;
        let (_, rest) = rest.split_once("usec, ")?;
        let (packets, rest) = rest.split_once(" (")?;
        let (_, errors) = rest.split_once("errors: ")?;
        let micros: u64 = elapsed.trim().parse().ok()?;
        Some(Outcome {
            packets: packets.trim().parse().ok()?,
            errors: errors.split_whitespace().next()?.parse().ok()?,
            elapsed_ns: micros.checked_mul(1000)?,
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
        let outcome = Outcome { packets: 50_000, errors: 7, elapsed_ns: 250_012_000 };
        assert_eq!(Outcome::parse(text), Some(outcome));
        for other in ["", "Result: Idle", "Result: OK: max_before_softirq=10", "Result: OK: 12(c"] {
            assert_eq!(Outcome::parse(other), None, "{other}");
        }
    }
}
