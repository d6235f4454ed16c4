//! Patterns in which `*` stands for anything.

/// Whether `text` is what `pattern` says.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    // `split` gives at least one part.
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything_and_for_nothing() {
        for (pattern, text) in [
            ("ttl", "ttl"),
            ("*", ""),
            ("ttl*", "ttl-one/ipv4-udp-plain-up"),
            ("*/ipv4-*-up", "ttl/ipv4-udp-plain-up"),
            ("a*b*c", "abc"),
            ("a*aa", "aaa"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("ttl", "ttl-one"), ("a*aa", "aa"), ("", "x"), ("a*b*c", "acb"), ("*x", "xy")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
