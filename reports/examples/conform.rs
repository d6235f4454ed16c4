//! Prints the made-up conformance result, or writes it as a folder to look at; the results of runs in its place where their
//! folders are given: `cargo run --release -p flowgauge-reports --example conform -- [DIR [RUN]...]`.

use flowgauge_reports::conform::{CaseResult, bugs, html, junit, ktap, load, pcap, repeat, sample, text};
use flowgauge_reports::table::Style;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(std::path::PathBuf::from);
    let folder = arguments.next();
    let mut results = Vec::new();
    for path in arguments {
        results.extend(load(&path)?);
    }
    if results.is_empty() {
        results.push(sample::result());
    }
    for (index, result) in results.iter().enumerate() {
        let again = |case: &CaseResult| repeat(result, index, case);
        print!("{}", text::render(result, Style::default(), false, &again));
    }
    if let Some(folder) = folder {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("report.html"), html::render(&results)?)?;
        std::fs::write(folder.join("result.ktap"), ktap::render(&results))?;
        std::fs::write(folder.join("result.xml"), junit::render(&results))?;
        std::fs::write(folder.join("result.md"), bugs::render(&results))?;
        for (index, result) in results.iter().enumerate() {
            pcap::write(&folder.join(format!("packets-{index}")), result)?;
        }
    }
    Ok(())
}
