//! Packets as files of pcapng (draft-ietf-opsawg-pcapng), which Wireshark and tcpdump open: of each cell that is not good what was
//! seen on the datapath under test, and beside it what was seen on the reference.
//!
//! Each file has an interface for each tester. What a tester sent is outbound there, what arrived inbound, and a comment names
//! the step and what differs. Time stamps are in nanoseconds.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flowgauge_scenarios::conform::{Case, Side, Step};

use super::cell::{Cell, Standing, cells};
use super::{CaseRun, ConformResult, Divergence, Finding, sentence};
use crate::format::name::unique;

/// `LINKTYPE_ETHERNET`.
const ETHERNET: u16 = 1;
/// Between the last frame of a step and the first of the next, in nanoseconds, where nothing says how long it was.
const BETWEEN_STEPS_NS: u64 = 1_000_000;
/// Findings that are told of a frame.
const FINDINGS: usize = 8;

/// Writes what was sent and received in each cell that is neither a pass nor unsupported, known failures among them, to files in
/// `folder`, which is made where it is not there yet: `ttl-one.ipv4-udp-plain-up.flowtable.router.pcapng`, and beside it
/// `ttl-one.ipv4-udp-plain-up.reference.router.pcapng`. Gives how many files there are. A file that is there already is never
/// written over.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write(folder: &Path, result: &ConformResult) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let (mut written, mut taken) = (HashSet::new(), HashSet::new());
    for cell in cells(result) {
        if matches!(cell.standing, Standing::Pass | Standing::Unsupported) {
            continue;
        }
        for run in [cell.run, cell.reference].into_iter().flatten() {
            let key = (run.instance, run.topology, run.datapath, run.again);
            if run.steps.iter().all(|step| step.sent.is_empty() && step.arrived.is_empty()) || !written.insert(key) {
                continue;
            }
            let capture = Capture::of(result, &cell, run);
            let name =
                unique(&capture.file_name(), |name, n| format!("{name}-{n}"), |name| taken.insert(name.to_owned()));
            let file = File::create_new(folder.join(format!("{name}.pcapng")))?;
            let mut out = BufWriter::new(file);
            capture.write(&mut out)?;
            out.flush()?;
        }
    }
    Ok(written.len())
}

/// Writes the packets of each divergence that fuzzing found, on the reference and on the datapath under test:
/// `divergence-1.conntrack.pcapng` and `divergence-1.flowtable.pcapng`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_divergences(folder: &Path, result: &ConformResult) -> io::Result<()> {
    let environment = result.environment.as_ref();
    let kernel = environment.map_or_else(String::new, |e| format!("{} ({})", e.kernel_release, e.kernel_origin));
    let all = result.fuzz.iter().flat_map(|found| &found.divergences);
    for (number, divergence) in all.enumerate() {
        let Divergence { case, instance, findings, .. } = divergence;
        for (run, findings) in [(&divergence.reference, &[][..]), (&divergence.tested, &findings[..])] {
            let datapath = run.datapath.name();
            let capture = Capture {
                id: &instance.id,
                case,
                run,
                datapath,
                outcome: case.why.clone(),
                findings,
                kernel: kernel.clone(),
                begin_ns: (result.start.unix_s.max(0.0) * 1e9) as u64,
            };
            let name = format!("divergence-{}.{datapath}.pcapng", number + 1);
            let mut out = BufWriter::new(File::create(folder.join(name))?);
            capture.write(&mut out)?;
            out.flush()?;
        }
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

/// A run of a cell, or that on the reference beside it.
struct Capture<'a> {
    id: &'a str,
    case: &'a Case,
    run: &'a CaseRun,
    /// `flowtable`, or `reference`.
    datapath: &'static str,
    /// What came of it, as a sentence.
    outcome: String,
    findings: &'a [Finding],
    kernel: String,
    begin_ns: u64,
}

impl<'a> Capture<'a> {
    fn of(result: &'a ConformResult, cell: &Cell<'a>, run: &'a CaseRun) -> Self {
        let own = !run.is_reference();
        let environment = result.environment.as_ref();
        Capture {
            id: &cell.instance.id,
            case: cell.case,
            run,
            datapath: if own { run.datapath.name() } else { "reference" },
            outcome: if own { format!("{}: {}", cell.result.outcome.name(), cell.result.why) } else { String::new() },
            findings: if own { &cell.result.findings } else { &[] },
            kernel: environment.map_or_else(String::new, |e| format!("{} ({})", e.kernel_release, e.kernel_origin)),
            begin_ns: (result.start.unix_s.max(0.0) * 1e9) as u64,
        }
    }

    fn file_name(&self) -> String {
        file_name(&[self.id, self.datapath, self.run.topology.name()].join("."))
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Capture { id, case, run, datapath, outcome, .. } = self;
        let on = format!("{id} on {datapath}, {}", run.topology.name());
        section(out, &format!("{on}\n{}\n{}\n{outcome}", case.what, case.source), &self.kernel)?;
        interface(out, &format!("client-{datapath}"), "the tester at the DUT's LAN port")?;
        interface(out, &format!("server-{datapath}"), "the tester at the DUT's WAN port")?;
        let mut step_ns = self.begin_ns;
        for (index, step) in run.steps.iter().enumerate() {
            let sent = step.sent.iter().map(|one| (one.at_ns, one.side, None, &one.frame));
            let arrived = step.arrived.iter().enumerate().map(|(n, one)| (one.at_ns, one.side, Some(n), &one.frame));
            let mut frames: Vec<_> = sent.chain(arrived).collect();
            frames.sort_by_key(|(at_ns, _, arrived, _)| (*at_ns, arrived.is_some()));
            for (at_ns, side, arrived, frame) in &frames {
                packet(out, step_ns + at_ns, *side, arrived.is_none(), frame, &self.comment(index, *side, *arrived))?;
            }
            let waited = match case.steps.get(index) {
                Some(Step::Wait(ms)) => u64::from(*ms) * 1_000_000,
                _ => step.act.as_ref().map_or(0, |act| act.duration_ns),
            };
            step_ns += frames.last().map_or(0, |frame| frame.0).max(waited) + BETWEEN_STEPS_NS;
        }
        Ok(())
    }

    /// `flowtable, step 1 (sends 3 packets): received by the server; ipv4.ttl is 64, not 63`.
    fn comment(&self, step: usize, side: Side, arrived: Option<usize>) -> String {
        let asked = self.case.steps.get(step).map_or_else(String::new, sentence::step);
        let what = if arrived.is_none() { "sent by" } else { "received by" };
        let mut comment = format!("{}, step {step} ({asked}): {what} the {}", self.datapath, sentence::side(side));
        let about = |finding: &&Finding| arrived.is_some() && finding.step == step && finding.frame == arrived;
        for finding in self.findings.iter().filter(about).take(FINDINGS) {
            comment += &format!("; differs from the reference: {}", sentence::difference(finding));
        }
        comment
    }
}

/// Section Header Block.
fn section(out: &mut impl Write, comment: &str, kernel: &str) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    body.extend([1, 0, 0, 0]);
    body.extend(u64::MAX.to_le_bytes());
    option(&mut body, 1, comment.as_bytes());
    // shb_os
    option(&mut body, 3, kernel.as_bytes());
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

/// An option; number 0 ends them. What does not fit into its length is cut off, and an empty text is left out.
fn option(body: &mut Vec<u8>, number: u16, value: &[u8]) {
    if number != 0 && value.is_empty() {
        return;
    }
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
