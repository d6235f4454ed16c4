//! nft's complaints, set beside the lines of the ruleset that they are about.

use std::fmt::{self, Display};

/// Complaints beyond these say little that the first do not.
const SHOWN: usize = 5;

/// nft refused a ruleset. Nothing of it is in force: nft works in transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was to be done, such as `the ruleset` or `to silence port client0`.
    pub what: String,
    /// nft's complaints, in its order.
    pub complaints: Vec<Complaint>,
}

/// One complaint of nft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// nft's own words.
    pub message: String,
    /// Where, if nft said it and the place is in the ruleset.
    pub place: Option<Place>,
}

/// A place in a ruleset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line itself.
    pub text: String,
    /// First and last column, from 1, in bytes.
    pub columns: (usize, usize),
}

impl Refusal {
    /// Reads what nft wrote to standard error about `input`, whose first `added` lines are not of the ruleset.
    pub(super) fn read(what: impl Into<String>, stderr: &str, input: &str, added: usize) -> Self {
        let mut complaints: Vec<Complaint> = stderr.lines().filter_map(|line| complaint(line, input, added)).collect();
        if complaints.is_empty() {
            let message = match stderr.trim() {
                "" => "nft failed and said nothing".to_owned(),
                text => text.to_owned(),
            };
            complaints.push(Complaint { message, place: None });
        }
        Refusal { what: what.into(), complaints }
    }

    /// Whether nft could not read it at all: the kernel was never asked.
    pub fn is_syntax(&self) -> bool {
        self.complaints.iter().any(|complaint| complaint.message.contains("syntax error"))
    }

    fn hint(&self) -> Option<&'static str> {
        let first = self.complaints.first()?;
        let line = first.place.as_ref().map_or("", |place| place.text.as_str());
        let kernel = ["No such file or directory", "Operation not supported", "Protocol"];
        if !kernel.iter().any(|words| first.message.contains(words)) {
            return first
                .message
                .contains("Operation not permitted")
                .then_some("it needs root in the namespace's user namespace");
        }
        if ["flowtable", "flow add", "devices"].iter().any(|word| line.contains(word)) {
            return Some(
                "the kernel lacks flowtables (CONFIG_NF_FLOW_TABLE, CONFIG_NFT_FLOW_OFFLOAD) or a port of the flowtable does not exist; \
                 `flowgauge doctor` tells, and --kernel debian:6.12 has them",
            );
        }
        Some(
            "the kernel lacks what this line needs, or a name in it does not exist; `flowgauge doctor` shows what the kernel has",
        )
    }
}

impl std::error::Error for Refusal {}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nft refused {}", self.what)?;
        for complaint in self.complaints.iter().take(SHOWN) {
            match &complaint.place {
                None => write!(f, ": {}", complaint.message)?,
                Some(place) => write!(f, ": line {}: {}\n{place}", place.line, complaint.message)?,
            }
        }
        if self.complaints.len() > SHOWN {
            write!(f, "\n(and {} more)", self.complaints.len() - SHOWN)?;
        }
        match self.hint() {
            Some(hint) => write!(f, "\n{hint}"),
            None => Ok(()),
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.columns;
        // Tabs stay tabs, so that the carets stand below what they mean wherever tab stops are.
        let pad: String =
            self.text.chars().take(first.saturating_sub(1)).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let carets = "^".repeat(last.saturating_sub(first) + 1);
        write!(f, "{:5} | {}\n      | {pad}{carets}", self.line, self.text)
    }
}

/// `/dev/stdin:4:22-28: Error: syntax error, unexpected counter`; other lines repeat the ruleset.
fn complaint(line: &str, input: &str, added: usize) -> Option<Complaint> {
    let (place, message) = line.split_once(": Error: ")?;
    let mut parts = place.rsplitn(3, ':');
    let (columns, number) = (parts.next()?, parts.next()?);
    let place = number.parse().ok().zip(parse_columns(columns));
    let place = place.and_then(|(number, columns): (usize, _)| {
        let text = input.lines().nth(number.checked_sub(1)?)?.to_owned();
        let line = number.checked_sub(added).filter(|line| *line > 0)?;
        Some(Place { line, text, columns })
    });
    Some(Complaint { message: message.trim().to_owned(), place })
}

fn parse_columns(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &str =
        "delete table ip flowgauge\ntable ip flowgauge {\n\tchain c {\n\t\tiifname \"a\" bogus counter\n\t}\n}\n";
    const STDERR: &str = "\
/dev/stdin:4:21-27: Error: syntax error, unexpected counter
		iifname \"a\" bogus counter
		                  ^^^^^^^
";

    #[test]
    fn a_complaint_stands_beside_its_line_with_its_number_in_the_ruleset() {
        let refusal = Refusal::read("the ruleset", STDERR, INPUT, 1);
        let text = refusal.to_string();
        let expected = "nft refused the ruleset: line 3: syntax error, unexpected counter\n    3 | \t\tiifname \"a\" bogus counter\n      | \t\t                  ^^^^^^^";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_refused_flowtable_says_what_the_kernel_lacks() {
        let input = "table ip t {\n\tflowtable fast {\n";
        let stderr = "/dev/stdin:2:12-15: Error: Could not process rule: No such file or directory\n";
        let text = Refusal::read("the ruleset", stderr, input, 0).to_string();
        assert!(text.contains("CONFIG_NF_FLOW_TABLE") && text.contains("    2 | \tflowtable fast {"), "{text}");
    }

    #[test]
    fn what_is_no_complaint_is_shown_as_it_came() {
        for (stderr, message) in [
            ("", "nft failed and said nothing"),
            ("nft: cannot fork\n", "nft: cannot fork"),
            ("internal:0:0-0: Error: Could not process rule: Operation not supported\n", "Could not process rule"),
            ("/dev/stdin:99:1-2: Error: beyond the end\n", "beyond the end"),
            ("/dev/stdin:1:1-2: Error: not in the ruleset\n", "not in the ruleset"),
            ("x:y:z: Error: strange\n", "strange"),
        ] {
            let refusal = Refusal::read("it", stderr, INPUT, 1);
            assert_eq!(refusal.complaints[0].place, None, "{stderr}");
            assert!(refusal.to_string().contains(message), "{refusal}");
        }
    }

    #[test]
    fn many_complaints_are_cut() {
        let stderr = "/dev/stdin:3:2-6: Error: no\n".repeat(7);
        let text = Refusal::read("it", &stderr, INPUT, 1).to_string();
        assert_eq!(text.matches("Error").count() + text.matches(": no").count(), SHOWN);
        assert!(text.ends_with("(and 2 more)"), "{text}");
    }
}
