//! Bytes of two frames under each other, those that differ marked.

use std::fmt::Write;

/// Bytes in a line.
const LINE: usize = 16;
/// Lines that are shown of a frame.
const LINES: usize = 8;

/// Lines of hexadecimal digits as HTML, of both frames where there are two; of those, lines without a difference are left out.
/// Nothing of it comes from elsewhere but as digits.
pub(super) fn dump(reference: Option<&[u8]>, tested: Option<&[u8]>) -> String {
    let (was, is) = (reference.unwrap_or_default(), tested.unwrap_or_default());
    let both = reference.is_some() && tested.is_some();
    let lines = was.len().max(is.len()).div_ceil(LINE);
    let differs = |at: usize| both && was.get(at) != is.get(at);
    let wanted = |line: &usize| !both || was == is || (line * LINE..(line + 1) * LINE).any(differs);
    let mut text = String::new();
    for line in (0..lines).filter(wanted).take(LINES) {
        for (name, frame) in [("reference ", reference), ("under test", tested)] {
            let Some(frame) = frame else { continue };
            let _ = write!(text, "{name}  {:04x} ", line * LINE);
            for (at, byte) in frame.iter().enumerate().skip(line * LINE).take(LINE) {
                let _ =
                    if differs(at) { write!(text, " <mark>{byte:02x}</mark>") } else { write!(text, " {byte:02x}") };
            }
            text.push('\n');
            if both && was == is {
                break;
            }
        }
    }
    let left = (0..lines).filter(wanted).count().saturating_sub(LINES);
    if left > 0 {
        let _ = writeln!(text, "and {left} more lines");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_with_a_difference_are_shown_and_the_bytes_are_marked() {
        let was: Vec<u8> = (0..40).collect();
        let mut is = was.clone();
        is[17] = 0xff;
        let text = dump(Some(&was), Some(&is));
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.starts_with("reference   0010  10 <mark>11</mark> 12"), "{text}");
        assert!(text.contains("under test  0010  10 <mark>ff</mark> 12"), "{text}");
        assert_eq!(dump(Some(&was), Some(&was)).lines().count(), 3);
        assert!(!dump(None, Some(&was)).contains("<mark>"));
        assert!(dump(Some(&was), Some(&was[..39])).contains("<mark>27</mark>"));
    }
}
