//! The suite, tested on a real kernel: a mutant of each kind is killed by the case that is about what it breaks, and one that
//! breaks nothing survives and is reported. One guest for all of it.

use std::fs;

use flowgauge_reports::conform::{ConformResult, MutantResult};
use flowgauge_scenarios::conform::{Mutation, Outcome};
use flowgauge_tests::{Scratch, flowgauge, run};

const CASES: &str = include_str!("conform/mutants.toml");

/// Mutants, who must notice each, and what that one must see.
const KILLED: [(&str, &str, &str); 5] = [
    ("egress-ttl", "forwards/ipv4-udp-plain-up", "ttl"),
    ("missing-port", "forwards/ipv4-udp-plain-up", "classic path"),
    ("no-counter", "counts/ipv4-udp-plain-up", "0 packets"),
    ("deaf", "follows/ipv4-udp-plain-down", "2"),
    ("fault-forget-ttl", "forwards/ipv4-udp-plain-up", "ttl"),
];

#[test]
fn a_mutant_of_each_kind_is_killed_and_one_that_breaks_nothing_survives() {
    let scratch = Scratch::new();
    let file = scratch.path().join("cases.toml");
    fs::write(&file, CASES).unwrap();
    let mut command = flowgauge(&["conform", "--kernel", "debian:6.12", "--mutant", "nothing", "--case-file"]);
    command.arg(&file).arg("--out").arg(scratch.path().join("out"));
    for (name, ..) in KILLED {
        command.args(["--mutant", name]);
    }
    let ran = run(command).expect_code(1);
    let text = fs::read_to_string(scratch.path().join("out/LAST/conform.json")).unwrap();
    let mut result: ConformResult = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}"));
    for sound in result.results.iter().filter(|one| one.mutation.is_none()) {
        assert_eq!(sound.outcome, Outcome::Pass, "{sound:#?}");
    }
    let of = |mutants: &[MutantResult], name: &str| {
        let found = mutants.iter().find(|mutant| mutant.mutation.name() == name);
        found.cloned().unwrap_or_else(|| panic!("no {name}"))
    };
    for (name, by, sees) in KILLED {
        let mutant = of(&result.mutants, name);
        assert!(mutant.killed_by.iter().any(|id| id == by), "{mutant:#?}");
        assert!(mutant.sign.to_lowercase().contains(sees), "{mutant:#?}");
    }
    let nothing = of(&result.mutants, "nothing");
    assert!(nothing.survived() && nothing.instances == 3 && nothing.elsewhere.is_empty(), "{nothing:#?}");
    assert!(ran.out.contains("SURVIVED") && ran.out.contains("1 mutant survived"), "{}", ran.out);
    assert!(!result.is_good());
    // It is all that was wrong.
    result.mutants.retain(|mutant| mutant.mutation != Mutation::Nothing);
    assert!(result.is_good(), "{}", ran.out);
}
