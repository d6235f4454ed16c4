//! Prints the made-up conformance result, or writes it as a folder to look at; the results of runs in its place where their
//! events are given: `cargo run --release -p flowgauge-reports --example conform -- [DIR [EVENTS]...]`.

use std::io::BufRead;

use flowgauge_reports::conform::{CaseResult, ConformResult, html, junit, ktap, pcap, sample, text};
use flowgauge_reports::table::Style;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(std::path::PathBuf::from);
    let folder = arguments.next();
    let mut results = Vec::new();
    for path in arguments {
        let mut events = Vec::new();
        for line in std::io::BufReader::new(std::fs::File::open(path)?).lines() {
            events.push(serde_json::from_str(&line?)?);
        }
        results.push(ConformResult::from_events(events)?);
    }
    if results.is_empty() {
        results.push(sample::result());
    }
    for result in &results {
        let again = |case: &CaseResult| {
            let instance = result.start.plan.instances.get(case.instance)?;
            Some(format!("flowgauge conform {} --datapath {}", instance.id, case.datapath.name()))
        };
        print!("{}", text::render(result, Style::default(), &again));
    }
    if let Some(folder) = folder {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("report.html"), html::render(&results)?)?;
        for result in &results {
            std::fs::write(folder.join("result.ktap"), ktap::render(result))?;
            std::fs::write(folder.join("result.xml"), junit::render(result))?;
            pcap::write(&folder.join("packets"), result)?;
        }
    }
    Ok(())
}
