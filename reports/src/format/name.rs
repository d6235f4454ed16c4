//! Names and texts that anybody may have written, made fit for formats.

use crate::wording::printable;

/// A line of text: what would break a line, command a terminal or be forbidden in XML becomes U+FFFD.
pub(crate) fn line(text: &str) -> String {
    printable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// A name without anything that one of the formats gives a meaning to: letters, digits, `.`, `+`, `_` and `-`; what else
/// there is becomes `_`. It begins with a letter, a digit or `_`.
pub(crate) fn slug(text: &str) -> String {
    let fit = |c: char| if c.is_alphanumeric() || ".+_-".contains(c) { c } else { '_' };
    let slug: String = text.chars().map(fit).collect();
    if slug.starts_with(|c: char| c.is_alphanumeric() || c == '_') { slug } else { format!("_{slug}") }
}

/// A figure in plain text: ordinary spaces, thousands not apart, `us` for microseconds.
pub(super) fn plain(figure: &str) -> String {
    figure.replace('\u{a0}', " ").replace('\u{202f}', "").replace('µ', "u")
}

/// The first of `wanted` and what `mark` makes of it for 2, 3, 4... that is free.
pub(crate) fn unique(wanted: &str, mark: impl Fn(&str, u32) -> String, mut free: impl FnMut(&str) -> bool) -> String {
    let marked = (2..).map(|n| mark(wanted, n));
    std::iter::once(wanted.to_owned()).chain(marked).find(|name| free(name)).unwrap_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_slug_has_nothing_that_a_format_could_take_for_its_own() {
        assert_eq!(slug("udp-ipv4"), "udp-ipv4");
        assert_eq!(slug("a b/c=d#e|f\n"), "a_b_c_d_e_f_");
        assert_eq!(
            [slug(""), slug("-x"), slug("Größe"), slug("ok 1 - # SKIP")],
            ["_", "_-x", "Größe", "ok_1_-___SKIP"]
        );
    }

    #[test]
    fn names_that_come_again_are_numbered() {
        let mut taken = HashSet::new();
        let mut next = |name| unique(name, |name, n| format!("{name}_{n}"), |name| taken.insert(name.to_owned()));
        assert_eq!([next("a"), next("a_2"), next("a"), next("a")], ["a", "a_2", "a_3", "a_4"]);
    }
}
