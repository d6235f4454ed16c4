//! Histories made up of runs whose numbers are chosen.

use std::sync::OnceLock;

use super::*;
use crate::history::text;
use crate::sample;
use crate::table::Style;

/// A run on day `day` of 2026 whose first row has this throughput.
fn run(day: usize, throughput: f64) -> Observed {
    static MADE_UP: OnceLock<Observed> = OnceLock::new();
    let mut observed = MADE_UP.get_or_init(|| Observed::of(&sample::result())).clone();
    observed.note.run = format!("run-{day:03}");
    observed.note.unix_s = 1_767_225_600.0 + 86_400.0 * day as f64;
    observed.rows.truncate(1);
    let estimate = &mut observed.rows[0].metrics[0].2;
    *estimate = Estimate { median: throughput, low: throughput, high: throughput, ..*estimate };
    observed
}

/// A value that goes up and down by about a thousandth.
fn noisy(day: usize, level: f64) -> f64 {
    level * (1.0 + 0.001 * ((day * 7919 % 17) as f64 / 8.0 - 1.0))
}

fn runs(levels: &[(usize, f64)]) -> Vec<Observed> {
    let values = levels.iter().flat_map(|&(count, level)| vec![level; count]);
    values.enumerate().map(|(day, level)| run(day, noisy(day, level))).collect()
}

fn history(runs: Vec<Observed>) -> History {
    History::new(runs, Vec::new(), &Select::default()).unwrap()
}

fn said(history: &History) -> String {
    text::render(history, Style { width: 60, colour: false }).replace('\u{a0}', " ")
}

#[test]
fn a_change_is_told_with_its_run_its_values_and_what_else_changed() {
    let mut runs = runs(&[(20, 58_000.0), (20, 50_000.0)]);
    runs[20..].iter_mut().for_each(|run| run.note.kernel = Some("6.13.0".to_owned()));
    runs.reverse();
    let history = history(runs);
    let series = &history.series[0];
    assert_eq!((history.series.len(), series.metric.as_str(), series.points.len()), (1, "throughput", 40));
    let [change] = series.changes.as_slice() else { panic!("{:?}", series.changes) };
    assert_eq!((change.at, change.worse, change.last_before, change.first_after), (20, true, 19, 20));
    assert!((change.from - 58_000.0).abs() < 60.0 && (change.to - 50_000.0).abs() < 60.0);
    let text = said(&history);
    let line = "worse -13.8 %: 58.0 kpps -> 50.0 kpps since run-020 (2026-01-21 00:00 UTC), p = 0.001; \
                kernel 6.12.0-sample -> 6.13.0";
    assert!(text.contains(line), "{text}");
    assert!(
        text.starts_with(
            "40 runs, 2026-01-01 00:00 UTC to 2026-02-09 00:00 UTC; 1 change in 1 series, 1 for the worse"
        )
    );
    assert!(text.contains("\n                        ^\n") || text.contains("^\n"), "{text}");
}

#[test]
fn less_is_worse_or_better_as_the_metric_has_it() {
    let mut runs = runs(&[(20, 1500.0), (20, 1470.0)]);
    let lower = |metrics: &mut Vec<(&'static str, Better, Estimate)>| {
        metrics[0] = ("instructions", Better::Lower, metrics[0].2);
    };
    runs.iter_mut().for_each(|run| lower(&mut run.rows[0].metrics));
    let history = history(runs);
    assert!(!history.series[0].changes[0].worse);
    assert!(said(&history).contains("better -2.0 %"));
}

#[test]
fn what_is_bad_or_missing_is_marked_and_left_out() {
    let mut runs = runs(&[(40, 58_000.0)]);
    for day in [10, 11, 12, 13, 14, 30] {
        runs[day].rows[0].left_out = Some("bad: the packets took \u{1b}[2J another way".to_owned());
        runs[day].rows[0].metrics[0].2.median = 1.0;
    }
    runs[20].rows[0].metrics.clear();
    runs[21].rows[0].metrics[0].2.median = f64::NAN;
    let history = history(runs);
    let series = &history.series[0];
    assert_eq!((series.points.len(), series.counting(), series.changes.len()), (40, 32, 0));
    let text = said(&history);
    assert!(text.contains("over 32 of 40 runs"), "{text}");
    assert!(text.contains("left out: 6 runs, the last run-030 (2026-01-31 00:00 UTC): bad: the packets"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("it has no such number") && text.contains("its value is not a number"));
    assert_eq!(text.matches('·').count(), 8, "{text}");
}

#[test]
fn a_series_breaks_where_the_scenario_or_the_machine_is_another() {
    let mut runs = runs(&[(20, 58_000.0), (20, 50_000.0)]);
    runs[20..].iter_mut().for_each(|run| run.rows[0].conditions.scenario.traffic.flows = 77);
    runs[30..].iter_mut().for_each(|run| run.rows[0].conditions.host_cpu = Some("Other 9000".to_owned()));
    let history = history(runs);
    let series = &history.series[0];
    assert_eq!(series.changes, [], "values on two sides of a break are not compared");
    assert_eq!(series.breaks.iter().map(|b| b.at).collect::<Vec<_>>(), [20, 30]);
    let text = said(&history);
    assert!(
        text.contains("not comparable from run-020 (2026-01-21 00:00 UTC) on: scenario.traffic.flows 77, not "),
        "{text}"
    );
    assert!(text.contains("host_cpu Other 9000, not Example 3000"), "{text}");
    assert!(text.contains("| "), "{text}");
}

#[test]
fn more_blocks_are_no_break_and_several_kernels_of_a_run_are_several_series() {
    let mut result = sample::result();
    let few = Observed::of(&result);
    result.plan.scenarios[0].method.blocks = 20;
    let many = Observed::of(&result);
    assert_eq!(history(vec![few, many]).series[0].breaks, []);
    let rows = result.judgement.rows.len();
    let twice: Vec<_> = result
        .judgement
        .rows
        .iter()
        .cloned()
        .map(|row| crate::judge::Row { kernel: Some("7.0".into()), ..row })
        .collect();
    result.judgement.rows.extend(twice);
    let history = history(vec![Observed::of(&result)]);
    assert_eq!(history.series.len(), 2 * rows);
    assert!(history.series.iter().any(|series| series.kernel.as_deref() == Some("7.0")));
}

#[test]
fn the_kernels_of_a_run_are_told_by_their_folders() {
    let result = sample::result();
    let at = |path: &str| Observed::at(std::path::Path::new(path), &result).rows[0].key.2.clone();
    assert_eq!(at("results/2026-01-01-sample/debian:sid").as_deref(), Some("debian:sid"));
    assert_eq!(at("results/2026-01-01-sample"), None);
    assert_eq!(at("2026-01-01-sample"), None);
}

#[test]
fn few_runs_say_that_they_are_few() {
    for count in 1..4 {
        let text = said(&history(runs(&[(count, 58_000.0)])));
        assert!(text.contains(&format!("{count} runs count; a change can be told from chance from 10 on")), "{text}");
    }
    let none = said(&history(Vec::new()));
    assert!(none.starts_with("0 runs; 0 changes in 0 series"), "{none}");
}

#[test]
fn scenarios_and_metrics_are_chosen_by_name() {
    let runs = || vec![Observed::of(&sample::result())];
    let choose = |scenario: Option<&str>, metric: Option<&str>| {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        let select = Select { scenario: owned(scenario), metric: owned(metric), ..Select::default() };
        History::new(runs(), Vec::new(), &select)
    };
    let first = choose(None, None).unwrap();
    assert!(first.series.iter().all(|series| series.metric == "throughput") && first.series.len() > 3);
    let one = choose(Some("udp-ipv6"), Some("latency-p99")).unwrap();
    assert!(one.series.iter().all(|s| s.name == "udp-ipv6" && s.metric == "latency-p99") && !one.series.is_empty());
    assert!(choose(None, Some("all")).unwrap().series.len() > 2 * first.series.len());
    assert!(choose(Some("udp-ipv5"), None).unwrap_err().to_string().contains("udp-ipv4"));
    assert!(choose(None, Some("latency")).unwrap_err().to_string().contains("latency-p99"));
}

#[test]
fn a_long_line_of_runs_fits_the_terminal() {
    let text = said(&history(runs(&[(500, 58_000.0), (501, 50_000.0)])));
    let bars = text.lines().find(|line| line.contains('▁')).unwrap();
    assert!(bars.chars().count() <= 60, "{bars}");
    assert!(text.contains("since run-500"), "{text}");
}
