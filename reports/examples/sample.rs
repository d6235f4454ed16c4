//! Prints the made-up result as a table, or writes it as a folder to look at; another result in its place where one
//! is given: `cargo run --release -p flowgauge-reports --example sample -- [DIR [RESULT]]`.

use flowgauge_reports::{RunResult, html, sample, table};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(std::path::PathBuf::from);
    let folder = arguments.next();
    let result = match arguments.next() {
        Some(path) => RunResult::load(path)?,
        None => sample::result(),
    };
    print!("{}", table::render(&result, table::Style::default()));
    if let Some(folder) = folder {
        std::fs::create_dir_all(&folder)?;
        result.save(folder.join("result.json"))?;
        std::fs::write(folder.join("report.html"), html::render(&result)?)?;
    }
    Ok(())
}
