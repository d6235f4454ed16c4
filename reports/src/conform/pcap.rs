//! Packets as files of pcapng (draft-ietf-opsawg-pcapng), which Wireshark and tcpdump open: one for each instance on each datapath.
//!
//! Each has an interface for each tester. What a tester sent is outbound there, what arrived inbound, and a comment names the
//! step. Time stamps are in nanoseconds.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flowgauge_scenarios::conform::{Case, Side, Step};

use super::{CaseRun, ConformResult, sentence};

/// `LINKTYPE_ETHERNET`.
const ETHERNET: u16 = 1;
/// Between the last frame of a step and the first of the next, in nanoseconds, where nothing says how long it was.
const BETWEEN_STEPS_NS: u64 = 1_000_000;

/// Writes what was sent and received to files in `folder`, which is made where it is not there yet:
/// `ttl-one.ipv4-udp-plain-up.flowtable.router.6.12.117-amd64.pcapng`, of a mutant with its name ahead of the kernel's.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write(folder: &Path, result: &ConformResult) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let plan = &result.start.plan;
    let kernel = result.environment.as_ref().map_or("unknown", |environment| environment.kernel_release.as_str());
    let mut taken = HashSet::new();
    for (index, run) in result.runs.iter().enumerate() {
        let Some(instance) = plan.instances.get(run.instance) else { continue };
        let Some(case) = plan.cases.get(instance.case) else { continue };
        if run.steps.iter().all(|step| step.sent.is_empty() && step.arrived.is_empty()) {
            continue;
        }
        let mutation = run.mutation.map(|mutation| mutation.name());
        let words = [instance.id.as_str(), run.datapath.name(), run.topology.name()];
        let words: Vec<&str> = words.into_iter().chain(mutation.as_deref()).chain([kernel]).collect();
        let name = file_name(&words.join("."));
        let name = if taken.insert(name.clone()) { name } else { format!("{name}-{index}") };
        let outcome = result.results.get(index).map_or("", |result| result.outcome.name());
        let told = format!("{}: {} {outcome}. {}", words.join(" on "), case.what, case.source);
        let file = File::create(folder.join(format!("{name}.pcapng")))?;
        let mut out = BufWriter::new(file);
        packets(&mut out, &told, case, run, (result.start.unix_s.max(0.0) * 1e9) as u64)?;
        out.flush()?;
    }
    Ok(())
}

/// A name that no file system gives a meaning to.
fn file_name(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || ".+_-".contains(c) { c } else { '_' };
    // A `/` stands between case and variant.
    let name: String = text.replace('/', ".").chars().map(fit).take(200).collect();
    format!("{}{name}", if name.starts_with(['.', '-']) { "_" } else { "" })
}

fn packets(out: &mut impl Write, told: &str, case: &Case, run: &CaseRun, begin_ns: u64) -> io::Result<()> {
    section(out, told)?;
    interface(out, "client", "the tester at the DUT's LAN port")?;
    interface(out, "server", "the tester at the DUT's WAN port")?;
    let mut step_ns = begin_ns;
    for (index, step) in run.steps.iter().enumerate() {
        let asked = case.steps.get(index).map_or_else(String::new, sentence::step);
        let sent = step.sent.iter().map(|one| (one.at_ns, one.side, true, &one.frame));
        let arrived = step.arrived.iter().map(|one| (one.at_ns, one.side, false, &one.frame));
        let mut frames: Vec<_> = sent.chain(arrived).collect();
        frames.sort_by_key(|(at_ns, _, sent, _)| (*at_ns, !sent));
        for (at_ns, side, sent, frame) in &frames {
            let what = if *sent { "sent by" } else { "received by" };
            let comment = format!("step {index} ({asked}): {what} the {}", sentence::side(*side));
            packet(out, step_ns + at_ns, *side, *sent, frame, &comment)?;
        }
        let waited = match case.steps.get(index) {
            Some(Step::Wait(ms)) => u64::from(*ms) * 1_000_000,
            _ => step.act.as_ref().map_or(0, |act| act.duration_ns),
        };
        step_ns += frames.last().map_or(0, |frame| frame.0).max(waited) + BETWEEN_STEPS_NS;
    }
    Ok(())
}

/// Section Header Block.
fn section(out: &mut impl Write, comment: &str) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    body.extend([1, 0, 0, 0]);
    body.extend(u64::MAX.to_le_bytes());
    option(&mut body, 1, comment.as_bytes());
    option(&mut body, 4, concat!("flowgauge ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut body, 0, &[]);
    block(out, 0x0a0d_0d0a, &body)
}

/// Interface Description Block.
fn interface(out: &mut impl Write, name: &str, about: &str) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend(ETHERNET.to_le_bytes());
    body.extend([0, 0]);
    // No limit on the length of packets.
    body.extend(0_u32.to_le_bytes());
    option(&mut body, 2, name.as_bytes());
    option(&mut body, 3, about.as_bytes());
    // if_tsresol: 10 to the power of -9.
    option(&mut body, 9, &[9]);
    option(&mut body, 0, &[]);
    block(out, 1, &body)
}

/// Enhanced Packet Block.
fn packet(out: &mut impl Write, at_ns: u64, side: Side, sent: bool, frame: &[u8], comment: &str) -> io::Result<()> {
    let interface: u32 = match side {
        Side::Client => 0,
        Side::Server => 1,
    };
    // A frame of more than 4 GiB there is none.
    let len = frame.len() as u32;
    let mut body = Vec::with_capacity(frame.len() + comment.len() + 64);
    for word in [interface, (at_ns >> 32) as u32, at_ns as u32, len, len] {
        body.extend(word.to_le_bytes());
    }
    body.extend(frame);
    pad(&mut body);
    option(&mut body, 1, comment.as_bytes());
    // epb_flags: 1 is inbound, 2 outbound.
    let direction: u32 = if sent { 2 } else { 1 };
    option(&mut body, 2, &direction.to_le_bytes());
    option(&mut body, 0, &[]);
    block(out, 6, &body)
}

/// An option; number 0 ends them. What does not fit into its length is cut off.
fn option(body: &mut Vec<u8>, number: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(number.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let len = (body.len() + 12) as u32;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&len.to_le_bytes())
}
