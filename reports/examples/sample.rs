//! Prints the made-up result as a table, or writes it as a folder to look at: `cargo run --release -p
//! flowgauge-reports --example sample -- DIR`.

use flowgauge_reports::{html, sample, table};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let result = sample::result();
    match std::env::args_os().nth(1) {
        None => print!("{}", table::render(&result, table::Style::default())),
        Some(folder) => {
            let folder = std::path::PathBuf::from(folder);
            std::fs::create_dir_all(&folder)?;
            result.save(folder.join("result.json"))?;
            std::fs::write(folder.join("report.html"), html::render(&result)?)?;
        }
    }
    Ok(())
}
