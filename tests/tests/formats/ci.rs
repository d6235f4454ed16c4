//! The worked examples of docs/ci: held to the published schemas of what reads them, and every option that they give to flowgauge
//! is one that it has.

use std::path::{Path, PathBuf};
use std::process::Command;

use flowgauge_tests::{flowgauge, run};

use crate::readers::{read, succeed, tool};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ci").join(name)
}

#[test]
fn pipelines_fit_the_schemas_of_github_and_gitlab() {
    for (schema, name) in [("vendor.github-workflows", "github-actions.yml"), ("vendor.gitlab-ci", "gitlab-ci.yml")] {
        let mut check = Command::new(tool("check-jsonschema"));
        if name.starts_with("gitlab") {
            // GitLab's own tags (!reference) are part of its YAML.
            check.arg("--data-transform=gitlab-ci");
        }
        succeed(check.args(["--builtin-schema", schema]).arg(example(name)), "see the schema's words above");
    }
}

#[test]
fn manifests_fit_kubernetes_own_schema_and_shards_are_as_many_as_pods() {
    let found = read("kubernetes", &example("kubernetes-job.yaml"));
    let jobs: Vec<_> = found.as_array().unwrap().iter().filter(|document| document["kind"] == "Job").collect();
    assert_eq!(jobs.len(), 2);
    let environment = &jobs[0]["spec"]["template"]["spec"]["containers"][0]["env"][0];
    assert_eq!(environment["name"], "FLOWGAUGE_SHARDS");
    assert_eq!(environment["value"], jobs[0]["spec"]["completions"].to_string());
}

#[test]
fn the_slurm_script_is_sound_shell() {
    succeed(Command::new("bash").arg("-n").arg(example("slurm-array.sh")), "see bash's words above");
}

/// The calls of flowgauge in a text: the command and the long options behind it, up to where the shell ends a command.
fn calls(text: &str) -> Vec<(String, Vec<String>)> {
    let bare: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join(" ");
    bare.split("flowgauge ")
        .skip(1)
        .filter_map(|rest| {
            let words: Vec<&str> = rest
                .split_whitespace()
                .take_while(|word| !["|", "||", "&&", "-", "flowgauge", "script:", "artifacts:"].contains(word))
                .collect();
            let command = words.first().filter(|word| ["bench", "compare", "merge", "report"].contains(word))?;
            let option = |word: &&str| {
                word.strip_prefix("--").map(|name| format!("--{}", name.split('=').next().unwrap_or(name)))
            };
            Some(((*command).to_owned(), words.iter().filter_map(option).collect()))
        })
        .collect()
}

#[test]
fn every_option_of_the_examples_exists() {
    let mut seen = 0;
    for name in ["github-actions.yml", "gitlab-ci.yml", "slurm-array.sh", "kubernetes-job.yaml"] {
        let text = std::fs::read_to_string(example(name)).unwrap();
        for (command, options) in calls(&text) {
            let help = run(flowgauge(&[command.as_str(), "--help"])).expect_code(0).out;
            for option in options {
                assert!(help.contains(&option), "{name}: flowgauge {command} has no {option}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen} options found");
}
