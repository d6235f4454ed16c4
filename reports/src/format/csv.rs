//! CSV (RFC 4180): a line a sample, so that any program can make its own statistics; the row's median with its interval on each
//! line of it. A case without a number has one line, with its verdict and nothing behind.

use super::case::{Case, cases};
use super::name::line;
use super::symbol;
use crate::metric::Metric;
use crate::result::RunResult;

const HEAD: &str = "run,unix_s,scenario,datapath,kernel,clock,accelerator,simulated,verdict,why,\
                    metric,better,unit,block,value,median,low,high,n";

/// The result as CSV, with a line of heads. Lines end with CR LF, as the RFC has it.
pub(super) fn render(result: &RunResult) -> String {
    let mut text = format!("{HEAD}\r\n");
    let (run, time) = (cell(&line(&result.run)), result.unix_s.to_string());
    for case in &cases(result) {
        let known = [run.clone(), time.clone(), about(case)].join(",");
        let samples = case.metrics.iter().flat_map(|metric| metric.samples.iter().map(move |s| sample(metric, *s)));
        let mut any = false;
        for sample in samples {
            any = true;
            text += &format!("{known},{sample}\r\n");
        }
        if !any {
            text += &format!("{known},{}\r\n", ",".repeat(8));
        }
    }
    text
}

fn about(case: &Case<'_>) -> String {
    let (clock, accelerator) = case.row.map_or((None, None), |row| (row.clock, row.accelerator));
    [
        cell(&case.scenario),
        case.datapath.clone(),
        cell(&case.kernel),
        symbol::clock(clock).to_owned(),
        symbol::accelerator(accelerator).to_owned(),
        case.simulated().to_string(),
        case.outcome.word().to_owned(),
        cell(case.outcome.why()),
    ]
    .join(",")
}

fn sample(metric: &Metric, (block, value): (u32, f64)) -> String {
    let e = &metric.estimate;
    let (better, unit) = (symbol::better(metric.better), symbol::unit(e.unit));
    format!("{},{better},{unit},{block},{value},{},{},{},{}", metric.name, e.median, e.low, e.high, e.n)
}

/// A cell. What a spreadsheet would run as a formula gets an apostrophe ahead, which spreadsheets hide.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_formulas() {
        assert_eq!(cell("plain text"), "plain text");
        assert_eq!(cell("a,b \"c\""), "\"a,b \"\"c\"\"\"");
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
    }
}
