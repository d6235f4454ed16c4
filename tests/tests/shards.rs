//! A plan run in shards on the host's kernel, joined, and equal to the whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use flowgauge_reports::RunResult;
use flowgauge_reports::result::Ending;
use flowgauge_scenarios::{Datapath, Plan};
use flowgauge_tests::{Machine, Outcome, Scratch, flowgauge, machine, run};

/// Two scenarios of two datapaths in three blocks: twelve trials.
const PLAN: [&str; 13] = [
    "bench",
    "udp-ipv4",
    "udp-ipv6",
    "--kernel",
    "host",
    "--datapath",
    "forward,conntrack",
    "--trial",
    "50ms",
    "--warmup",
    "0s",
    "--blocks",
    "3",
];

fn bench(out: &Path, more: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let mut command = flowgauge(&PLAN);
    command.args(["--quiet", "--out"]).arg(out).args(more);
    // Tests may themselves be run by an array.
    for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "CI_NODE_INDEX"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied());
    run(command)
}

fn merge(arguments: &[&str], shards: &Path, out: &Path) -> Outcome {
    let mut command = flowgauge(&["merge"]);
    command.arg(shards).arg("--out").arg(out).args(arguments);
    run(command)
}

fn runs(out: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir() && !path.is_symlink());
    folders.sort();
    folders
}

fn load(path: &Path) -> RunResult {
    RunResult::load(path).unwrap_or_else(|e| panic!("{e}"))
}

fn rows(result: &RunResult) -> Vec<(String, Datapath, usize, usize)> {
    result.judgement.rows.iter().map(|row| (row.name.clone(), row.datapath, row.trials, row.planned)).collect()
}

#[test]
fn four_shards_joined_are_the_whole() {
    let _alone = machine::alone();
    let before = Machine::look();
    let scratch = Scratch::new();
    let (whole, shards, joined) =
        (scratch.path().join("whole"), scratch.path().join("shards"), scratch.path().join("joined"));
    bench(&whole, &["--seed", "7"], &[]).expect_code(0);
    let whole = load(&runs(&whole)[0]);

    // As a user has it, as Slurm, Kubernetes and GitLab have it: one array each, one shard of each.
    bench(&shards, &["--seed", "7", "--shard", "1/4"], &[]).expect_code(0);
    let slurm: Vec<(String, &str)> = [("ID", "20"), ("MIN", "10"), ("MAX", "40"), ("STEP", "10"), ("COUNT", "4")]
        .map(|(name, value)| (format!("SLURM_ARRAY_TASK_{name}"), value))
        .to_vec();
    let slurm: Vec<(&str, &str)> = slurm.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    bench(&shards, &["--seed", "7", "--shard", "auto"], &slurm).expect_code(0);
    let kubernetes = [("JOB_COMPLETION_INDEX", "2"), ("FLOWGAUGE_SHARDS", "4")];
    bench(&shards, &["--seed", "7", "--shard", "auto"], &kubernetes).expect_code(0);

    merge(&[], &shards, &joined).expect_code(2).expect_error("shard 4 of 4 is missing");
    let partly = merge(&["--allow", "missing"], &shards, &scratch.path().join("partly")).expect_code(1);
    assert!(partly.out.contains("CUT OFF"), "{}", partly.out);
    bench(&shards, &["--seed", "7", "--shard", "auto"], &[("CI_NODE_INDEX", "4"), ("CI_NODE_TOTAL", "4")])
        .expect_code(0);

    // `LAST` points at a run that is named by its own name too.
    let said = merge(&[shards.join("LAST").to_str().unwrap()], &shards, &joined).expect_code(0).out;
    assert!(said.contains("udp-ipv6") && said.contains("joined from 4 of 4 shards"), "{said}");
    let result = load(&joined);
    assert_eq!((&result.plan, &result.ending), (&whole.plan, &Ending::Complete));
    assert_eq!(rows(&result), rows(&whole));
    assert!(result.judgement.rows.iter().all(|row| row.trials == 3
        && row.throughput.is_some()
        && row.gain.is_some() != (row.datapath == Datapath::Conntrack)));
    let steps: Vec<usize> = result.trials.iter().map(|trial| trial.step).collect();
    assert_eq!(steps, (0..whole.plan.steps.len()).collect::<Vec<_>>(), "every step once");
    assert!(fs::read_to_string(joined.join("report.html")).unwrap().contains("udp-ipv6"));
    run(flowgauge(&["report", joined.to_str().unwrap()])).expect_code(0);

    // A part says what it is, and judges only what it ran.
    let parts: Vec<RunResult> = runs(&shards).iter().map(|path| load(path)).collect();
    let of_parts: Vec<usize> = parts.iter().map(|part| part.trials.len()).collect();
    assert_eq!(of_parts.iter().sum::<usize>(), steps.len());
    for part in &parts {
        let cells: BTreeSet<usize> = part.plan.own_steps().iter().map(|(_, step)| step.cell).collect();
        assert_eq!(part.judgement.rows.iter().map(|row| row.cell).collect::<BTreeSet<_>>(), cells);
        assert_eq!(Plan { shard: None, ..part.plan.clone() }, whole.plan);
        assert!(part.run.contains("of4"), "{}", part.run);
    }
    // Not into a folder that holds a result, and not one shard twice.
    merge(&[], &shards, &joined).expect_code(2).expect_error("is there already");
    bench(&shards, &["--seed", "7", "--shard", "2/4"], &[]).expect_code(0);
    merge(&[], &shards, &scratch.path().join("twice")).expect_code(2).expect_error("shard 2/4 is there twice");
    before.expect_unchanged();
}

#[test]
fn what_is_no_part_of_one_plan_is_refused() {
    let _alone = machine::alone();
    let scratch = Scratch::new();
    let out = scratch.path().join("shards");
    bench(&out, &["--shard", "1/2"], &[]).expect_code(2).expect_error("--seed");
    bench(&out, &["--seed", "1", "--shard", "3/2"], &[]).expect_code(2).expect_error("shard 3 of 2");
    bench(&out, &["--seed", "1", "--shard", "1/9"], &[]).expect_code(2).expect_error("too few for 9 shards");
    bench(&out, &["--seed", "1", "--shard", "auto"], &[]).expect_code(2).expect_error("finds no job array");
    assert!(!out.exists(), "nothing is begun for wrong input");

    bench(&out, &["--seed", "1", "--shard", "1/2"], &[]).expect_code(0);
    bench(&out, &["--seed", "2", "--shard", "2/2"], &[]).expect_code(0);
    let joined = scratch.path().join("joined");
    merge(&[], &out, &joined).expect_code(2).expect_error("not of one plan: seed 2, not 1");
    merge(&[], &scratch.path().join("nowhere"), &joined).expect_code(2).expect_error("nowhere");
    let whole = scratch.path().join("whole");
    bench(&whole, &[], &[]).expect_code(0);
    merge(&[], &whole, &joined).expect_code(2).expect_error("is a whole run");
    assert!(!joined.exists());
}
