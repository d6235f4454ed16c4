//! Sampling from start to stop, on every CPU.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowgauge_reports::profile::{Frame, Profile};

use super::ProfileError;
use super::event::Event;
use super::record::records;
use super::ring::Ring;
use super::symbols::Symbols;

/// The kernel takes no samples closer together (kernel/events/core.c, perf_swevent_start_hrtimer).
pub const SHORTEST_PERIOD_NS: u64 = 10_000;

/// The buffer of each CPU: room for some 40,000 samples. Nobody reads it while it fills, since the reader would run on
/// the CPU whose time is looked at.
const RING_BYTES: usize = 8 << 20;

const ONLINE: &str = "/sys/devices/system/cpu/online";

/// A sampler that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Sampler {
    period_ns: u64,
    cpus: Vec<Cpu>,
}

/// Clocks of each CPU. A single one keeps step with a loop: under the instruction clock every packet takes the same, and
/// then some functions are met again and again and others never. Clocks of unlike periods, which also disturb one
/// another, do not.
const CLOCKS: usize = 8;

#[derive(Debug)]
struct Cpu {
    number: u32,
    /// All write into one buffer.
    clocks: Vec<Event>,
    ring: Ring,
}

impl Sampler {
    /// Starts to sample every CPU, one sample each `period_ns` of its time on average; 20 µs are good. Taking a sample takes some thousand instructions itself: the profile gives
    /// shares, and what they are shares of is measured without a sampler. Each CPU has room for some 40,000 samples; what comes after is counted as lost.
    pub fn start(period_ns: u64) -> Result<Sampler, ProfileError> {
        Sampler::start_with_room(period_ns, RING_BYTES)
    }

    /// As [`Sampler::start`], with a buffer of `bytes` for each CPU, rounded up to a power of two; a sample takes about
    /// 200 bytes.
    pub fn start_with_room(period_ns: u64, bytes: usize) -> Result<Sampler, ProfileError> {
        if period_ns < SHORTEST_PERIOD_NS {
            return Err(ProfileError::TooOften { period_ns });
        }
        let bytes = bytes.next_power_of_two().max(1 << 16);
        let mut cpus = Vec::new();
        for number in online()? {
            let open =
                |period| Event::open(number, period).map_err(|source| ProfileError::Open { cpu: number, source });
            let clocks: Vec<Event> = periods(period_ns).into_iter().map(open).collect::<Result<_, _>>()?;
            let ring = Ring::map(&clocks[0].file, bytes);
            let ring = ring.map_err(|source| ProfileError::Map { cpu: number, bytes, source })?;
            let join = |clock: &Event| clock.write_to(&clocks[0]);
            let joined = clocks[1..].iter().try_for_each(join);
            joined.map_err(|source| ProfileError::Switch { doing: "gather", cpu: number, source })?;
            cpus.push(Cpu { number, clocks, ring });
        }
        let sampler = Sampler { period_ns, cpus };
        // All are ready before the first runs.
        sampler.each("start", Event::enable)?;
        Ok(sampler)
    }

    /// Stops, and gives what was seen its names. Modules that were unloaded since have none.
    pub fn stop(mut self) -> Result<Profile, ProfileError> {
        self.each("stop", Event::disable)?;
        let mut stacks: BTreeMap<Vec<u64>, u64> = BTreeMap::new();
        let mut lost = 0;
        for cpu in &mut self.cpus {
            let buffer = cpu.ring.take();
            let (number, bytes) = (cpu.number, buffer.len());
            let found = records(&buffer).map_err(|at| ProfileError::Damaged { cpu: number, at, bytes })?;
            let counted: Result<Option<u64>, _> = cpu.clocks.iter_mut().map(Event::lost).sum();
            let counted = counted.map_err(|source| ProfileError::Switch { doing: "count", cpu: number, source })?;
            // The record of a loss comes with the next sample that finds room, so it may be missing; the count may not.
            lost += counted.unwrap_or(found.lost);
            for stack in found.stacks {
                *stacks.entry(stack).or_default() += 1;
            }
        }
        let mut names = Names { symbols: Symbols::running()?, known: BTreeMap::new() };
        let named = stacks.into_iter().map(|(stack, samples)| (names.of(&stack), samples));
        Ok(Profile::gather(self.period_ns, lost, named))
    }

    fn each(&self, doing: &'static str, what: fn(&Event) -> std::io::Result<()>) -> Result<(), ProfileError> {
        let switch = |cpu: &Cpu| {
            let switched = cpu.clocks.iter().try_for_each(what);
            switched.map_err(|source| ProfileError::Switch { doing, cpu: cpu.number, source })
        };
        self.cpus.iter().try_for_each(switch)
    }
}

/// The periods of the clocks of a CPU: spread by the golden ratio, so that none is near a multiple of another, and
/// together one sample each `period_ns`.
fn periods(period_ns: u64) -> [u64; CLOCKS] {
    let spread: [f64; CLOCKS] = std::array::from_fn(|n| 0.7 + 0.6 * (0.618_033_988_749_895 * (n + 1) as f64).fract());
    let rate: f64 = spread.iter().map(|factor| 1.0 / factor).sum();
    spread.map(|factor| (period_ns as f64 * rate * factor) as u64)
}

/// Names by address, each looked up once.
struct Names {
    symbols: Arc<Symbols>,
    known: BTreeMap<u64, Frame>,
}

impl Names {
    fn of(&mut self, stack: &[u64]) -> Vec<Frame> {
        let (symbols, known) = (&*self.symbols, &mut self.known);
        let name = |(depth, &address): (usize, &u64)| {
            // A caller's address is the one it returns to: behind the call, which may be the next function already.
            let within = if depth == 0 { address } else { address.saturating_sub(1) };
            let unknown = || Frame::kernel("[unknown]");
            known.entry(within).or_insert_with(|| symbols.function(within).unwrap_or_else(unknown)).clone()
        };
        stack.iter().enumerate().map(name).collect()
    }
}

/// The CPUs that run now.
fn online() -> Result<Vec<u32>, ProfileError> {
    let text = std::fs::read_to_string(ONLINE).map_err(|source| ProfileError::Read { path: ONLINE, source })?;
    cpu_list(text.trim()).ok_or(ProfileError::Cpus { path: ONLINE, text })
}

/// `0-3,6` (Documentation/admin-guide/cputopology.rst).
fn cpu_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        // The kernel's own limit is 8192.
        cpus.extend((first <= last && last < 1 << 16).then_some(first..=last)?);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_come_as_ranges() {
        assert_eq!(cpu_list("0"), Some(vec![0]));
        assert_eq!(cpu_list("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(
            [cpu_list(""), cpu_list("3-1"), cpu_list("0-x"), cpu_list("0-4294967295")],
            [None, None, None, None]
        );
    }

    #[test]
    fn a_caller_is_looked_up_before_where_it_returns_to() {
        let text = "ffffffff81000000 t caller\nffffffff81000100 t next\nffffffff81000200 t leaf\n";
        let mut names = Names { symbols: Arc::new(Symbols::parse(text.to_owned())), known: BTreeMap::new() };
        // The call is the caller's last instruction: it returns to the first of the next function.
        let stack = names.of(&[0xffff_ffff_8100_0200, 0xffff_ffff_8100_0100, 1]);
        let labels: Vec<String> = stack.iter().map(Frame::label).collect();
        assert_eq!(labels, ["leaf", "caller", "[unknown]"]);
    }

    #[test]
    fn the_clocks_make_one_sample_a_period_and_keep_no_step() {
        let periods = periods(20_000);
        let rate: f64 = periods.iter().map(|&period| 20_000.0 / period as f64).sum();
        assert!((rate - 1.0).abs() < 0.001, "{rate}");
        for (at, &a) in periods.iter().enumerate() {
            for &b in &periods[at + 1..] {
                let ratio = a.max(b) as f64 / a.min(b) as f64;
                assert!((1.02..1.98).contains(&ratio), "{a} and {b}");
            }
        }
    }

    #[test]
    fn too_short_a_period_is_refused_before_anything_is_opened() {
        assert!(matches!(Sampler::start(9_999), Err(ProfileError::TooOften { period_ns: 9_999 })));
    }
}
