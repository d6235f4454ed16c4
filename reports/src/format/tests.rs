//! What holds in every format; each format's own rules are tested by its readers, in the end-to-end tests.

use super::*;
use crate::offered::DirectionReport;
use crate::result::Ending;
use crate::sample;
use crate::trial::Offered;

const ALL: [Format; 9] = [
    Format::Junit,
    Format::Ktap,
    Format::Benchstat,
    Format::Github(Better::Higher),
    Format::Github(Better::Lower),
    Format::Bencher,
    Format::Openmetrics,
    Format::Csv,
    Format::Markdown,
];

fn text(result: &RunResult, format: Format) -> String {
    render(result, format).unwrap()
}

/// The sample with corrupted frames in the first cell: its row is bad.
fn with_a_bad_row() -> RunResult {
    let mut result = sample::result();
    let corrupt = |report: &mut DirectionReport| report.corrupted = 3;
    for trial in result.trials.iter_mut().filter(|trial| trial.cell == 0) {
        if let Offered::Frames(reports) = &mut trial.offered {
            reports.iter_mut().for_each(corrupt);
        }
    }
    judged(result)
}

fn judged(mut result: RunResult) -> RunResult {
    let r = &result;
    result.judgement = crate::judge(&r.plan, &r.trials, &r.calibrations, &r.onsets, r.environment.as_ref());
    result
}

#[test]
fn a_case_for_each_row_and_hole_and_one_for_the_run() {
    let result = sample::result();
    let (rows, holes) = (result.judgement.rows.len(), result.judgement.holes.len());
    let cases = rows + holes + 1;
    assert_eq!(text(&result, Format::Junit).matches("<testcase ").count(), cases);
    let ktap = text(&result, Format::Ktap);
    assert!(ktap.starts_with(&format!("TAP version 13\n1..{cases}\n")), "{ktap}");
    assert!(
        ktap.ends_with(&format!("# Totals: pass:{} fail:0 xfail:0 xpass:0 skip:{holes} error:0\n", rows + 1)),
        "{ktap}"
    );
}

#[test]
fn a_bad_row_fails_and_its_numbers_are_followed_by_nobody() {
    let result = with_a_bad_row();
    let row = &result.judgement.rows[0];
    let (name, datapath) = (row.name.as_str(), row.datapath.name());
    assert!(text(&result, Format::Ktap).contains(&format!("not ok 1 {name}/{datapath} # bad: ")));
    let junit = text(&result, Format::Junit);
    assert!(junit.contains("failures=\"1\"") && junit.contains("<failure message="), "{junit}");
    assert!(text(&result, Format::Markdown).contains("### flowgauge: not good"));
    let path = format!("\"{name}/{datapath}");
    for format in [Format::Bencher, Format::Github(Better::Higher), Format::Github(Better::Lower)] {
        assert!(text(&sample::result(), format).contains(&path), "{format:?} has it when good");
        assert!(!text(&result, format).contains(&path), "{format:?}");
    }
    let line = format!("/datapath={datapath}-2 1 ");
    let lines = |result| {
        text(result, Format::Benchstat).lines().filter(|l| l.contains("Udp-ipv4") && l.contains(&line)).count()
    };
    assert_eq!((lines(&sample::result()), lines(&result)), (10, 0));
    let metrics = text(&result, Format::Openmetrics);
    let of = format!("{{scenario=\"{name}\",datapath=\"{datapath}\"");
    assert!(!metrics.contains(&format!("frames_per_second{of}")), "{metrics}");
    assert!(
        metrics.lines().any(|l| l.starts_with(&format!("flowgauge_verdict{of}")) && l.ends_with("verdict=\"bad\"} 1"))
    );
    assert!(
        metrics.contains("\nflowgauge_run_good 0\n")
            && text(&sample::result(), Format::Openmetrics).contains("_good 1\n")
    );
    assert!(
        text(&result, Format::Csv).lines().any(|l| l.contains(&format!(",{name},{datapath},")) && l.contains(",bad,"))
    );
}

#[test]
fn a_run_that_failed_or_whose_kernel_complained_fails_although_every_row_is_good() {
    use crate::event::FailureKind;
    let mut failed = sample::result();
    failed.ending = Ending::Failed { kind: FailureKind::Environment, message: "no \x1b[31mKVM\nhere".to_owned() };
    let mut complained = sample::result();
    complained.complaints = vec!["WARNING: net/core".to_owned(), "BUG: sleeping".to_owned()];
    complained.judgement = complained.judgement.heard(&complained.complaints);
    for (result, why, tag) in
        [(failed, "no \u{fffd}[31mKVM\u{fffd}here", "<error "), (complained, "WARNING: net/core", "<failure ")]
    {
        assert!(text(&result, Format::Ktap).contains(" run # bad: "), "{}", text(&result, Format::Ktap));
        assert!(text(&result, Format::Junit).contains(tag), "{}", text(&result, Format::Junit));
        assert!(text(&result, Format::Ktap).contains(why));
        assert!(text(&result, Format::Openmetrics).contains("\nflowgauge_run_good 0\n"));
        assert!(text(&result, Format::Markdown).contains("### flowgauge: not good"));
    }
}

#[test]
fn several_kernels_belong_to_the_names() {
    let mut result = sample::result();
    let rows = result.judgement.rows.len();
    let second = result.judgement.rows.clone();
    result.judgement.rows.extend(second.into_iter().map(|mut row| {
        row.kernel = Some("7.2.13".to_owned());
        row
    }));
    let ktap = text(&result, Format::Ktap);
    for name in ["udp-ipv4/conntrack/6.12.0-sample", "udp-ipv4/conntrack/7.2.13"] {
        assert!(ktap.lines().any(|l| l.contains("ok ") && l.contains(&format!(" {name} #"))), "{name}: {ktap}");
    }
    let go = text(&result, Format::Benchstat);
    assert!(go.contains("\nkernel: 6.12.0-sample\n") && go.contains("\nkernel: 7.2.13\n"), "{go}");
    assert!(!go.contains("_2/"), "names are the same for each kernel: {go}");
    assert_eq!(text(&result, Format::Junit).matches("<testcase ").count(), 2 * rows + 2);
}

#[test]
fn instructions_have_their_own_unit_and_clock() {
    use crate::environment::Clock;
    use crate::stats::{Estimate, Unit};
    let mut result = sample::result();
    result.judgement.rows.truncate(1);
    let row = &mut result.judgement.rows[0];
    row.clock = Some(Clock::Instructions);
    row.samples
        .iter_mut()
        .for_each(|s| *s = crate::judge::Sample { block: s.block, net: Some(1729.5), ..Default::default() });
    (row.throughput, row.cost, row.latency_p50, row.latency_p99) = (None, None, None, None);
    row.net = Estimate::of(&[1729.5; 10], Unit::InstructionsPerPacket);
    let go = text(&result, Format::Benchstat);
    assert_eq!(go.matches("datapath=forward-2 1 1729.5 instructions/packet\n").count(), 10, "{go}");
    assert!(go.contains("\nUnit instructions/packet better=lower\n"), "{go}");
    let metrics = text(&result, Format::Openmetrics);
    assert!(metrics.contains("\n# UNIT flowgauge_instructions_per_packet instructions_per_packet\n"), "{metrics}");
    assert!(metrics.contains("clock=\"instructions\",simulated=\"false\",estimate=\"median\"} 1729.5\n"), "{metrics}");
    let github = text(&result, Format::Github(Better::Lower));
    assert!(
        github.contains("/forward/instructions\"") && github.contains("\"unit\": \"instructions/packet\""),
        "{github}"
    );
    assert!(text(&result, Format::Csv).contains(",instructions,lower,instructions/packet,0,1729.5,1729.5,"));
    assert!(text(&result, Format::Markdown).contains("| instructions |"));
}

#[test]
fn nothing_measured_is_still_well_formed() {
    let mut result = sample::result();
    result.trials.clear();
    result.ending = Ending::Truncated;
    let result = judged(result);
    for format in ALL {
        assert!(text(&result, format).ends_with('\n'), "{format:?}");
    }
    assert_eq!(text(&result, Format::Bencher), "{}\n");
    assert_eq!(text(&result, Format::Github(Better::Lower)), "[]\n");
}

#[test]
fn a_comment_is_never_too_long_and_what_is_not_good_stays_in_it() {
    let mut result = with_a_bad_row();
    let (bad, good) = (result.judgement.rows[0].clone(), result.judgement.rows[1].clone());
    result.judgement.rows = vec![good; 2_000];
    result.judgement.rows.push(bad);
    let comment = text(&result, Format::Markdown);
    assert!(comment.len() < 65_536, "{}", comment.len());
    assert!(comment.contains("| **bad** |") && comment.contains(" more rows are in the result."), "{comment}");
}
