//! Phrases that the table and the page share.

use flowgauge_scenarios::{Engine, Families, Protocol, Scenario};

use crate::environment::{Accelerator, Clock, Environment};

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
    let engine = if s.engine == Engine::Iperf3 { ", by iperf3" } else { "" };
    let control = if s.control == flowgauge_scenarios::Control::None {
        String::new()
    } else {
        format!("; CONTROL {}: {}, so the verdict must be bad", s.control.name(), s.control.about())
    };
    let flows =
        if t.flows == 1 { "1 flow".to_owned() } else { format!("{} flows", crate::numbers::whole(t.flows.into())) };
    format!(
        "{}, {} {}, frame {}, {flows}, {}, load {}{engine}; {} blocks of {}{control}",
        s.policy.name(),
        families(t.families),
        protocol(t.protocol),
        t.frame,
        t.direction.name(),
        t.load,
        s.method.blocks,
        s.method.trial,
    )
}
