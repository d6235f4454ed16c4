//! Steps, findings, frames and conntrack entries in words.

use std::fmt::Write;

use flowgauge_scenarios::conform::{PacketSpec, Side, Step};
use serde_json::Value;

use super::decode::decode;
use super::{Entry, Finding, StreamRun};

/// What a step does, in a few words: `sends 3 packets from the other side: hop_limit 1, expects 0 to arrive`.
pub(super) fn step(step: &Step) -> String {
    match step {
        Step::Open { flows, offloaded } => {
            let flows = super::cell::plural((*flows).into(), "flow", "flows");
            format!("opens {flows}{}", if *offloaded { "" } else { " that must stay on the classic path" })
        }
        Step::Send { packet, arrive, answers, lane } => {
            let mut text = format!("sends {}", self::packet(packet));
            if let Some(arrive) = arrive {
                let _ = write!(text, "; {arrive} must arrive");
            }
            if *answers > 0 {
                let _ = write!(text, "; {answers} must come back");
            }
            let _ = write!(text, "; lane: {}", word(lane));
            text
        }
        Step::Act(act) => format!("does {}", word(act)),
        Step::Wait(ms) => format!("waits {ms} ms"),
        Step::Stream { packet, rate, ms, act } => {
            format!(
                "streams {rate} packets a second for {ms} ms ({}); in the middle {}",
                self::packet(packet),
                word(act)
            )
        }
        Step::Look => "reads the state".to_owned(),
    }
}

/// What sets packets apart from plain ones.
fn packet(packet: &PacketSpec) -> String {
    let count = super::cell::plural(packet.count as usize, "packet", "packets");
    let (Ok(Value::Object(is)), Ok(Value::Object(plain))) =
        (serde_json::to_value(packet), serde_json::to_value(PacketSpec::default()))
    else {
        return count;
    };
    let special = is.iter().filter(|(name, value)| *name != "count" && plain.get(*name) != Some(value));
    let special: Vec<String> = special
        .map(|(name, value)| match value {
            Value::Bool(true) => name.clone(),
            Value::String(text) => format!("{name} {text}"),
            other => format!("{name} {other}"),
        })
        .collect();
    if special.is_empty() { count } else { format!("{count} with {}", special.join(", ")) }
}

/// A value of a case file as it stands there.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

/// `step 1, frame 0: ipv4.ttl is 64, not 63`.
pub(super) fn finding(finding: &Finding) -> String {
    format!("{}: {}", place(finding), difference(finding))
}

/// `step 1, frame 0`.
fn place(finding: &Finding) -> String {
    let frame = match (finding.frame, finding.reference_frame) {
        (Some(frame), _) => format!(", frame {frame}"),
        (None, Some(frame)) => format!(", frame {frame} of the reference"),
        (None, None) => String::new(),
    };
    format!("step {}{frame}", finding.step)
}

/// `ipv4.ttl is 64, not 63`.
pub(super) fn difference(finding: &Finding) -> String {
    format!("{} is {}, not {}", finding.field, finding.got, finding.expected)
}

/// A tester's name.
pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// A frame in one line: `IPv4 198.18.128.1 → 198.19.128.1, UDP 10000 → 20000, TTL 64, 74 bytes`.
pub(super) fn frame(frame: &[u8]) -> String {
    let fields = decode(frame);
    let of = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.value.as_str());
    let mut parts: Vec<String> = Vec::new();
    for field in fields.iter().filter(|field| field.name == "vlan.tci") {
        parts.push(format!("VLAN {}", field.value));
    }
    if let Some(session) = of("pppoe.session") {
        parts.push(format!("PPPoE session {session}"));
    }
    for (name, layer, limit) in [("IPv4", "ipv4", "ipv4.ttl"), ("IPv6", "ipv6", "ipv6.hop_limit")] {
        if let (Some(from), Some(to)) = (of(&format!("{layer}.source")), of(&format!("{layer}.destination"))) {
            parts.push(format!("{name} {from} → {to}"));
            let word = if layer == "ipv4" { "TTL" } else { "hop limit" };
            parts.extend(of(limit).map(|value| format!("{word} {value}")));
        }
    }
    for (name, layer) in [("UDP", "udp"), ("TCP", "tcp")] {
        if let (Some(from), Some(to)) = (of(&format!("{layer}.source")), of(&format!("{layer}.destination"))) {
            parts.push(format!("{name} {from} → {to}"));
        }
    }
    parts.extend(of("tcp.flags").map(|flags| format!("flags {flags}")));
    for (word, name) in [("seq", "tcp.sequence"), ("ack", "tcp.acknowledgement")] {
        parts.extend(of(name).map(|value| format!("{word} {value}")));
    }
    for (name, layer) in [("ICMP", "icmp"), ("ICMPv6", "icmpv6")] {
        if let (Some(kind), Some(code)) = (of(&format!("{layer}.type")), of(&format!("{layer}.code"))) {
            parts.push(format!("{name} type {kind} code {code}"));
        }
    }
    if parts.is_empty() {
        parts.extend(of("ethernet.type").map(|kind| format!("EtherType {kind}")));
    }
    parts.push(super::cell::plural(frame.len(), "byte", "bytes"));
    parts.join(", ")
}

/// Names of the bits of `enum ip_conntrack_status`, by their number.
const STATUS: [&str; 16] = [
    "expected",
    "seen-reply",
    "assured",
    "confirmed",
    "snat",
    "dnat",
    "seq-adjust",
    "snat-done",
    "dnat-done",
    "dying",
    "fixed-timeout",
    "template",
    "nat-clash",
    "helper",
    "offload",
    "hw-offload",
];

/// `enum tcp_conntrack`, by its number.
const TCP: [&str; 10] = [
    "none",
    "syn-sent",
    "syn-recv",
    "established",
    "fin-wait",
    "close-wait",
    "last-ack",
    "time-wait",
    "close",
    "syn-sent2",
];

/// `0x8: confirmed`.
pub(super) fn status(status: u32) -> String {
    let named = STATUS.iter().enumerate().filter(|(bit, _)| status & 1 << bit != 0).map(|(_, name)| *name);
    format!("0x{status:x}: {}", named.collect::<Vec<_>>().join(" "))
}

/// `time-wait`.
pub(super) fn tcp_state(state: u8) -> String {
    TCP.get(usize::from(state)).map_or_else(|| state.to_string(), |name| (*name).to_owned())
}

/// The rows in which conntrack entries are shown: name and value.
pub(super) fn entry(entry: &Entry) -> [(&'static str, String); 7] {
    let tuple = |tuple: super::Tuple| format!("{} → {}", tuple.source, tuple.destination);
    let none = || "none".to_owned();
    let count = |count: crate::observation::Count| format!("{} packets, {} bytes", count.packets, count.bytes);
    [
        ("original", tuple(entry.original)),
        ("reply", tuple(entry.reply)),
        ("status", status(entry.status)),
        ("TCP state", entry.tcp_state.map_or_else(none, tcp_state)),
        ("timeout", entry.timeout_s.map_or_else(none, |s| format!("{s} s"))),
        ("mark", format!("0x{:x}", entry.mark)),
        ("accounting", format!("original {}; reply {}", count(entry.original_count), count(entry.reply_count))),
    ]
}

/// How a stream went.
pub(super) fn stream(stream: &StreamRun) -> String {
    let act_us = stream.act_ns.0 / 1000;
    let mut times: Vec<u64> = stream.arrived.iter().map(|one| one.1.into()).collect();
    times.sort_unstable();
    let after = std::iter::once(act_us).chain(times.iter().copied().filter(|at| *at > act_us));
    let after: Vec<u64> = after.collect();
    let gap = after.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
    let ms = |us: u64| us as f64 / 1000.0;
    let last = times.last().map_or_else(|| "never".to_owned(), |at| format!("{:.1} ms", ms(*at)));
    format!(
        "{} sent, {} arrived, {} of them otherwise than before the act; the act took {:.1} ms from {:.1} ms on; longest pause after it {:.1} ms; the last arrived at {last}",
        stream.sent,
        stream.arrived.len(),
        stream.changed.len(),
        ms((stream.act_ns.1.saturating_sub(stream.act_ns.0)) / 1000),
        ms(act_us),
        ms(gap),
    )
}
