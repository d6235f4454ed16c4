//! The picture is XML whatever names there are, and shows what the text says.

use super::*;
use crate::history::Change;
use crate::metric::Better;
use crate::sample;

fn history(runs: usize, name: &str) -> History {
    let result = sample::result();
    let row = &result.judgement.rows[0];
    let estimate = row.throughput.unwrap();
    let value = |run: usize| if run < runs / 2 { 58_000.0 } else { 50_000.0 };
    let point = |run: usize| Point {
        run,
        estimate: Some(crate::stats::Estimate { median: value(run), ..estimate }),
        left_out: (run == 3).then(|| "bad".to_owned()),
    };
    let change = Change {
        at: runs / 2,
        last_before: runs / 2 - 1,
        first_after: runs / 2,
        from: 58_000.0,
        to: 50_000.0,
        relative: Some(-0.138),
        worse: true,
        p: 0.001,
    };
    let note = |run: usize| crate::history::RunNote {
        run: format!("run-{run}-{name}"),
        unix_s: 1_767_225_600.0 + 86_400.0 * run as f64,
        kernel: None,
        flowgauge: None,
    };
    let series = Series {
        name: name.to_owned(),
        datapath: row.datapath,
        kernel: None,
        metric: "throughput".to_owned(),
        better: Better::Higher,
        clock: crate::environment::Clock::Wall,
        unit: estimate.unit,
        points: (0..runs).map(point).collect(),
        breaks: vec![crate::history::Break { at: 2, differences: Vec::new() }],
        changes: vec![change],
    };
    History {
        history_version: 1,
        level: 0.01,
        runs: (0..runs).map(note).collect(),
        unreadable: Vec::new(),
        series: vec![series],
    }
}

#[test]
fn the_picture_shows_every_run_and_every_change_in_the_pages_colours() {
    let svg = render(&history(40, "udp-ipv4")).unwrap();
    assert_eq!(svg.matches("<circle").count(), 40);
    assert_eq!(svg.matches(">\n-13.8\u{a0}% worse").count(), 1, "{svg}");
    assert!(svg.contains("58.0") && svg.contains("kpps") && svg.contains("2026-02-09 00:00 UTC"));
    assert!(svg.contains("prefers-color-scheme: dark") && svg.contains("var(--bad)") && svg.contains("var(--paper)"));
    assert!(!svg.contains("0001\""), "a stand-in for a colour is left: {svg}");
    assert!(svg.contains("<desc>udp-ipv4 on ") && svg.contains("worse -13.8\u{a0}%"));
}

#[test]
fn hostile_names_stay_text() {
    let name = "<script>alert(1)</script>&\"'\u{1b}[2J\u{ffff}]]>".repeat(8);
    let svg = render(&history(12, &name)).unwrap();
    assert!(!svg.contains("<script") && !svg.contains('\u{1b}') && !svg.contains('\u{ffff}'), "{svg}");
    for (at, _) in svg.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#39;"];
        assert!(known.iter().any(|entity| svg[at..].starts_with(entity)), "{}", &svg[at..svg.len().min(at + 20)]);
    }
}

#[test]
fn one_run_can_be_drawn_and_none_cannot() {
    let mut one = history(4, "udp-ipv4");
    one.series[0].points.truncate(1);
    one.series[0].changes.clear();
    one.series[0].breaks.clear();
    assert_eq!(render(&one).unwrap().matches("<circle").count(), 1);
    one.series[0].points[0].left_out = Some("bad".to_owned());
    assert!(render(&one).unwrap_err().to_string().contains("nothing to draw"));
    let mut many = history(4, "udp-ipv4");
    many.series = vec![many.series[0].clone(); 201];
    assert!(render(&many).unwrap_err().to_string().contains("--scenario"));
}
