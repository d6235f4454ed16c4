//! Phrases that the table and the page share.

use flowgauge_scenarios::{Engine, Families, MethodKind, Protocol, Scenario, Topology};

use crate::environment::{Accelerator, Clock, Environment};
use crate::judge::{Onset, Row, Spread};
use crate::numbers::{digits, time, whole};

/// The mark behind every figure of a row whose NIC is simulated.
pub(crate) const SIMULATED: &str = "†";

/// What [`SIMULATED`] means, as a sentence without a full stop; none where no row is simulated.
pub(crate) fn simulated(rows: &[Row]) -> Option<String> {
    rows.iter().any(|r| r.simulated).then(|| {
        let spent = || rows.iter().filter_map(|r| r.lookup.map(|e| e.median));
        let counts = rows.iter().any(|r| r.clock == Some(Clock::Instructions));
        let unit = if counts { "instructions" } else { "ns" };
        let (low, high) = (spent().fold(f64::INFINITY, f64::min), spent().fold(0.0, f64::max));
        let lookups = match (digits(low), digits(high)) {
            _ if high == 0.0 => String::new(),
            (low, high) if low == high => format!("; it spends {low}\u{a0}{unit} a lookup"),
            (low, high) => format!("; it spends {low} to {high}\u{a0}{unit} a lookup"),
        };
        let apart = if lookups.is_empty() { "" } else { ", accounted apart from the DUT's softirq" };
        format!(
            "the NIC is simulated: its throughput is that of this machine's emulation, not of \
             hardware{lookups}{apart}"
        )
    })
}

/// The time to offload of each row that has one, a sentence each.
pub(crate) fn onsets(rows: &[&Row]) -> Vec<String> {
    rows.iter().filter_map(|row| Some(format!("{}: {}", row.datapath.name(), onset(row.onset.as_ref()?)))).collect()
}

fn onset(o: &Onset) -> String {
    let spread = |s: &Option<Spread>, text: &dyn Fn(u64) -> String| {
        s.as_ref().map_or_else(
            || "none".to_owned(),
            |s| format!("p50 {}, p90 {}, p99 {}, most {}", text(s.p50), text(s.p90), text(s.p99), text(s.max)),
        )
    };
    // A frame that neither the CPU nor the receiver saw is taken for one that the hardware forwarded.
    let (inexact, because) = match missed(o) {
        Some(why) => (" (not exact)", format!("; {why} looks like the hardware's")),
        None => ("", String::new()),
    };
    format!(
        "time to offload of {} flows at {} packets/s, each with a packet every {}: packets in software {}{inexact}; \
         time {}{inexact}; {} never offloaded{inexact}; at most {} flows waiting at once{because}",
        whole(o.flows),
        digits(o.offered_pps),
        time((o.flows as f64 / o.offered_pps.max(1.0) * 1e9) as u64),
        spread(&o.packets, &whole),
        spread(&o.time_ns, &time),
        whole(o.never),
        whole(o.peak_backlog)
    )
}

/// Why the time to offload is not exact, up to what such a frame looks like; none where it is.
fn missed(o: &Onset) -> Option<String> {
    let were = |n: u64| if n == 1 { "1 frame was".to_owned() } else { format!("{} frames were", whole(n)) };
    match (o.lost, o.uncaptured) {
        (0, 0) => None,
        (lost, 0) => Some(format!("{} lost: a lost frame", were(lost))),
        (0, uncaptured) => Some(format!("{} not captured: such a frame", were(uncaptured))),
        (lost, uncaptured) => Some(format!("{} lost and {} not captured: such a frame", were(lost), were(uncaptured))),
    }
}

/// In what datapaths fall short of their policy: those with the same shortfall in one sentence.
pub(crate) fn shortfalls(rows: &[&Row]) -> Vec<String> {
    let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows {
        let Some(text) = row.shortfall.as_deref() else { continue };
        match told.iter_mut().find(|(t, _)| *t == text) {
            Some((_, names)) => names.push(row.datapath.name()),
            None => told.push((text, vec![row.datapath.name()])),
        }
    }
    told.into_iter().map(|(text, names)| format!("{}: falls short: {text}", names.join(", "))).collect()
}

/// Text for a terminal from text that anybody may have written: control characters, which would command the terminal,
/// and the signs that reorder a line (Unicode Bidirectional Algorithm, UAX 9 section 2) become U+FFFD.
pub(crate) fn printable(text: &str) -> String {
    let commands = |c: char| {
        c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    text.chars().map(|c| if commands(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// `IPv4`, `IPv6`, `IPv4 and IPv6`.
pub(crate) const fn families(families: Families) -> &'static str {
    match families {
        Families::Ipv4 => "IPv4",
        Families::Ipv6 => "IPv6",
        Families::Both => "IPv4 and IPv6",
    }
}

/// `UDP`, `TCP`.
pub(crate) const fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Udp => "UDP",
        Protocol::Tcp => "TCP",
    }
}

/// What the kernel ran on, in words.
pub(crate) const fn accelerator(accelerator: Accelerator) -> &'static str {
    match accelerator {
        Accelerator::Native => "native",
        Accelerator::Kvm => "VM by KVM",
        Accelerator::Tcg => "emulated (TCG)",
    }
}

/// What time was measured in.
pub(crate) const fn clock(clock: Clock) -> &'static str {
    match clock {
        Clock::Wall => "wall",
        Clock::Instructions => "instruction",
    }
}

/// The label that goes with every number.
pub(crate) fn kernel_and_clock(environment: Option<&Environment>) -> String {
    environment.map_or_else(
        || "kernel and clock unknown".to_owned(),
        |e| format!("kernel {}, {}, {} clock", e.kernel_release, accelerator(e.accelerator), clock(e.clock)),
    )
}

/// Policy, traffic and method of a scenario, in one line.
pub(crate) fn scenario(s: &Scenario) -> String {
    let t = &s.traffic;
    let engine = match s.engine {
        Engine::Raw => "",
        Engine::Iperf3 => ", by iperf3",
        Engine::Pktgen => ", by pktgen",
    };
    let each = match s.method.kind {
        MethodKind::Rate => s.method.trial.to_string(),
        MethodKind::Cost => format!("{} packets", crate::numbers::whole(s.method.packets.into())),
    };
    let extra = match s.extra_rules {
        0 => String::new(),
        1 => "; 1 rule more that matches nothing".to_owned(),
        n => format!("; {n} rules more that match nothing"),
    };
    let control = if s.control == flowgauge_scenarios::Control::None {
        String::new()
    } else {
        format!("; CONTROL {}: {}, so the verdict must be bad", s.control.name(), s.control.about())
    };
    let topology = if s.topology != Topology::Router { format!("{}: ", s.topology.name()) } else { String::new() };
    let faults: Vec<String> =
        s.faults.iter().map(|(fault, n)| format!("{} {n}: {}", fault.name(), fault.about())).collect();
    let faults = if faults.is_empty() { String::new() } else { format!("; FAULT {}", faults.join("; FAULT ")) };
    let flows =
        if t.flows == 1 { "1 flow".to_owned() } else { format!("{} flows", crate::numbers::whole(t.flows.into())) };
    format!(
        "{topology}{}, {} {}, frame {}, {flows}, {}, load {}{engine}; {} blocks of {each}{extra}{control}{faults}",
        s.policy.name(),
        families(t.families),
        protocol(t.protocol),
        t.frame,
        t.direction.name(),
        t.load,
        s.method.blocks,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_time_to_offload_with_frames_that_nobody_saw_is_not_exact() {
        let rows = sample::result().judgement.rows;
        let mut onset_of = rows.into_iter().find_map(|r| r.onset).unwrap();
        let mut said = |lost, uncaptured| {
            (onset_of.lost, onset_of.uncaptured) = (lost, uncaptured);
            onset(&onset_of)
        };
        assert!(!said(0, 0).contains("exact") && !said(0, 0).contains("looks like"));
        for (lost, uncaptured, why) in [
            (3, 0, "; 3 frames were lost: a lost frame looks like the hardware's"),
            (0, 1, "; 1 frame was not captured: such a frame looks like the hardware's"),
            (1, 2, "; 1 frame was lost and 2 frames were not captured: such a frame looks like the hardware's"),
        ] {
            let text = said(lost, uncaptured);
            assert!(text.ends_with(why), "{text}");
            assert_eq!(text.matches("(not exact);").count(), 3, "packets, time, never offloaded: {text}");
            assert!(text.contains("never offloaded (not exact)"), "{text}");
        }
    }
}
