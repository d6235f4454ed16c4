//! What a case expects beyond being equal to the reference.

use flowgauge_scenarios::conform::{Act, Counter, Expect, Side, Step};

use super::state::ASSURED;
use super::{Judged, hardware};
use crate::conform::decode::decode;
use crate::conform::{CaseRun, Entry, Finding, State, StepRun, StreamRun};
use crate::observation::Count;

pub(super) fn findings(judged: &Judged<'_>) -> Vec<Finding> {
    judged.case.expect.iter().filter_map(|expect| finding(judged, expect)).collect()
}

/// What differs: field, expected, got.
type Difference = (&'static str, String, String);

fn finding(judged: &Judged<'_>, expect: &Expect) -> Option<Finding> {
    let steps = &judged.tested.steps;
    let datapath = judged.tested.datapath;
    let (step, differs): (usize, Option<Difference>) = match *expect {
        Expect::Offloaded { step, is } if datapath.offloads() => {
            (step, marked(&steps[step], "conntrack.offloaded", is, Entry::offloaded))
        }
        Expect::HardwareOffloaded { step, is } if hardware(datapath) => {
            (step, marked(&steps[step], "conntrack.hardware_offloaded", is, Entry::hardware_offloaded))
        }
        Expect::Assured { step, is } => {
            (step, marked(&steps[step], "conntrack.assured", is, |entry| entry.status & ASSURED != 0))
        }
        Expect::Tracked { step, is } => {
            let entries = steps[step].state.entries.seen().map(Vec::len);
            let got = entries.map(|n| n > 0);
            (step, (got != Some(is)).then(|| ("conntrack.entry", said(Some(is)), said(got))))
        }
        Expect::Counted { by, from, to } if by != Counter::Hardware || hardware(datapath) => {
            (to, counted(judged, by, from, to))
        }
        Expect::Claimed { step } if datapath.offloads() => (step, claimed(&steps[step])),
        Expect::BlockedMs { step, most } => (step, blocked(judged, step, most).or_else(|| repeated(judged, step))),
        Expect::StaleMs { step, most } => (step, stale(judged, step, most)),
        Expect::HardwareRules { step, is } if hardware(datapath) => {
            let got = steps[step].state.hardware.seen().map(|hardware| hardware.rules);
            let text = got.map_or_else(|| "not to be read".to_owned(), |n| n.to_string());
            (step, (got != Some(is)).then(|| ("hardware.rules", is.to_string(), text)))
        }
        _ => return None,
    };
    let (field, expected, got) = differs?;
    Some(Finding {
        step,
        frame: None,
        reference_frame: None,
        field: field.to_owned(),
        expected,
        got,
        bytes: Vec::new(),
    })
}

fn said(value: Option<bool>) -> String {
    value.map_or("not to be read", |is| if is { "yes" } else { "no" }).to_owned()
}

fn marked(step: &StepRun, field: &'static str, is: bool, bit: fn(&Entry) -> bool) -> Option<Difference> {
    let got = step.state.entries.seen().map(|entries| entries.iter().any(bit));
    (got != Some(is)).then(|| (field, said(Some(is)), said(got)))
}

/// What a layer counted between two steps, each of its parts against what went through that.
fn counted(judged: &Judged<'_>, by: Counter, from: usize, to: usize) -> Option<Difference> {
    let steps = &judged.tested.steps;
    let (before, after) = (read(&steps[from].state, by), read(&steps[to].state, by));
    let field = match by {
        Counter::Conntrack => "counted.conntrack",
        Counter::Rule => "counted.rule",
        Counter::Port => "counted.port",
        Counter::Hardware => "counted.hardware",
    };
    let wanted = wanted(&steps[from + 1..=to], by);
    let text = |part: &str, count: Count| {
        let part = if part.is_empty() { String::new() } else { format!("{part}: ") };
        format!("{part}{} packets, {} bytes", count.packets, count.bytes)
    };
    let (Some(before), Some(after)) = (before, after) else {
        let (part, count) = wanted.first().copied().unwrap_or_default();
        return Some((field, text(part, count), "not to be read".to_owned()));
    };
    wanted.into_iter().zip(before.into_iter().zip(after)).find_map(|((part, wanted), (before, after))| {
        let got = Count {
            packets: after.packets.wrapping_sub(before.packets),
            bytes: after.bytes.wrapping_sub(before.bytes),
        };
        (got != wanted).then(|| (field, text(part, wanted), text(part, got)))
    })
}

/// What went through each part of a layer in some steps. What the DUT's ports send is what the testers receive, whatever it is.
fn wanted(steps: &[StepRun], by: Counter) -> Vec<(&'static str, Count)> {
    let sum = |lengths: &mut dyn Iterator<Item = u64>| {
        lengths.fold(Count::default(), |sum, len| Count { packets: sum.packets + 1, bytes: sum.bytes + len })
    };
    let sent = |side: Option<Side>, len: fn(&[u8]) -> u64| {
        let frames = steps.iter().flat_map(|step| &step.sent).filter(|one| side.is_none_or(|side| one.side == side));
        sum(&mut frames.map(|one| len(&one.frame)))
    };
    let received = |side: Side| {
        let frames = steps.iter().flat_map(|step| &step.arrived).filter(|one| one.side == side);
        sum(&mut frames.map(|one| one.frame.len() as u64))
    };
    let whole: fn(&[u8]) -> u64 = |frame| frame.len() as u64;
    match by {
        Counter::Conntrack => {
            vec![("original", sent(Some(Side::Client), packet_len)), ("reply", sent(Some(Side::Server), packet_len))]
        }
        Counter::Rule | Counter::Hardware => vec![("", sent(None, packet_len))],
        Counter::Port => vec![
            ("LAN received", sent(Some(Side::Client), whole)),
            ("LAN sent", received(Side::Client)),
            ("WAN received", sent(Some(Side::Server), whole)),
            ("WAN sent", received(Side::Server)),
        ],
    }
}

/// Bytes of the IP packet in a frame, by its own length field; of the inner one, where one carries another. What is behind it
/// is padding and no part of it.
fn packet_len(frame: &[u8]) -> u64 {
    let fields = decode(frame);
    let number =
        |at: usize| frame.get(at..at + 2).map_or(0, |bytes| u64::from(u16::from_be_bytes([bytes[0], bytes[1]])));
    let length = fields.iter().rev().find(|field| matches!(field.name.as_str(), "ipv4.length" | "ipv6.length"));
    length.map_or(0, |field| number(field.at) + if field.name == "ipv6.length" { 40 } else { 0 })
}

/// Whether what conntrack claims after a step is what the step's packets did.
fn claimed(step: &StepRun) -> Option<Difference> {
    let (Some(entries), Some(&classic)) = (step.state.entries.seen(), step.classic.seen()) else {
        return Some(("claim", "conntrack and the counters of the lanes".to_owned(), "not to be read".to_owned()));
    };
    let sent = step.sent.len();
    if classic > 0 && entries.iter().any(Entry::offloaded) {
        let got = format!("{classic} of {sent} on the classic path");
        return Some(("claim.offloaded", "no packet on the classic path".to_owned(), got));
    }
    match step.cpu.seen() {
        Some(&cpu) if cpu > 0 && entries.iter().any(Entry::hardware_offloaded) => {
            Some(("claim.hardware", "no packet at the CPU".to_owned(), format!("{cpu} of {sent} at the CPU")))
        }
        _ => None,
    }
}

/// The counters of a layer, in the order of [`wanted`].
fn read(state: &State, by: Counter) -> Option<Vec<Count>> {
    match by {
        Counter::Conntrack => {
            let entries = state.entries.seen()?;
            let sum = |of: fn(&Entry) -> Count| {
                entries
                    .iter()
                    .map(of)
                    .fold(Count::default(), |a, b| Count { packets: a.packets + b.packets, bytes: a.bytes + b.bytes })
            };
            Some(vec![sum(|one| one.original_count), sum(|one| one.reply_count)])
        }
        Counter::Rule => Some(vec![state.rules.seen()?.get("counted").copied()?]),
        Counter::Port => {
            let ports = state.ports.seen()?;
            let both = |port: crate::observation::PortCounters| {
                [
                    Count { packets: port.rx_packets, bytes: port.rx_bytes },
                    Count { packets: port.tx_packets, bytes: port.tx_bytes },
                ]
            };
            Some([both(ports.lan), both(ports.wan)].concat())
        }
        Counter::Hardware => state.hardware.seen().map(|hardware| vec![hardware.count]),
    }
}

/// The longest time in which nothing arrived from the act on, less the time between two packets, and less what the reference
/// needed: an act takes its time on any path, and longer on a machine with other work. Packets that come late, but come, were not
/// blocked: then the machine stood still.
fn blocked(judged: &Judged<'_>, step: usize, most: u32) -> Option<Difference> {
    let Step::Stream { rate, ms, act, .. } = &judged.case.steps[step] else {
        return Some(("blocked", format!("at most {most} ms"), "no stream was seen".to_owned()));
    };
    let period_us = 1_000_000 / u64::from(*rate).max(1);
    let gap_us = |stream: &StreamRun| {
        // A link that is down carries nothing, and coming up it waits for its turn (net/core/link_watch.c: once a second).
        let from_ns = if *act == Act::LinkFlap { stream.act_ns.1 } else { stream.act_ns.0 };
        let gap_us = longest_gap_us(stream, (from_ns / 1000, u64::from(*ms) * 1000)).saturating_sub(period_us);
        gap_us.min(longest_loss(stream, u64::from(*rate) * u64::from(*ms) / 1000) * period_us)
    };
    beyond_reference(judged, step, ("blocked", most), gap_us).or_else(|| {
        // Losses that lie apart are losses, too, and so is what comes twice.
        let packets = u64::from(*rate) * u64::from(*ms) / 1000;
        let lost_us = |stream: &StreamRun| {
            let down = if *act == Act::LinkFlap { stream.act_ns } else { (0, 0) };
            let carried = |number: &u64| !(down.0 / 1000..down.1 / 1000).contains(&(number * period_us));
            let arrived = numbers(stream);
            let lost = (0..packets).filter(carried).filter(|number| arrived.binary_search(number).is_err());
            lost.count() as u64 * period_us
        };
        beyond_reference(judged, step, ("blocked.in-all", most), lost_us)
    })
}

/// The packets of a stream that arrived, each once, in their order.
fn numbers(stream: &StreamRun) -> Vec<u64> {
    let mut numbers: Vec<u64> = stream.arrived.iter().map(|one| u64::from(one.0)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Packets of a stream that came more often than on the reference.
fn repeated(judged: &Judged<'_>, step: usize) -> Option<Difference> {
    let twice = |stream: &StreamRun| stream.arrived.len() - numbers(stream).len();
    let of = |run: &CaseRun| run.steps[step].stream.as_ref().map(twice);
    let (is, was) = (of(judged.tested)?, judged.reference.and_then(of).unwrap_or(0));
    (is > was).then(|| ("repeated", format!("{was} packets came again"), is.to_string()))
}

/// How long after the act the packets still came out as before, less what that took on the reference.
fn stale(judged: &Judged<'_>, step: usize, most: u32) -> Option<Difference> {
    let stale_us = |stream: &StreamRun| {
        let unchanged = stream.arrived.iter().filter(|one| !stream.changed.contains(&one.0));
        let last_us = unchanged.map(|one| u64::from(one.1)).max().unwrap_or(0);
        last_us.saturating_sub(stream.act_ns.1 / 1000)
    };
    // What never came was not stale, either.
    let began = |stream: &StreamRun| stream.arrived.iter().any(|one| u64::from(one.1) < stream.act_ns.0 / 1000);
    if judged.tested.steps[step].stream.as_ref().is_some_and(|stream| !began(stream)) {
        return Some(("stale", "packets before the act".to_owned(), "none".to_owned()));
    }
    beyond_reference(judged, step, ("stale", most), stale_us)
}

/// Whether something measured of a stream, in microseconds, is more than `most` milliseconds beyond what it was on the reference.
fn beyond_reference(
    judged: &Judged<'_>,
    step: usize,
    (field, most): (&'static str, u32),
    measure: impl Fn(&StreamRun) -> u64,
) -> Option<Difference> {
    let Some(stream) = &judged.tested.steps[step].stream else {
        return Some((field, format!("at most {most} ms"), "no stream was seen".to_owned()));
    };
    let reference = judged.reference.and_then(|reference| reference.steps[step].stream.as_ref()).map_or(0, &measure);
    let (got, limit) = (measure(stream), reference + u64::from(most) * 1000);
    let ms = |us: u64| us as f64 / 1000.0;
    let wanted = format!("at most {:.1} ms ({most} ms beyond the reference)", ms(limit));
    (got > limit).then(|| (field, wanted, format!("{:.1} ms", ms(got))))
}

/// The most packets one after the other, of so many, that never came.
fn longest_loss(stream: &StreamRun, packets: u64) -> u64 {
    let mut next = 0;
    let mut longest = 0;
    for number in numbers(stream).into_iter().chain([packets]) {
        longest = longest.max(number.saturating_sub(next));
        next = next.max(number + 1);
    }
    longest
}

fn longest_gap_us(stream: &StreamRun, (from_us, end_us): (u64, u64)) -> u64 {
    let after = stream.arrived.iter().map(|one| u64::from(one.1)).filter(|&at| at > from_us);
    let mut last = from_us;
    let mut longest = 0;
    for at in after.chain([end_us]) {
        longest = longest.max(at.saturating_sub(last));
        last = last.max(at);
    }
    longest
}
