//! /proc/net/softnet_stat: packets that each CPU took from its backlog or polled.

use flowgauge_reports::observation::Softnet;

use super::widening::Widening;

/// The column that names the CPU (since 5.10; before, a line per CPU that is online).
const CPU_COLUMN: usize = 12;

/// Reads softnet_stat. The kernel prints the low 32 bits of its counters; here they go on beyond.
#[derive(Debug, Default)]
pub(super) struct SoftnetCounters {
    widening: Widening<(usize, usize)>,
}

impl SoftnetCounters {
    /// The counters by CPU number. A CPU that is offline has zeros.
    pub(super) fn read(&mut self, text: &str) -> Result<Vec<Softnet>, String> {
        let mut cpus = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let columns: Result<Vec<u32>, String> =
                line.split_ascii_whitespace().map(|word| hex(word, number)).collect();
            let columns = columns?;
            let [processed, dropped, time_squeeze, ..] = columns[..] else {
                return Err(format!("line {} has {} columns", number + 1, columns.len()));
            };
            let cpu = columns.get(CPU_COLUMN).map_or(number, |cpu| *cpu as usize);
            let mut wide = |column: usize, value: u32| self.widening.widen((cpu, column), value);
            let read = Softnet {
                processed: wide(0, processed),
                dropped: wide(1, dropped),
                time_squeeze: wide(2, time_squeeze),
            };
            super::cpu::put(&mut cpus, cpu, read)?;
        }
        Ok(cpus)
    }
}

fn hex(word: &str, line: usize) -> Result<u32, String> {
    u32::from_str_radix(word, 16).map_err(|_| format!("line {}: \"{word}\" is no hexadecimal count", line + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(processed: &str, cpu: &str) -> String {
        format!("{processed} 00000002 00000003 0 0 0 0 0 0 0 0 0 {cpu} 0 0\n")
    }

    #[test]
    fn cpus_are_told_by_their_column_and_offline_ones_are_zero() {
        let text = line("0000000b", "00000000") + &line("00003818", "00000002");
        let cpus = SoftnetCounters::default().read(&text).unwrap();
        let at = |processed| Softnet { processed, dropped: 2, time_squeeze: 3 };
        assert_eq!(cpus, [at(11), Softnet::default(), at(0x3818)]);
        // Before 5.10: eleven columns, a line per CPU.
        let old = SoftnetCounters::default().read("1 2 3 0 0 0 0 0 0 0 0\n4 2 3 0 0 0 0 0 0 0 0\n").unwrap();
        assert_eq!(old, [at(1), at(4)]);
    }

    #[test]
    fn a_counter_goes_on_where_the_kernel_starts_over() {
        let mut counters = SoftnetCounters::default();
        let mut processed = |hex| counters.read(&line(hex, "0")).unwrap()[0].processed;
        assert_eq!(processed("fffffff0"), 0xffff_fff0);
        assert_eq!(processed("00000010"), 0x1_0000_0010);
        assert_eq!(processed("00000011"), 0x1_0000_0011);
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in ["1 2\n", "x 2 3\n", "1 2 123456789\n", "1 2 3 0 0 0 0 0 0 0 0 0 ffffffff 0 0\n"] {
            assert!(SoftnetCounters::default().read(text).is_err(), "{text}");
        }
        assert_eq!(SoftnetCounters::default().read(""), Ok(Vec::new()));
    }
}
