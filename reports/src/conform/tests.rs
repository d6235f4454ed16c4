//! What must hold in every way of showing a conformance result.

use std::collections::HashSet;
use std::fs;

use flowgauge_scenarios::conform::{Instance, Outcome, REFERENCE};

use super::cell::{Standing, Tally, cells};
use super::{ConformResult, Divergence, FuzzSummary, RulesetInForce, bug, bugs, html, junit, ktap, pcap, sample, text};
use crate::table::Style;

/// Text that means something to a terminal, to HTML, to XML and to KTAP.
const EVIL: &str = "<script>alert('x')</script> ]]>&\x1b[31m\nok 1 # SKIP \u{ffff}\u{202e}";

fn shown(result: &ConformResult) -> String {
    text::render(result, Style::default(), false, &|case| Some(format!("repeat {}", case.instance)))
}

/// The sample, in which all that others may have written is [`EVIL`].
fn hostile() -> ConformResult {
    let mut result = sample::result();
    result.start.run = EVIL.to_owned();
    result.start.command.push(EVIL.to_owned());
    for case in &mut result.start.plan.cases {
        (case.id, case.what, case.why, case.source) = (EVIL.into(), EVIL.into(), EVIL.into(), EVIL.into());
    }
    for known in &mut result.start.known {
        (known.reason, known.link) = (EVIL.into(), format!("https://example.org/\"{EVIL}"));
    }
    result.start.plan.instances[0].id = format!("../{EVIL}/{EVIL}");
    for one in &mut result.results {
        one.why = EVIL.to_owned();
        one.findings.iter_mut().for_each(|finding| (finding.field, finding.got) = (EVIL.into(), EVIL.into()));
    }
    for run in &mut result.runs {
        run.refused = run.refused.as_ref().map(|_| EVIL.to_owned());
    }
    result.mutants[0].killed_by = vec![EVIL.to_owned()];
    result.complaints = vec![EVIL.to_owned()];
    result.environment.as_mut().unwrap().kernel_release = EVIL.to_owned();
    result
}

#[test]
fn the_sample_has_a_cell_of_each_kind() {
    let result = sample::result();
    let tally = Tally::of(&cells(&result));
    let wanted = [Standing::Pass, Standing::Known, Standing::Unsupported, Standing::UnexpectedPass, Standing::Fail];
    for standing in wanted {
        assert!(tally.count(standing) > 0, "{standing:?}: {}", tally.text());
    }
    assert_eq!(tally.count(Standing::Error), 0, "{}", tally.text());
    let survived = result.mutants.iter().filter(|mutant| mutant.killed_by.is_empty()).count();
    assert_eq!((result.mutants.len(), survived), (2, 1), "{:?}", result.mutants);
}

#[test]
fn the_terminal_tells_what_to_act_on_and_how_to_repeat_it() {
    let result = sample::result();
    let text = shown(&result);
    assert!(text.contains("ttl-decrements/ipv4-udp-plain-up on flowtable-hw\n"), "{text}");
    assert!(text.contains("ipv4.ttl is 64, not 63") && text.contains("\n    repeat 0\n"), "{text}");
    // Known failures have a line for each reason; what nothing explains is the last above the summary.
    assert!(text.contains("Known failures: ") && !text.contains("nf_flow_table_inet.c"), "{text}");
    assert!(text.lines().any(|line| line.contains("fail     foreign-mac: ") && line.ends_with('…')), "{text}");
    assert!(text.lines().all(|line| line.contains("repeat") || line.chars().count() <= 100), "{text}");
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no {words}: {text}"));
    assert!(at("Mutants") < at("Known failures") && at("Known failures") < at("Unexpected passes"), "{text}");
    assert!(at("Unexpected passes") < at("Failures that nothing explains"), "{text}");
    let verbose = text::render(&result, Style::default(), true, &|_| None);
    assert!(verbose.contains("nf_flow_table_inet.c"), "{verbose}");
    assert!(text.contains("Unexpected passes") && text.contains("Made up: it is said to fail"), "{text}");
    assert!(text.contains("Operation not supported") && text.contains("SURVIVED"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("not good: ") || text.contains("\nnot good: "), "{text}");
    assert!(!text.contains('\x1b'));
    let coloured = text::render(&result, Style { width: 100, colour: true }, false, &|_| None);
    assert!(coloured.contains("\x1b[1;31mnot good"), "{coloured}");
}

#[test]
fn a_run_without_anything_to_act_on_is_good_everywhere() {
    let mut result = sample::result();
    result.start.known.retain(|known| !known.reason.starts_with("Made up"));
    result.start.plan.mutants.clear();
    let failing =
        result.results.iter().find(|one| one.outcome == Outcome::Fail && one.known.is_none()).unwrap().instance;
    result.runs.retain(|run| run.mutation.is_none() && run.instance != failing);
    result.judge();
    assert!(shown(&result).contains("\ngood: "), "{}", shown(&result));
    assert!(
        !ktap::render(std::slice::from_ref(&result)).contains("not ok"),
        "{}",
        ktap::render(std::slice::from_ref(&result))
    );
    assert!(!junit::render(std::slice::from_ref(&result)).contains("<failure"));
    assert!(html::render(&[result.clone()]).unwrap().contains("<title>flowgauge conform 2026-01-01-sample: good<"));
    result.finished = false;
    assert!(shown(&result).contains("not good: the run was cut off"));
    assert!(ktap::render(std::slice::from_ref(&result)).contains(" run # bad: the run was cut off"));
    assert!(junit::render(std::slice::from_ref(&result)).contains("<error "));
}

#[test]
fn each_cell_mutant_and_the_run_is_a_line_of_ktap_and_a_test_of_junit() {
    let result = sample::result();
    let cells = cells(&result);
    let (text, xml) = (ktap::render(std::slice::from_ref(&result)), junit::render(std::slice::from_ref(&result)));
    let count = cells.len() + result.mutants.len() + 1;
    assert!(text.starts_with(&format!("TAP version 13\n1..{count}\n")), "{text}");
    let lines = text.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok "));
    let numbers: Vec<&str> = lines.map(|line| line.trim_start_matches("not ").split(' ').nth(1).unwrap()).collect();
    assert_eq!(numbers, (1..=count).map(|n| n.to_string()).collect::<Vec<_>>());
    let tally = Tally::of(&cells);
    for (directive, standing) in [
        (" # XFAIL fail: ", Standing::Known),
        (" # SKIP ", Standing::Unsupported),
        (" # XPASS ", Standing::UnexpectedPass),
    ] {
        assert_eq!(text.matches(directive).count(), tally.count(standing), "{directive}");
    }
    let totals = format!(
        "# Totals: pass:{} fail:{} xfail:{} xpass:{} skip:{} error:0\n",
        tally.count(Standing::Pass) + 2,
        tally.count(Standing::Fail) + tally.count(Standing::Unproven) + 1,
        tally.count(Standing::Known),
        tally.count(Standing::UnexpectedPass),
        tally.count(Standing::Unsupported),
    );
    assert!(text.ends_with(&totals), "{totals} {text}");
    assert_eq!(xml.matches("<testcase ").count(), count);
    assert_eq!(xml.matches("<skipped").count(), tally.count(Standing::Known) + tally.count(Standing::Unsupported));
}

#[test]
fn what_others_wrote_commands_no_reader() {
    let result = hostile();
    let page = html::render(std::slice::from_ref(&result)).unwrap();
    assert!(!page.contains("<script") && page.contains("&#60;script"), "markup in the page");
    assert!(!page.contains("href=\"https://example.org/\""), "a link left its attribute");
    assert!(!shown(&result).contains(['\x1b', '\u{202e}']));
    let text = ktap::render(std::slice::from_ref(&result));
    for line in text.lines().skip(2) {
        let known = ["ok ", "not ok ", "# "].iter().any(|start| line.starts_with(start));
        assert!(known && line.matches('#').count() <= 1 && !line.contains('\x1b'), "{line}");
    }
    assert_eq!(text.matches("# SKIP").count(), Tally::of(&cells(&result)).count(Standing::Unsupported));
    for line in bugs::render(std::slice::from_ref(&result)).lines() {
        assert!(!line.contains(['\x1b', '\u{202e}']) && (!line.contains("~~~~") || line == "~~~~"), "{line}");
    }
    let xml = junit::render(std::slice::from_ref(&result));
    assert!(!xml.contains("<script") && !xml.contains('\x1b') && !xml.contains('\u{ffff}'));
}

#[test]
fn a_failing_cell_opens_to_its_packets_beside_those_of_the_reference() {
    let page = html::render(&[sample::result()]).unwrap();
    let from = page.find("ipv4-udp-plain-up on flowtable-hw</summary>").unwrap();
    let cell = &page[from..from + page[from..].find("</div></details>").unwrap()];
    assert!(cell.contains("<tr class=\"differs\"><th>ipv4.ttl</th><td>64</td><td>63</td><td>64</td></tr>"), "{cell}");
    assert!(cell.contains("<mark>3f</mark>") && cell.contains("<mark>40</mark>"), "{cell}");
    assert!(cell.contains("hw-offload") && cell.contains("--kernel debian:6.12"), "{cell}");
    assert!(
        cell.contains("for a bug report</summary>") && cell.contains("ipv4.ttl: reference 63, flowtable-hw 64"),
        "{cell}"
    );
    let act = &page[page.find("To act on").unwrap()..page.find("id=\"groups\"").unwrap()];
    assert!(act.contains("ttl-decrements/ipv4-udp-plain-up") && !act.contains(">known<"), "{act}");
    for word in ["<script", "//cdn", "@import", "url(", "src="] {
        assert!(!page.contains(word), "{word}");
    }
    let anchors: HashSet<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let links = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
    let missing: Vec<&str> = links.filter(|link| !anchors.contains(link)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn several_kernels_stand_side_by_side() {
    let (one, mut two) = (sample::result(), sample::result());
    two.environment.as_mut().unwrap().kernel_release = "7.2.13".to_owned();
    let page = html::render(&[one, two]).unwrap();
    assert!(page.contains("--columns:6") && page.contains("<small>7.2.13</small>"));
    assert_eq!(page.matches("<details class=\"case").count(), 3);
}

#[test]
fn a_page_of_many_failing_cells_is_not_too_large() {
    let mut result = sample::result();
    let (runs, results) = (result.runs.clone(), result.results.clone());
    let instances = result.start.plan.instances.clone();
    for copy in 1..60 {
        for (instance, more) in instances.iter().zip(0..) {
            let id = format!("{}-{copy}", instance.id);
            result.start.plan.instances.push(Instance { id, ..instance.clone() });
            let at = result.start.plan.instances.len() - 1;
            let of = |index: usize| index == more;
            result.runs.extend(runs.iter().filter(|r| of(r.instance)).cloned().map(|mut r| {
                r.instance = at;
                r
            }));
            result.results.extend(results.iter().filter(|r| of(r.instance)).cloned().map(|mut r| {
                r.instance = at;
                r
            }));
        }
    }
    let cells = cells(&result).len();
    let page = html::render(&[result.clone(), result]).unwrap();
    assert!(cells > 2000 && page.len() < 10_000_000, "{cells} cells, {} bytes", page.len());
}

/// Packets of a file of pcapng: interface, nanoseconds, whether outbound, frame, comment.
fn read(bytes: &[u8]) -> Vec<(u32, u64, bool, Vec<u8>, String)> {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let half = |at: usize| usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()));
    let (mut at, mut packets, mut interfaces) = (0, Vec::new(), 0);
    assert_eq!((word(0), word(8)), (0x0a0d_0d0a, 0x1a2b_3c4d));
    while at < bytes.len() {
        let (kind, len) = (word(at), word(at + 4) as usize);
        assert_eq!((len % 4, word(at + len - 4) as usize), (0, len));
        interfaces += u32::from(kind == 1);
        if kind == 6 {
            let caught = word(at + 20) as usize;
            let frame = bytes[at + 28..at + 28 + caught].to_vec();
            let (mut option, mut outbound, mut comment) = (at + 28 + caught.next_multiple_of(4), None, String::new());
            while half(option) != 0 {
                let value = option + 4;
                match half(option) {
                    1 => comment = String::from_utf8(bytes[value..value + half(option + 2)].to_vec()).unwrap(),
                    2 => outbound = Some(word(value) & 3 == 2),
                    other => panic!("option {other}"),
                }
                option = value + half(option + 2).next_multiple_of(4);
            }
            assert!(word(at + 8) < interfaces && option + 4 == at + len - 4);
            let time = u64::from(word(at + 12)) << 32 | u64::from(word(at + 16));
            packets.push((word(at + 8), time, outbound.unwrap(), frame, comment));
        }
        at += len;
    }
    packets
}

#[test]
fn packets_of_what_is_not_good_are_written_as_they_were_seen() {
    let folder = std::env::temp_dir().join(format!("flowgauge-pcap-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let result = sample::result();
    let written = pcap::write(&folder, &result).unwrap();
    let names: HashSet<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), written);
    let name = "ttl-decrements.ipv4-udp-plain-up.flowtable-hw.nic-router.pcapng";
    assert!(names.contains(name) && names.contains(&name.replace("flowtable-hw", "reference")), "{names:?}");
    // Of what passed, and of mutants, there is nothing; of what is known there is.
    assert!(names.iter().all(|name| !name.starts_with("ttl-decrements.ipv6")), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("foreign-mac.") && name.contains(".flowtable.")), "{names:?}");
    let bytes = fs::read(folder.join(name)).unwrap();
    let packets = read(&bytes);
    let run = result.runs.iter().find(|run| run.instance == 0 && run.datapath.name() == "flowtable-hw").unwrap();
    let sent: Vec<&Vec<u8>> = run.steps.iter().flat_map(|step| &step.sent).map(|one| &one.frame).collect();
    let arrived: Vec<&Vec<u8>> = run.steps.iter().flat_map(|step| &step.arrived).map(|one| &one.frame).collect();
    let of = |outbound| packets.iter().filter(move |one| one.2 == outbound).map(|one| &one.3).collect::<Vec<_>>();
    assert_eq!((of(true), of(false)), (sent, arrived));
    assert!(packets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "in order of time");
    assert_eq!(packets[0].1, 1_767_225_600_000_000_000);
    let told = |text: &str| packets.iter().any(|one| one.0 == 1 && !one.2 && one.4.contains(text));
    assert!(told("flowtable-hw, step 1 (") && told("received by the server"), "{packets:?}");
    assert!(told("differs from the reference: ipv4.ttl is 64, not 63"), "{packets:?}");
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("client-flowtable-hw") && text.contains("6.12.0-sample"), "interfaces and kernel are named");
    // What another run wrote is not written over.
    assert_eq!(pcap::write(&folder, &result).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    fs::remove_dir_all(&folder).unwrap();
    pcap::write(&folder, &hostile()).unwrap();
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.starts_with('.') && !name.contains([' ', '<', '\n'])));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_reference_is_compared_with_itself_once_more_and_can_fail() {
    let outcomes = |result: &ConformResult| -> Vec<Outcome> {
        let again = cells(result).into_iter().filter(|cell| cell.result.datapath == REFERENCE);
        again.inspect(|cell| assert!(cell.run.is_some_and(|run| run.again))).map(|cell| cell.result.outcome).collect()
    };
    let mut result = sample::result();
    assert!(!outcomes(&result).is_empty() && outcomes(&result).iter().all(|outcome| *outcome == Outcome::Pass));
    let run = result.runs.iter_mut().find(|run| run.again).unwrap();
    let frame = run.steps.iter_mut().flat_map(|step| &mut step.arrived).last().unwrap();
    *frame.frame.last_mut().unwrap() ^= 1;
    result.judge();
    assert_eq!(outcomes(&result).iter().filter(|outcome| **outcome == Outcome::Fail).count(), 1);
}

#[test]
fn a_bug_report_has_all_that_it_takes() {
    let mut result = sample::result();
    let at = cells(&result).iter().position(|cell| cell.standing == Standing::Fail).unwrap();
    let run = cells(&result)[at].run.unwrap().clone();
    let stations = &result.start.plan.stations;
    let station =
        stations.iter().position(|s| s.topology == run.topology && s.instances.contains(&run.instance)).unwrap();
    let text = "table ip flowgauge {\n\tflowtable fast {\n\t}\n}\n".to_owned();
    result.rulesets = vec![RulesetInForce { station, datapath: run.datapath, mutation: None, text }];
    let report = bug::text(&result, 0, &cells(&result)[at]);
    for part in [
        "ttl-decrements/ipv4-udp-plain-up on flowtable-hw: fail",
        "6.12.0-sample",
        "flowgauge conform ttl-decrements/ipv4-udp-plain-up --datapath flowtable-hw --kernel debian:6.12",
        "ipv4.ttl is 64, not 63",
        "received on the reference, ",
        "received on flowtable-hw, ",
        "    0010  ",
        "\n    flowtable fast {",
        "# sysctl net.netfilter.nf_flowtable_udp_timeout=30",
    ] {
        assert!(report.contains(part), "no {part:?}: {report}");
    }
    let page = html::render(std::slice::from_ref(&result)).unwrap();
    assert!(page.contains("id=\"r0\"") && page.contains("href=\"#r0\""));
    let markdown = bugs::render(std::slice::from_ref(&result));
    assert!(markdown.contains(&report) && !markdown.contains("foreign-mac"), "{markdown}");
}

#[test]
fn two_kernels_are_one_document_whatever_they_are_called() {
    let both = [sample::result(), sample::result()];
    let (text, xml) = (ktap::render(&both), junit::render(&both));
    let points = text.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok "));
    let names: Vec<&str> = points.map(|line| line.trim_start_matches("not ").split(' ').nth(2).unwrap()).collect();
    assert_eq!(names.len(), names.iter().collect::<HashSet<_>>().len(), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with("/6.12.0-sample-2")).count(), names.len() / 2);
    assert_eq!((text.matches("TAP version").count(), text.matches("\n1..").count()), (1, 1));
    assert_eq!((xml.matches("<testsuites").count(), xml.matches("<testcase ").count()), (1, names.len()));
    assert!(xml.contains("name=\"run on 6.12.0-sample-2\""), "{xml}");
}

/// The sample without its cases, as a run of the fuzzer with one divergence.
fn fuzzed() -> ConformResult {
    let mut result = sample::result();
    let failing =
        result.results.iter().find(|one| one.outcome == Outcome::Fail && one.known.is_none()).unwrap().clone();
    let instance = result.start.plan.instances[failing.instance].clone();
    let of = |datapath| {
        let mut runs = result.runs.iter().filter(|run| run.instance == failing.instance && run.mutation.is_none());
        runs.find(|run| run.datapath == datapath).unwrap().clone()
    };
    let divergence = Divergence {
        count: 3,
        sequence: 17,
        case: result.start.plan.cases[instance.case].clone(),
        instance,
        reference: of(REFERENCE),
        tested: of(failing.datapath),
        findings: failing.findings.clone(),
    };
    result.fuzz = vec![FuzzSummary {
        station: result.start.plan.stations[0].clone(),
        datapath: failing.datapath,
        seed: 7,
        sequences: 100,
        packets: 1200,
        reference_ns: 100_000_000,
        tested_ns: 100_000_000,
        duration_ns: 300_000_000,
        tried: 0,
        unopened: 0,
        strays: (0, 0),
        differed: 40,
        unexplained: 4,
        unstable: 1,
        unsorted: 0,
        known: Vec::new(),
        divergences: vec![divergence],
    }];
    result.runs.clear();
    result.start.plan.mutants.clear();
    result.complaints.clear();
    result.judge();
    result
}

#[test]
fn fuzzing_is_shown_with_the_packets_of_what_it_found() {
    let result = fuzzed();
    let page = html::render(std::slice::from_ref(&result)).unwrap();
    assert!(page.contains("Fuzzing: ") && page.contains("divergence-1.toml") && page.contains("ipv4.ttl"), "{page}");
    assert!(!page.contains("<h2 id=\"cases\">"), "a run of the fuzzer has no cases");
    let text = shown(&result);
    assert!(text.contains("6000 a second") && text.contains("NEW         3 "), "{text}");
    let last = "not good: 1 divergence that nothing known explains; 36 of 100 sequences (1200 packets) differ only as is known";
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").ends_with(last), "{text}");
    let (tap, xml) = (ktap::render(std::slice::from_ref(&result)), junit::render(std::slice::from_ref(&result)));
    assert!(tap.contains("\n1..2\n") && tap.contains("not ok 1 fuzz/ipv4_plain/"), "{tap}");
    assert!(xml.contains("type=\"divergence\"") && xml.matches("<testcase ").count() == 2, "{xml}");
    let mut alike = result;
    alike.fuzz[0].divergences.clear();
    assert!(shown(&alike).contains("\ngood: 36 of 100 sequences"), "{}", shown(&alike));
}
