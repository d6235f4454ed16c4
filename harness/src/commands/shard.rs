//! `--shard`: which part of a plan is run here, as given or as the environment of a job array has it.

use std::str::FromStr;

use flowgauge_scenarios::{Plan, Shard, ShardError};

/// What `--shard` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShardChoice {
    /// `3/8`.
    Given(Shard),
    /// `auto`: by the environment.
    Auto,
}

/// Why the environment names no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ShardChoiceError {
    /// There is no array.
    #[error(
        "--shard auto finds no job array here: none of SLURM_ARRAY_TASK_ID (Slurm), JOB_COMPLETION_INDEX (Kubernetes), \
         CI_NODE_INDEX (GitLab) is set; give --shard 3/8"
    )]
    NoArray,
    /// There is more than one.
    #[error("--shard auto finds two job arrays here: {one} and {other} are both set; give --shard 3/8")]
    TwoArrays {
        /// A variable.
        one: &'static str,
        /// Another.
        other: &'static str,
    },
    /// A variable that is needed is missing.
    #[error("--shard auto finds {found}, but {missing} is not set: {remedy}")]
    Missing {
        /// What is set.
        found: &'static str,
        /// What is not.
        missing: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A variable is no number.
    #[error("--shard auto: {name} is `{value}`, and a whole number is needed; give --shard 3/8")]
    NoNumber {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The indexes of the array are not evenly spaced, so that the place of this one is not known.
    #[error(
        "--shard auto: the Slurm array has {count} tasks between {min} and {max} in steps of {step}, so the place of task \
         {id} is not known: submit it as --array=1-{count}, or give --shard 3/8"
    )]
    Uneven {
        /// This task.
        id: u32,
        /// The least index.
        min: u32,
        /// The greatest.
        max: u32,
        /// The step.
        step: u32,
        /// How many.
        count: u32,
    },
    /// There is no such shard, or too few parts for so many.
    #[error("--shard: {0}")]
    Shard(#[from] ShardError),
    /// Every shard would draw an order of its own.
    #[error(
        "--shard needs --seed: without it each shard draws another order, and they are no parts of one plan; give all \
         shards the same, as in --seed 1"
    )]
    NoSeed,
}

impl FromStr for ShardChoice {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        if text == "auto" { Ok(ShardChoice::Auto) } else { text.parse().map(ShardChoice::Given) }
    }
}

impl ShardChoice {
    /// The part of `plan` that is run here. `seed` is what the user gave.
    pub(super) fn cut(self, plan: &Plan, seed: Option<u64>) -> Result<Plan, ShardChoiceError> {
        if seed.is_none() {
            return Err(ShardChoiceError::NoSeed);
        }
        let shard = match self {
            ShardChoice::Given(shard) => shard,
            ShardChoice::Auto => found(&|name| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned()))?,
        };
        Ok(plan.shard(shard.index, shard.of)?)
    }
}

/// Looks a variable up.
type Lookup<'a> = &'a dyn Fn(&'static str) -> Option<String>;

/// Reads the variables of one kind of array.
type Reader = fn(Lookup<'_>) -> Result<Shard, ShardChoiceError>;

/// The shard that the environment names.
fn found(get: Lookup<'_>) -> Result<Shard, ShardChoiceError> {
    let arrays: [(&'static str, Reader); 3] =
        [("SLURM_ARRAY_TASK_ID", slurm), ("JOB_COMPLETION_INDEX", kubernetes), ("CI_NODE_INDEX", gitlab)];
    let set: Vec<_> = arrays.into_iter().filter(|(name, _)| get(name).is_some()).collect();
    match set.as_slice() {
        [] => Err(ShardChoiceError::NoArray),
        [(_, shard)] => shard(get),
        [(one, _), (other, _), ..] => Err(ShardChoiceError::TwoArrays { one, other }),
    }
}

/// A job array (sbatch --array): indexes from MIN to MAX, STEP apart, COUNT of them.
/// <https://slurm.schedmd.com/job_array.html>
fn slurm(get: Lookup<'_>) -> Result<Shard, ShardChoiceError> {
    const FOUND: &str = "SLURM_ARRAY_TASK_ID";
    let needed = |name| needed(get, FOUND, name, "run it in a job array (sbatch --array=1-8), or give --shard 3/8");
    let [id, min, max, count] = [
        needed(FOUND)?,
        needed("SLURM_ARRAY_TASK_MIN")?,
        needed("SLURM_ARRAY_TASK_MAX")?,
        needed("SLURM_ARRAY_TASK_COUNT")?,
    ];
    let step = number(get, "SLURM_ARRAY_TASK_STEP")?.unwrap_or(1);
    let uneven = ShardChoiceError::Uneven { id, min, max, step, count };
    let place = |index: u32| {
        let beyond = index.checked_sub(min)?;
        beyond.checked_div(step)?.checked_add(1).filter(|_| beyond.is_multiple_of(step))
    };
    match (place(id), place(max)) {
        (Some(index), Some(last)) if last == count => Ok(Shard::new(index, count)?),
        _ => Err(uneven),
    }
}

/// An indexed job: the index is from 0; how many there are is not told, so the job's manifest must.
/// <https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/>
fn kubernetes(get: Lookup<'_>) -> Result<Shard, ShardChoiceError> {
    const FOUND: &str = "JOB_COMPLETION_INDEX";
    let index = needed(get, FOUND, FOUND, "")?;
    let of = needed(get, FOUND, "FLOWGAUGE_SHARDS", "set it in the job's manifest to the number of completions")?;
    Ok(Shard::new(index.saturating_add(1), of)?)
}

/// `parallel: 8` of a GitLab job: the index is from 1. <https://docs.gitlab.com/ci/variables/predefined_variables/>
fn gitlab(get: Lookup<'_>) -> Result<Shard, ShardChoiceError> {
    const FOUND: &str = "CI_NODE_INDEX";
    let needed = |name| needed(get, FOUND, name, "set `parallel:` in the job, or give --shard 3/8");
    Ok(Shard::new(needed(FOUND)?, needed("CI_NODE_TOTAL")?)?)
}

fn needed(
    get: Lookup<'_>,
    found: &'static str,
    name: &'static str,
    remedy: &'static str,
) -> Result<u32, ShardChoiceError> {
    number(get, name)?.ok_or(ShardChoiceError::Missing { found, missing: name, remedy })
}

fn number(get: Lookup<'_>, name: &'static str) -> Result<Option<u32>, ShardChoiceError> {
    let parsed =
        |value: String| value.trim().parse().map_err(|_| ShardChoiceError::NoNumber { name, value: harmless(&value) });
    get(name).map(parsed).transpose()
}

/// Text of an environment for a terminal.
fn harmless(text: &str) -> String {
    text.chars().take(40).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&'static str, &str)]) -> Result<String, String> {
        let get = |name: &'static str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_owned());
        found(&get).map(|shard| shard.to_string()).map_err(|e| e.to_string())
    }

    fn array(id: &str, min: &str, max: &str, step: &str, count: &str) -> Result<String, String> {
        let names = ["ID", "MIN", "MAX", "STEP", "COUNT"].map(|n| format!("SLURM_ARRAY_TASK_{n}"));
        let names: Vec<&'static str> = names.into_iter().map(|name| &*Box::leak(name.into_boxed_str())).collect();
        let values = [id, min, max, step, count];
        of(&names.into_iter().zip(values).collect::<Vec<_>>())
    }

    #[test]
    fn arrays_of_slurm_count_from_any_number_in_any_step() {
        assert_eq!(array("3", "1", "8", "1", "8").unwrap(), "3/8");
        assert_eq!(array("0", "0", "7", "1", "8").unwrap(), "1/8");
        assert_eq!(array("14", "2", "14", "4", "4").unwrap(), "4/4");
        assert_eq!(array("5", "5", "5", "1", "1").unwrap(), "1/1");
        // --array=1,3,7: the place of 3 cannot be known.
        assert!(array("3", "1", "7", "1", "3").unwrap_err().contains("--array=1-3"));
        assert!(array("3", "2", "14", "4", "4").unwrap_err().contains("place of task 3"));
        for (step, id) in [("0", "3"), ("1", "0"), ("1", "9")] {
            assert!(array(id, "1", "8", step, "8").is_err(), "{id} in steps of {step}");
        }
        assert!(array("x\u{1b}", "1", "8", "1", "8").unwrap_err().contains("`x\\u{1b}`"));
        assert!(of(&[("SLURM_ARRAY_TASK_ID", "3")]).unwrap_err().contains("SLURM_ARRAY_TASK_MIN"));
    }

    #[test]
    fn indexed_jobs_count_from_zero_and_need_the_number() {
        assert_eq!(of(&[("JOB_COMPLETION_INDEX", "0"), ("FLOWGAUGE_SHARDS", "4")]).unwrap(), "1/4");
        assert_eq!(of(&[("JOB_COMPLETION_INDEX", "3"), ("FLOWGAUGE_SHARDS", "4")]).unwrap(), "4/4");
        assert!(of(&[("JOB_COMPLETION_INDEX", "4"), ("FLOWGAUGE_SHARDS", "4")]).unwrap_err().contains("shard 5 of 4"));
        assert!(of(&[("JOB_COMPLETION_INDEX", "4294967295"), ("FLOWGAUGE_SHARDS", "4")]).is_err());
        assert!(of(&[("JOB_COMPLETION_INDEX", "3")]).unwrap_err().contains("FLOWGAUGE_SHARDS"));
    }

    #[test]
    fn parallel_jobs_of_gitlab_count_from_one() {
        assert_eq!(of(&[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "5")]).unwrap(), "2/5");
        assert!(of(&[("CI_NODE_INDEX", "2")]).unwrap_err().contains("CI_NODE_TOTAL"));
    }

    #[test]
    fn no_array_and_two_arrays_are_told() {
        assert!(of(&[]).unwrap_err().contains("finds no job array"));
        let two = of(&[("CI_NODE_INDEX", "1"), ("JOB_COMPLETION_INDEX", "0")]).unwrap_err();
        assert!(two.contains("JOB_COMPLETION_INDEX and CI_NODE_INDEX"), "{two}");
    }

    #[test]
    fn a_shard_needs_a_seed() {
        let scenario = flowgauge_scenarios::Scenario::load("udp-ipv4").unwrap();
        let plan = Plan::new(vec![scenario], 1);
        let choice: ShardChoice = "2/4".parse().unwrap();
        assert_eq!(choice.cut(&plan, None).unwrap_err(), ShardChoiceError::NoSeed);
        assert_eq!(choice.cut(&plan, Some(1)).unwrap().shard, Some(Shard { index: 2, of: 4 }));
        assert!(
            "2/999".parse::<ShardChoice>().unwrap().cut(&plan, Some(1)).unwrap_err().to_string().contains("too few")
        );
        assert_eq!("auto".parse(), Ok(ShardChoice::Auto));
        assert!("8".parse::<ShardChoice>().is_err());
    }
}
