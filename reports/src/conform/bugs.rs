//! Markdown: what there is to act on, each cell as plain text that can be put into an issue as it is. Cells of a case that fail
//! alike are told once.

use std::fmt::Write;

use super::cell::{Cell, alike, cells, verdict};
use super::{ConformResult, bug};
use crate::format::name::line;

/// What no line of the text that it surrounds is.
const FENCE: &str = "~~~~";

/// The results of a run, one for each kernel, as Markdown, a newline at its end.
pub fn render(results: &[ConformResult]) -> String {
    let mut text = String::new();
    for (index, result) in results.iter().enumerate() {
        let cells = cells(result);
        let kernel = result.environment.as_ref().map_or("unknown", |environment| environment.kernel_release.as_str());
        let _ = writeln!(
            text,
            "### flowgauge conform, kernel {}\n\n{}\n",
            escaped(kernel),
            escaped(&verdict(result, &cells))
        );
        for complaint in &result.complaints {
            fenced(&mut text, complaint);
        }
        let to_act_on: Vec<Cell<'_>> = cells.iter().filter(|cell| cell.standing.to_act_on()).copied().collect();
        for alike in alike(&to_act_on) {
            let [first, others @ ..] = &alike[..] else { continue };
            fenced(&mut text, &bug::text(result, index, first));
            if !others.is_empty() {
                let names: Vec<&str> = others.iter().map(Cell::variant).collect();
                let _ = writeln!(text, "The same on {}.\n", escaped(&names.join(", ")));
            }
        }
    }
    text
}

/// Words in which nothing begins markup, a link or a ping.
fn escaped(text: &str) -> String {
    line(text).chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_punctuation() && !"-.,;:/()+".contains(c) {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

fn fenced(text: &mut String, words: &str) {
    let _ = writeln!(text, "{FENCE}");
    for one in words.lines() {
        let _ = writeln!(text, "{}", line(one).replace(FENCE, "~ ~ ~"));
    }
    let _ = writeln!(text, "{FENCE}\n");
}
