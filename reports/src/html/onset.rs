//! The time to offload: how many packets and how long until a flow is in the hardware, and how many wait meanwhile.

use super::HtmlError;
use super::chart::{self, Axis, Line};
use crate::judge::{Row, backlog};
use crate::numbers::{digits, time};
use crate::result::RunResult;
use crate::trial::{FlowOnset, TimeToOffload};
use crate::wording;

/// Three charts, those of packets, of time and of the backlog; none where nothing was measured.
pub(super) fn charts(result: &RunResult, rows: &[&Row]) -> Result<Vec<String>, HtmlError> {
    let measured: Vec<(&Row, Vec<&TimeToOffload>)> = rows
        .iter()
        .map(|row| {
            (*row, result.onsets.iter().filter(|o| o.cell == row.cell && !o.flows.is_empty()).collect::<Vec<_>>())
        })
        .filter(|(_, onsets)| !onsets.is_empty())
        .collect();
    let Some((first, _)) = measured.first() else { return Ok(Vec::new()) };
    let said = wording::onsets(rows).join("; ");
    let packets = |value: f64| if value < 10.0 { format!("{value:.0}") } else { digits(value) };
    let nanoseconds = |value: f64| time(value as u64);
    let distribution = |what: &str, get: fn(&FlowOnset) -> f64, name: &dyn Fn(f64) -> String| {
        let lines: Vec<Line> = measured.iter().map(|(row, onsets)| reached(row, onsets, get)).collect();
        let values = || lines.iter().flat_map(|l| l.points.iter().map(|p| p.0));
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        if !low.is_finite() {
            return Ok(None);
        }
        let across = Axis::logarithmic(low.max(1.0), high, name);
        let up = Axis::linear(1.0, |share| format!("{:.0}\u{a0}%", share * 100.0));
        let caption = format!("Flows in the hardware, by {what}");
        chart::lines((&format!("{caption}, {}", first.name), &caption, &said), &lines, &across, &up)
    };
    let all = [
        distribution("their own packets", |f| f.software_packets as f64 + 1.0, &packets)?,
        distribution("time since their first", |f| f.first_hit_ns.unwrap_or(0) as f64, &nanoseconds)?,
        waiting(&first.name, &measured, &said)?,
    ];
    Ok(all.into_iter().flatten().collect())
}

/// The share of all flows that were in the hardware by each value; flows that never were leave it below 1.
fn reached(row: &Row, onsets: &[&TimeToOffload], get: fn(&FlowOnset) -> f64) -> Line {
    let flows = || onsets.iter().flat_map(|o| &o.flows);
    let mut values: Vec<f64> = flows().filter(|f| f.first_hit_ns.is_some()).map(get).collect();
    values.sort_unstable_by(f64::total_cmp);
    let all = flows().count() as f64;
    let step = |(i, &value): (usize, &f64)| [(value, i as f64 / all), (value, (i + 1) as f64 / all)];
    Line { datapath: row.datapath, points: values.iter().enumerate().flat_map(step).collect() }
}

/// Flows that have begun and are not in the hardware, over time, in the first measurement of each cell.
fn waiting(name: &str, measured: &[(&Row, Vec<&TimeToOffload>)], said: &str) -> Result<Option<String>, HtmlError> {
    let line = |(row, onsets): &(&Row, Vec<&TimeToOffload>)| {
        let mut points = vec![(0.0, 0.0)];
        for (at, flows) in onsets.first().map(|o| backlog(&o.flows)).unwrap_or_default() {
            let before = points.last().map_or(0.0, |p: &(f64, f64)| p.1);
            points.extend([(at as f64, before), (at as f64, flows as f64)]);
        }
        Line { datapath: row.datapath, points }
    };
    let lines: Vec<Line> = measured.iter().map(line).collect();
    let points = || lines.iter().flat_map(|l| &l.points);
    let across = Axis::linear(points().map(|p| p.0).fold(0.0, f64::max), |ns| time(ns as u64));
    let up = Axis::linear(points().map(|p| p.1).fold(0.0, f64::max), |flows| format!("{flows:.0}"));
    let caption = "Flows waiting, over time";
    chart::lines((&format!("{caption}, {name}"), caption, said), &lines, &across, &up)
}
