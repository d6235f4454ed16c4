//! A report as text: one screen.

use std::fmt::Write;

use super::report::{Bench, Check, Report, State};

const COLUMNS: usize = 100;
const INDENT: usize = 8;
/// So many lines of a section are shown; what is good or missing goes before what is neither.
const GROUPS_SHOWN: usize = 8;

impl Report {
    /// The report as text. What stands alike in a section shares a line.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for section in &self.sections {
            let _ = writeln!(out, "{}", section.name);
            let mut all = groups(&section.checks);
            let hidden = all.len().saturating_sub(GROUPS_SHOWN);
            if hidden > 0 {
                all.sort_by_key(|group| group[0].state == State::Info);
                all.truncate(GROUPS_SHOWN);
            }
            for group in all {
                let first = group[0];
                let mark = match first.state {
                    State::Ok => "ok",
                    State::Gap { .. } => "gap",
                    State::Info => "-",
                };
                let names: Vec<&str> = group.iter().map(|check| check.name.as_str()).collect();
                paragraph(&mut out, &format!("  {mark:<6}"), &format!("{}: {}", names.join(", "), first.detail));
                if let State::Gap { remedy } = &first.state {
                    paragraph(&mut out, &format!("{:INDENT$}", ""), &format!("=> {remedy}"));
                }
            }
            if hidden > 0 {
                let _ = writeln!(out, "  -     and {hidden} more; --json has all");
            }
        }
        let bench = match &self.bench {
            Bench::Host => "bench uses the running kernel: it can do all that is measured".to_owned(),
            Bench::Vm { kernel, why } => format!("bench uses a VM with {kernel}: {why}"),
            Bench::Nothing { why } => format!("bench cannot run: {why}"),
        };
        paragraph(&mut out, "", &bench);
        out
    }
}

/// Checks that differ in their names only, in the order in which each kind first appears.
fn groups(checks: &[Check]) -> Vec<Vec<&Check>> {
    let mut groups: Vec<Vec<&Check>> = Vec::new();
    for check in checks {
        let alike = |group: &&mut Vec<&Check>| (&group[0].state, &group[0].detail) == (&check.state, &check.detail);
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(check),
            None => groups.push(vec![check]),
        }
    }
    groups
}

/// Wraps `text` behind `prefix`; further lines are indented as far.
pub(super) fn paragraph(out: &mut String, prefix: &str, text: &str) {
    let mut line = prefix.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            let _ = writeln!(out, "{line}");
            line = " ".repeat(prefix.len());
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::super::report::Section;
    use super::*;

    fn report(checks: Vec<Check>) -> Report {
        let why = "no nft".to_owned();
        Report { sections: vec![Section { name: "Kernel", checks }], bench: Bench::Nothing { why } }
    }

    #[test]
    fn what_stands_alike_shares_a_line_and_a_gap_says_how_to_close_it() {
        let text = report(vec![
            Check::ok("VETH", "built in"),
            Check::gap("NF_FLOW_TABLE", "absent", "boot another"),
            Check::ok("NFT_CT", "built in"),
            Check::gap("NETDEVSIM", "absent", "boot another"),
            Check::info("release", "6.12"),
        ])
        .render();
        let expected = "\
Kernel
  ok    VETH, NFT_CT: built in
  gap   NF_FLOW_TABLE, NETDEVSIM: absent
        => boot another
  -     release: 6.12
bench cannot run: no nft
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_long_section_is_cut_behind_its_gaps() {
        let mut checks: Vec<Check> = (0..20).map(|n| Check::info(format!("p{n}"), format!("port {n}"))).collect();
        checks.push(Check::gap("p20", "off", "switch it on"));
        let text = report(checks).render();
        assert!(text.starts_with("Kernel\n  gap   p20: off\n"), "{text}");
        assert!(text.contains("and 13 more; --json has all\n"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        let words = "word ".repeat(100);
        let text = report(vec![Check::gap("a", words.clone(), words)]).render();
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        assert_eq!(text.matches("word").count(), 200);
        // A word beyond the width stands alone and is not cut.
        let long = "x".repeat(150);
        assert!(report(vec![Check::info("a", long.clone())]).render().contains(&long));
    }
}
