//! Explanations on the terminal and as a picture.

use std::fmt::Write;

use super::comparison::Comparison;
use super::explanation::Explanation;
use crate::profile::{Difference, difference_svg, difference_table, differences_svg};
use crate::table::Style;
use crate::wording::printable;

/// Functions that are named, a row.
const NAMED: usize = 12;

/// The explanations of a comparison as text, a newline at its end.
pub fn render_explained(comparison: &Comparison, style: Style) -> String {
    if comparison.explained.is_empty() {
        return "\nNo row changed, so there is nothing to explain.\n".to_owned();
    }
    let mut text = String::new();
    for explanation in &comparison.explained {
        let title = printable(&explanation.title());
        let title = if style.colour { format!("\x1b[1m{title}\x1b[0m") } else { title };
        let _ = writeln!(text, "\n{title}");
        match (&explanation.difference, &explanation.why) {
            (Some(difference), _) => text += &difference_table(difference, NAMED, style),
            (None, why) => {
                let _ = writeln!(text, "not explained: {}", printable(why.as_deref().unwrap_or("nothing is known")));
            }
        }
    }
    text
}

/// The explanations as an SVG file, bars for each row; none where no row is explained. The error is what the drawing
/// library said.
pub fn explained_svg<'a>(comparison: &'a Comparison) -> Result<Option<String>, String> {
    let of = |explanation: &'a Explanation| Some((explanation.title(), explanation.difference.as_ref()?));
    let panels: Vec<(String, &Difference)> = comparison.explained.iter().filter_map(of).collect();
    if panels.is_empty() {
        return Ok(None);
    }
    differences_svg("Where the differences come from", &panels, NAMED).map(Some)
}

/// The same for a page, each an SVG element with its caption.
pub(crate) fn pictures(comparison: &Comparison) -> Result<Vec<(String, String)>, String> {
    let of = |explanation: &Explanation| {
        let title = explanation.title();
        let difference = explanation.difference.as_ref()?;
        Some(difference_svg(&title, difference, NAMED).map(|svg| (title, svg)))
    };
    comparison.explained.iter().filter_map(of).collect()
}
