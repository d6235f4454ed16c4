//! Markdown: which cases notice which mutant, for a page of documentation.

use std::fmt::Write;

use flowgauge_scenarios::conform::{Group, Mutation};

use super::cell::plural;
use super::mutants::{by_group, never_failed, proven};
use super::{ConformResult, MutantResult};
use crate::format::name::line;
use crate::html::quoted;
use crate::wording;

/// Instances that are named of each mutant.
const NAMED: usize = 3;

/// What stands ahead of the figures.
const ABOUT: &str = "\
# Mutants: which cases notice what is broken on purpose

A mutant is a datapath broken on purpose: a fault of the reference NIC, or a ruleset and ports that spoil what the software
forwards. Each is run on one instance of every case that could notice. An instance kills it if it is good without (it passes, or
fails as is known, every time) and with it differs in a way that the mutant explains: a wrong TTL kills `egress-ttl`, a frame lost
under load does not. Numbers under the groups are instances; the clearest is the one with the fewest other differences.
";

/// The mutants of a run with who noticed them, and the cases with what they noticed: a page, a newline at its end.
pub fn render(result: &ConformResult) -> String {
    let mut text = format!("{ABOUT}\n{}", head(result));
    let groups: Vec<Group> = Group::ALL
        .into_iter()
        .filter(|group| result.start.plan.cases.iter().any(|case| case.group == *group))
        .collect();
    text += "\n## Mutants\n\n";
    let names: Vec<&str> = groups.iter().map(|group| group.name()).collect();
    let _ = writeln!(text, "| mutant | what is broken | killed by | {} | clearest |", names.join(" | "));
    let _ = writeln!(text, "|---|---|--:|{}---|", "--:|".repeat(groups.len()));
    for mutant in &result.mutants {
        row(&mut text, result, &groups, mutant);
    }
    let elsewhere: usize = result.mutants.iter().map(|mutant| mutant.elsewhere.len()).sum();
    let _ = writeln!(
        text,
        "\n{} changed in a way that the mutant does not explain, and {} for nothing.",
        plural(elsewhere, "instance", "instances"),
        if elsewhere == 1 { "counts" } else { "count" }
    );
    cases(&mut text, result, &groups);
    text
}

fn head(result: &ConformResult) -> String {
    let kernel = match &result.environment {
        Some(e) => format!("Kernel {} ({}), {} CPUs", e.kernel_release, wording::accelerator(e.accelerator), e.cpus),
        None => "Kernel unknown".to_owned(),
    };
    let seconds = |mutants: bool| {
        let of = result.runs.iter().filter(|run| run.mutation.is_some() == mutants);
        let (count, ns) = of.fold((0, 0), |(count, ns), run| (count + 1, ns + run.duration_ns));
        (count, ns / 1_000_000_000)
    };
    let ((sound, sound_s), (broken, broken_s)) = (seconds(false), seconds(true));
    let survived: Vec<String> =
        result.mutants.iter().filter(|mutant| mutant.survived()).map(|mutant| mutant.mutation.name()).collect();
    let killed = result.mutants.iter().filter(|mutant| !mutant.killed_by.is_empty()).count();
    let mut text =
        format!("{}. {} of {} killed", line(&kernel), killed, plural(result.mutants.len(), "mutant", "mutants"));
    if !survived.is_empty() {
        let _ = write!(text, "; survived: {}", survived.join(", "));
    }
    let _ = writeln!(
        text,
        ". {} cases; {sound} runs without a mutant ({sound_s} s), {broken} with one ({broken_s} s).",
        result.start.plan.cases.len()
    );
    // Where the program was is nobody's business.
    let words = result.start.command.iter().skip(1).map(|word| quoted(word));
    let command: Vec<String> = std::iter::once("flowgauge".to_owned()).chain(words).collect();
    let _ = writeln!(text, "Made by `{}`.", line(&command.join(" ")));
    text
}

fn row(text: &mut String, result: &ConformResult, groups: &[Group], mutant: &MutantResult) {
    let by_group = by_group(&result.start.plan, mutant);
    let counts: Vec<String> = groups
        .iter()
        .map(|group| by_group.iter().find(|(of, _)| of == group).map_or_else(String::new, |(_, n)| n.to_string()))
        .collect();
    let killed = match &mutant.refused {
        Some(_) => "not made".to_owned(),
        None if mutant.survived() => "**survived**".to_owned(),
        None => format!("{} of {}", mutant.killed_by.len(), mutant.instances),
    };
    let clearest = match &mutant.refused {
        Some(refused) => cell(refused),
        None => {
            let named: Vec<String> = mutant.killed_by.iter().take(NAMED).map(|id| cell(id)).collect();
            let sign = if mutant.sign.is_empty() { String::new() } else { format!(": {}", cell(&mutant.sign)) };
            named.split_first().map_or_else(String::new, |(first, rest)| {
                format!("{first}{sign}{}", rest.iter().map(|id| format!("; {id}")).collect::<String>())
            })
        }
    };
    let (name, about) = (mutant.mutation.name(), cell(mutant.mutation.about()));
    let _ = writeln!(text, "| {name} | {about} | {killed} | {} | {clearest} |", counts.join(" | "));
}

fn cases(text: &mut String, result: &ConformResult, groups: &[Group]) {
    *text += "\n## Cases\n\n";
    if let Some(never) = never_failed(result) {
        let _ = writeln!(text, "{never}\n");
    }
    let proven = proven(result);
    for group in groups {
        let _ = writeln!(text, "### {}\n\n| case | mutants that it notices |\n|---|---|", group.name());
        for one in proven.iter().filter(|one| one.group == *group) {
            let mut words: Vec<String> = one.mutants.iter().copied().map(Mutation::name).collect();
            if one.fails {
                words.push("*fails without a mutant, too, on some kernel*".to_owned());
            }
            let words = if words.is_empty() { "none".to_owned() } else { words.join(", ") };
            let _ = writeln!(text, "| {} | {words} |", cell(one.case));
        }
        text.push('\n');
    }
    while text.ends_with("\n\n") {
        text.pop();
    }
}

/// Text within a table: one line, and nothing that ends a cell or begins markup.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in line(text).chars() {
        if "|*_<>`[]\\".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::sample;

    #[test]
    fn a_page_says_of_each_mutant_and_of_each_case_what_became_of_it() {
        let page = render(&sample::result());
        assert!(page.starts_with("# Mutants"), "{page}");
        assert!(page.contains("1 of 2 mutants killed; survived: egress-dscp."), "{page}");
        let row = |name: &str| page.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap().to_owned();
        assert!(row("egress-ttl").contains("ttl-decrements/") && row("egress-ttl").contains("ipv4.ttl is 62, not 63"));
        assert!(row("egress-dscp").contains("**survived**"));
        assert!(row("ttl-decrements").contains("egress-ttl"));
        assert!(row("foreign-mac").contains("fails without a mutant"));
    }

    #[test]
    fn names_and_reasons_stay_within_their_cells() {
        let mut result = sample::result();
        result.mutants[0].killed_by = vec!["a|b\n| c <script>".to_owned()];
        result.mutants[1].refused = Some("no | such\nthing".to_owned());
        let page = render(&result);
        let columns = |name: &str| {
            let row = page.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap();
            row.replace("\\|", "").matches('|').count()
        };
        assert_eq!(columns("egress-ttl"), columns("mutant"));
        assert_eq!(columns("egress-dscp"), columns("mutant"));
        assert!(!page.contains("<script>") && page.contains("not made"), "{page}");
    }
}
