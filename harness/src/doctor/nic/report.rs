//! What was found of a NIC, as data and as text.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::super::render::paragraph;
use super::attempt::{Attempt, Outcome, Subject};
use super::facts::PortFacts;
use super::finding::{Finding, Reading, Verdict};

/// What was found of a NIC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicReport {
    /// Release of the kernel that was asked.
    pub kernel: String,
    /// Whether the NIC is flowgauge's reference NIC, whose hardware is simulated.
    pub simulated: bool,
    /// The ports.
    pub ports: Vec<PortFacts>,
    /// What was tried on them.
    pub attempts: Vec<Attempt>,
    /// What was found out about the kernel; empty where that was not asked for.
    pub findings: Vec<Finding>,
}

impl NicReport {
    /// Whether everything that was tried was taken.
    pub fn offloads(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.outcome == Outcome::Taken)
    }

    /// Whether a refusal says nothing of the ports: the kernel or the caller's privileges do not do.
    pub fn untold(&self) -> bool {
        let about = |a: &Attempt| matches!(&a.outcome, Outcome::Refused { subject: Subject::Environment, .. });
        self.attempts.iter().any(about)
    }

    /// The findings that came to nothing, and why.
    pub fn undecided(&self) -> impl Iterator<Item = (&str, &str)> {
        self.findings.iter().filter_map(|finding| match &finding.verdict {
            Verdict::Undecided { why } => Some((finding.name.as_str(), why.as_str())),
            Verdict::Shown | Verdict::NotShown => None,
        })
    }

    /// Whether a finding shows on this kernel.
    pub fn shows_a_finding(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict == Verdict::Shown)
    }

    /// The report as text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let simulated = if self.simulated { " (reference NIC: its hardware is simulated)" } else { "" };
        let _ = writeln!(out, "Ports on kernel {}{simulated}", self.kernel);
        for port in &self.ports {
            paragraph(&mut out, "  -     ", &format!("{}: {}", port.port, facts(port)));
        }
        let _ = writeln!(out, "Offload, as tried (bound and unbound in one transaction; nothing is left of it)");
        for group in self.attempts.chunk_by(|a, b| (a.mechanism, &a.outcome) == (b.mechanism, &b.outcome)) {
            tried(&mut out, group);
        }
        for finding in &self.findings {
            found(&mut out, finding);
        }
        out
    }
}

fn facts(port: &PortFacts) -> String {
    let mut about = port.driver.clone().unwrap_or_else(|| "driver unknown".to_owned());
    if !port.bus.is_empty() {
        about += &format!(" at {}", port.bus);
    }
    if !port.firmware.is_empty() {
        about += &format!(", firmware {}", port.firmware);
    }
    about += &format!(", {}", port.hw_tc_offload.text());
    if let Some(known) = &port.known {
        about += &format!("; this driver {known}");
    }
    about
}

/// Attempts at one mechanism with one outcome.
fn tried(out: &mut String, group: &[Attempt]) {
    let Some(first) = group.first() else { return };
    let ports: Vec<String> = group.iter().map(|attempt| attempt.ports.join(" and ")).collect();
    let what = format!("{} on {}", first.mechanism.text(), ports.join("; "));
    match &first.outcome {
        Outcome::Taken => paragraph(out, "  ok    ", &format!("{what}: taken")),
        Outcome::Refused { step, error, words, silence, advice, .. } => {
            paragraph(out, "  gap   ", &format!("{what}: refused {step}: {error}"));
            for word in words {
                paragraph(out, "        ", &format!("the kernel's words: {word}"));
            }
            if !silence.is_empty() {
                paragraph(out, "        ", silence);
            }
            paragraph(out, "        ", &format!("=> {advice}"));
        }
    }
}

fn found(out: &mut String, finding: &Finding) {
    let _ = writeln!(out, "Finding {}", finding.name);
    let verdict = match &finding.verdict {
        Verdict::Shown => format!("shows on this kernel: {}", finding.claim),
        Verdict::NotShown => format!("does not show on this kernel. It would be: {}", finding.claim),
        Verdict::Undecided { why } => format!("undecided ({why}). It would be: {}", finding.claim),
    };
    paragraph(out, "  ", &verdict);
    for step in &finding.done {
        paragraph(out, "  did   ", step);
    }
    for reading in &finding.readings {
        paragraph(out, "  saw   ", &read(reading));
    }
    paragraph(out, "  means ", &finding.means);
    for source in &finding.source {
        paragraph(out, "  from  ", source);
    }
}

fn read(reading: &Reading) -> String {
    let Reading { what, seen, healthy, faulty } = reading;
    match reading.is_control() {
        true => format!("{what}: {seen} (control: {healthy})"),
        false => format!("{what}: {seen} (without the fault {healthy}, with it {faulty})"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt::Mechanism;
    use super::super::facts::HwTcOffload;
    use super::*;

    fn report() -> NicReport {
        let port = PortFacts {
            port: "p0".to_owned(),
            driver: Some("veth".to_owned()),
            bus: String::new(),
            firmware: String::new(),
            hw_tc_offload: HwTcOffload::Fixed,
            known: Some("has no flow offload".to_owned()),
        };
        let refused = Outcome::Refused {
            step: "to commit".to_owned(),
            errno: libc::EOPNOTSUPP,
            error: "EOPNOTSUPP: Operation not supported".to_owned(),
            words: vec!["hw-tc-offload is off".to_owned()],
            silence: String::new(),
            subject: Subject::Port,
            advice: "switch it on".to_owned(),
        };
        let attempt = |mechanism, outcome| Attempt { mechanism, ports: vec!["p0".to_owned()], outcome };
        let taken = || attempt(Mechanism::Flowtable, Outcome::Taken);
        let attempts = vec![taken(), taken(), attempt(Mechanism::NetdevChain, refused)];
        let readings = vec![Reading::telling("counter", 20, 10, 20), Reading::control("drops", 10, 10)];
        let finding = Finding {
            name: "counted-twice".to_owned(),
            claim: "it counts twice".to_owned(),
            done: vec!["sent 10 packets".to_owned()],
            verdict: Verdict::of(&readings),
            readings,
            means: "halve it".to_owned(),
            source: vec!["net/netfilter/nft_counter.c".to_owned()],
        };
        NicReport { kernel: "6.12".to_owned(), simulated: false, ports: vec![port], attempts, findings: vec![finding] }
    }

    #[test]
    fn a_refusal_is_shown_with_the_kernels_words_and_what_to_do() {
        let expected = "\
Ports on kernel 6.12
  -     p0: veth, no hw-tc-offload (fixed off); this driver has no flow offload
Offload, as tried (bound and unbound in one transaction; nothing is left of it)
  ok    flowtable with flags offload on p0; p0: taken
  gap   netdev chain with flags offload on p0: refused to commit: EOPNOTSUPP: Operation not
        supported
        the kernel's words: hw-tc-offload is off
        => switch it on
Finding counted-twice
  shows on this kernel: it counts twice
  did   sent 10 packets
  saw   counter: 20 (without the fault 10, with it 20)
  saw   drops: 10 (control: 10)
  means halve it
  from  net/netfilter/nft_counter.c
";
        assert_eq!(report().render(), expected);
        assert!(!report().offloads() && !report().untold() && report().shows_a_finding());
        assert_eq!(report().undecided().count(), 0);
    }

    #[test]
    fn the_json_holds_the_report() {
        let json = serde_json::to_string(&report()).unwrap();
        assert_eq!(serde_json::from_str::<NicReport>(&json).unwrap(), report());
        assert!(json.contains(r#""outcome":"refused""#) && json.contains(r#""verdict":"shown""#), "{json}");
    }
}
