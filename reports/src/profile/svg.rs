//! What the pictures share: colours that follow a page where they stand in one, and text that cannot break out.

use super::Stage;

/// Ink, secondary text and rules: the page's variables, else what is readable on white.
pub(super) const INK: &str = "var(--ink,#1b1f24)";
pub(super) const FAINT: &str = "var(--faint,#57606a)";
pub(super) const RULE: &str = "var(--rule,#d0d7de)";
pub(super) const PAPER: &str = "var(--paper,#fff)";

/// The colour of a stage, the same in every picture; dark text is readable on each.
pub(super) const fn colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Generator => "#c8ccd1",
        Stage::Driver => "#a5b4c4",
        Stage::Receive => "#7fb3e6",
        Stage::Flowtable => "#4cc38a",
        Stage::Conntrack => "#f2a65a",
        Stage::Nft => "#e8839b",
        Stage::Route => "#b39ddb",
        Stage::Neighbour => "#e6c84f",
        Stage::Transmit => "#63c5c9",
        Stage::Other => "#e3e0d8",
    }
}

/// Text for SVG, in an element or an attribute. Characters that XML 1.0 does not allow become a question mark.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('?'),
            c => safe.push(c),
        }
    }
    safe
}

/// The beginning of a picture that stands alone or in a page. What is said to a screen reader goes first.
pub(super) fn opened(title: &str, description: &str, (width, height): (u32, u32)) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"system-ui,sans-serif\"><title>{}</title><desc>{}</desc>",
        escaped(title),
        escaped(description)
    )
}

/// At most `room` characters, the last a full stop's worth of dots where something was cut.
pub(super) fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}
