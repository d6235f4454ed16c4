//! Where the CPUs spent their time: /proc/stat, /proc/softirqs and softnet_stat.
//!
//! Read as close to the traffic as can be, so it must be quick: three files that stay open, a fraction of a millisecond.

use std::collections::BTreeMap;

use flowgauge_reports::observation::{CpuObservation, CpuTimes};
use flowgauge_topologies::Netns;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};

use super::proc_file::ProcFile;
use super::softnet::SoftnetCounters;
use super::widening::Widening;
use super::witness::{Witness, WitnessError};

const STAT: &str = "/proc/stat";
const SOFTIRQS: &str = "/proc/softirqs";
const SOFTNET: &str = "/proc/thread-self/net/softnet_stat";
/// What a corrupt CPU number must not become: an allocation. CONFIG_NR_CPUS goes to 8192.
const CPUS_MAX: usize = 65_536;

/// Reads the CPU witnesses. All but softnet_stat's file name are the same in every namespace.
#[derive(Debug)]
pub struct CpuWitness {
    stat: ProcFile,
    softirqs: ProcFile,
    softnet: ProcFile,
    tick_ns: u64,
    softirq_counters: Widening<(String, usize)>,
    softnet_counters: SoftnetCounters,
}

impl CpuWitness {
    /// Opens the files, /proc/net's inside `dut`.
    pub fn open(dut: &Netns) -> Result<Self, WitnessError> {
        // USER_HZ: 100 on every architecture of today but asked for all the same.
        let ticks_per_second = match sysconf(SysconfVar::CLK_TCK) {
            Ok(Some(ticks)) if ticks > 0 => ticks.unsigned_abs(),
            other => return Err(WitnessError::Unavailable(format!("sysconf(_SC_CLK_TCK) gave {other:?}"))),
        };
        let softnet = dut.run(|| ProcFile::open(SOFTNET)).map_err(|e| WitnessError::Unavailable(e.to_string()))??;
        Ok(CpuWitness {
            stat: ProcFile::open(STAT)?,
            softirqs: ProcFile::open(SOFTIRQS)?,
            softnet,
            tick_ns: 1_000_000_000 / ticks_per_second,
            softirq_counters: Widening::default(),
            softnet_counters: SoftnetCounters::default(),
        })
    }
}

impl Witness<CpuObservation> for CpuWitness {
    fn read(&mut self) -> Result<CpuObservation, WitnessError> {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC)
            .map_err(|errno| WitnessError::Unavailable(format!("clock_gettime(CLOCK_MONOTONIC): {errno}")))?;
        let cpus = times(self.stat.text()?, self.tick_ns);
        let cpus = cpus.map_err(|what| self.stat.malformed(what))?;
        let softirqs = softirqs(self.softirqs.text()?, &mut self.softirq_counters);
        let softirqs = softirqs.map_err(|what| self.softirqs.malformed(what))?;
        let softnet = self.softnet_counters.read(self.softnet.text()?);
        let softnet = softnet.map_err(|what| self.softnet.malformed(what))?;
        let taken_ns = now.tv_sec().unsigned_abs() * 1_000_000_000 + now.tv_nsec().unsigned_abs();
        Ok(CpuObservation { taken_ns, cpus, softirqs, softnet })
    }
}

/// The `cpuN` lines of /proc/stat, by CPU number. A CPU that is offline has zeros.
fn times(text: &str, tick_ns: u64) -> Result<Vec<CpuTimes>, String> {
    let mut cpus = Vec::new();
    for line in text.lines() {
        let Some((label, values)) = line.strip_prefix("cpu").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        // The line without a number is the sum.
        if label.is_empty() {
            continue;
        }
        let cpu: usize = label.parse().map_err(|_| format!("\"cpu{label}\" is no CPU"))?;
        let ticks: Result<Vec<u64>, _> = values.split_ascii_whitespace().map(str::parse).collect();
        // Behind these come guest and guest_nice, which user and nice contain.
        let Ok([user, nice, system, idle, iowait, irq, softirq, steal, ..]) = ticks.as_deref() else {
            return Err(format!("cpu{label}: \"{values}\" are not eight or more counts"));
        };
        let ns = |ticks: u64| ticks.saturating_mul(tick_ns);
        let read = CpuTimes {
            user_ns: ns(user + nice),
            system_ns: ns(*system),
            idle_ns: ns(idle + iowait),
            irq_ns: ns(*irq),
            softirq_ns: ns(*softirq),
            steal_ns: ns(*steal),
        };
        put(&mut cpus, cpu, read)?;
    }
    if cpus.is_empty() { Err("no line begins with \"cpu0\"".to_owned()) } else { Ok(cpus) }
}

/// /proc/softirqs: the CPUs in the first line, then a kind a line.
fn softirqs(text: &str, counters: &mut Widening<(String, usize)>) -> Result<BTreeMap<String, Vec<u64>>, String> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let cpus: Option<Vec<usize>> =
        header.split_ascii_whitespace().map(|word| word.strip_prefix("CPU")?.parse().ok()).collect();
    let cpus = cpus.filter(|cpus| !cpus.is_empty()).ok_or_else(|| format!("\"{header}\" does not name the CPUs"))?;
    let mut kinds = BTreeMap::new();
    for line in lines {
        let Some((kind, values)) = line.split_once(':') else {
            return Err(format!("\"{line}\" has no kind"));
        };
        let kind = kind.trim();
        let values: Result<Vec<u32>, _> = values.split_ascii_whitespace().map(str::parse).collect();
        let values = values.map_err(|_| format!("{kind}: the counts are not counts"))?;
        if values.len() != cpus.len() {
            return Err(format!("{kind}: {} counts for {} CPUs", values.len(), cpus.len()));
        }
        let mut by_cpu = Vec::new();
        for (cpu, value) in cpus.iter().zip(values) {
            put(&mut by_cpu, *cpu, counters.widen((kind.to_owned(), *cpu), value))?;
        }
        kinds.insert(kind.to_owned(), by_cpu);
    }
    Ok(kinds)
}

/// Puts a CPU's value at its number; what lies between is zero.
pub(super) fn put<T: Clone + Default>(by_cpu: &mut Vec<T>, cpu: usize, value: T) -> Result<(), String> {
    if cpu >= CPUS_MAX {
        return Err(format!("CPU {cpu} is beyond {CPUS_MAX}"));
    }
    if by_cpu.len() <= cpu {
        by_cpu.resize(cpu + 1, T::default());
    }
    by_cpu[cpu] = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK_NS: u64 = 10_000_000;

    #[test]
    fn times_are_read_per_cpu_and_offline_ones_are_zero() {
        let stat = "cpu  48650 1 10071 384858 909 0 96 66 0 0\n\
                    cpu0 23858 1 4610 193521 197 2 14 30 7 0\n\
                    cpu2 24792 0 5460 191337 712 0 81 36 0 0\n\
                    intr 565130 0 0\nctxt 5\n";
        let cpus = times(stat, TICK_NS).unwrap();
        assert_eq!(cpus.len(), 3);
        let cpu0 = CpuTimes {
            user_ns: 238_590_000_000,
            system_ns: 46_100_000_000,
            idle_ns: 1_937_180_000_000,
            irq_ns: 20_000_000,
            softirq_ns: 140_000_000,
            steal_ns: 300_000_000,
        };
        assert_eq!(cpus[0], cpu0);
        assert_eq!(cpus[1], CpuTimes::default());
        assert_eq!(cpus[2].softirq_ns, 810_000_000);
    }

    #[test]
    fn softirqs_are_read_by_kind_and_continue_beyond_32_bits() {
        let mut counters = Widening::default();
        let text =
            |rx: u32| format!("                    CPU0       CPU2\n      NET_RX:  {rx}  10261\n         RCU: 1 2\n");
        let kinds = softirqs(&text(u32::MAX), &mut counters).unwrap();
        assert_eq!(kinds["NET_RX"], [u64::from(u32::MAX), 0, 10261]);
        assert_eq!(kinds["RCU"], [1, 0, 2]);
        assert_eq!(softirqs(&text(3), &mut counters).unwrap()["NET_RX"][0], (1 << 32) + 3);
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in [
            "",
            "cpu  1 2 3\n",
            "cpu0 1 2 3\n",
            "cpu0 1 2 3 4 5 6 7 x\n",
            "cpux 1 2 3 4 5 6 7 8\n",
            "cpu99999999 1 2 3 4 5 6 7 8\n",
        ] {
            assert!(times(text, TICK_NS).is_err(), "{text:?}");
        }
        for text in ["", "CPU0 CPUx\n", "CPU0\nNET_RX 1\n", "CPU0\nNET_RX: 1 2\n", "CPU0\nNET_RX: -1\n"] {
            assert!(softirqs(text, &mut Widening::default()).is_err(), "{text:?}");
        }
    }
}
