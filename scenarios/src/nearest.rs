//! The nearest names to one that is unknown.

/// Those of `known` that are close to `given`, the closest first, at most three.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(usize, &str)> = known
        .into_iter()
        .map(|name| (distance(given, name), name))
        .filter(|&(d, name)| d <= 1 + name.len().max(given.len()) / 3 || name.contains(given) && given.len() > 2)
        .collect();
    scored.sort();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// The end of an error about an unknown name: what was meant perhaps, or all that there is.
pub fn suggestion<'a>(given: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let near = nearest(given, known.clone());
    if near.is_empty() {
        let all: Vec<&str> = known.into_iter().collect();
        format!("known are: {}", all.join(", "))
    } else {
        format!("did you mean {}?", near.join(" or "))
    }
}

/// Edits (insert, delete, replace, swap neighbours) between two names.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_and_nonsense_finds_none() {
        let known = ["forward", "conntrack", "flowtable"];
        assert_eq!(nearest("flowtabel", known), ["flowtable"]);
        assert_eq!(nearest("contrack", known), ["conntrack"]);
        assert!(nearest("zebra", known).is_empty());
        assert_eq!(suggestion("zebra", known), "known are: forward, conntrack, flowtable");
    }
}
