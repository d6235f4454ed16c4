//! Results on disk: `result.json`, or the `events.jsonl` that it is made from.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::contradiction::{check, check_profiles};
use crate::environment::Environment;
use crate::event::{Event, READ_VERSIONS, SCHEMA_VERSION, Warning};
use crate::judge::judge;
use crate::result::{Ending, RunResult};
use crate::trial::{Calibration, CellProfile, TimeToOffload, Trial};
use crate::wording::printable;

/// Why a result cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}; give a run's folder, its result.json or its events.jsonl", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder is that of a run over several kernels, each of which has a result.
    #[error("{} holds the results of several kernels: give one of {}", path.display(), kernels.join(", "))]
    SeveralKernels {
        /// The run's folder.
        path: PathBuf,
        /// The folders of the kernels.
        kernels: Vec<String>,
    },
    /// The file is not a result.
    #[error("{} is not a result of flowgauge: {message}; it is damaged, or another program's", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's text, with the line.
        message: String,
    },
    /// Another version wrote it.
    #[error(
        "the result has schema version {found}, this flowgauge reads versions up to {SCHEMA_VERSION}: \
         take the flowgauge that wrote it, or run it again"
    )]
    WrongVersion {
        /// What it says.
        found: u64,
    },
    /// The file is one of ours, but its content is refused.
    #[error("{}: {source}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<ResultError>,
    },
    /// No run began.
    #[error("the events do not begin with `started`: the beginning is missing, or the run ended before it began")]
    NoStart,
    /// Events or samples do not fit the plan.
    #[error("the result contradicts itself: it holds {what}; it is damaged")]
    Inconsistent {
        /// What was found.
        what: String,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// `result.json` without its judgement, which is never read: it is recomputed.
#[derive(Deserialize)]
struct Stored {
    run: String,
    unix_s: f64,
    command: Vec<String>,
    ending: Ending,
    environment: Option<Environment>,
    plan: flowgauge_scenarios::Plan,
    calibrations: Vec<Calibration>,
    trials: Vec<Trial>,
    #[serde(default)]
    onsets: Vec<TimeToOffload>,
    #[serde(default)]
    profiles: Vec<CellProfile>,
    #[serde(default)]
    complaints: Vec<String>,
    warnings: Vec<Warning>,
}

/// The folders in `run` that hold a result, in the order of their names.
fn kernels_of(run: &Path) -> Vec<String> {
    let folders = fs::read_dir(run).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let held = folders.filter(|folder| ["result.json", "events.jsonl"].iter().any(|name| folder.join(name).is_file()));
    let mut names: Vec<String> = held.map(|folder| printable(&folder.display().to_string())).collect();
    names.sort();
    names
}

impl RunResult {
    /// Reads a run's folder, its `result.json` or its `events.jsonl`, and judges the samples anew.
    ///
    /// # Errors
    /// One sentence on what is wrong with the file. Events that break off within the last line are no error: the
    /// line is left out, and the ending is [`Ending::Truncated`].
    pub fn load(path: impl AsRef<Path>) -> Result<RunResult, ResultError> {
        let mut path = path.as_ref().to_owned();
        if path.is_dir() {
            let result = path.join("result.json");
            let events = path.join("events.jsonl");
            if !result.exists() && !events.exists() {
                let kernels = kernels_of(&path);
                if !kernels.is_empty() {
                    return Err(ResultError::SeveralKernels { path, kernels });
                }
            }
            path = if result.exists() { result } else { events };
        }
        let bytes = fs::read(&path).map_err(|source| ResultError::Unreadable { path: path.clone(), source })?;
        RunResult::read(&path, &bytes).map_err(|error| match error {
            named @ ResultError::Malformed { .. } => named,
            source => ResultError::Refused { path, source: Box::new(source) },
        })
    }

    fn read(path: &Path, bytes: &[u8]) -> Result<RunResult, ResultError> {
        // The parser quotes the file.
        let malformed =
            |message: String| ResultError::Malformed { path: path.to_owned(), message: printable(&message) };
        if path.extension().is_some_and(|e| e == "jsonl") {
            return RunResult::from_events(events(bytes, &malformed)?);
        }
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
        match value.get("schema_version").and_then(serde_json::Value::as_u64) {
            None => return Err(malformed("it has no schema_version".to_owned())),
            Some(found) if !readable(found) => return Err(ResultError::WrongVersion { found }),
            Some(_) => {}
        }
        // From the text again and not from the value, for errors that give the line.
        let s: Stored = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
        check(&s.plan, &s.trials, &s.calibrations, &s.onsets)?;
        check_profiles(&s.plan, &s.profiles)?;
        let judgement = judge(&s.plan, &s.trials, &s.calibrations, &s.onsets, s.environment.as_ref());
        let judgement = judgement.heard(&s.complaints);
        Ok(RunResult {
            schema_version: SCHEMA_VERSION,
            run: s.run,
            unix_s: s.unix_s,
            command: s.command,
            ending: s.ending,
            environment: s.environment,
            plan: s.plan,
            calibrations: s.calibrations,
            trials: s.trials,
            onsets: s.onsets,
            profiles: s.profiles,
            complaints: s.complaints,
            warnings: s.warnings,
            judgement,
        })
    }

    /// Writes the result as JSON. The file is there whole or not at all.
    ///
    /// # Errors
    /// When the system refuses; an older file of that name is then left as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ResultError> {
        let path = path.as_ref();
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let write = || -> io::Result<()> {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let mut file = File::create(&part)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&part, path)
        };
        write().map_err(|source| {
            // What is left of it is of no use to anyone; the first error is the one to tell.
            let _ = fs::remove_file(&part);
            ResultError::Unwritable { path: path.to_owned(), source }
        })
    }
}

/// The events of a `events.jsonl`; a last line that breaks off is left out.
pub(crate) fn events(bytes: &[u8], malformed: &impl Fn(String) -> ResultError) -> Result<Vec<Event>, ResultError> {
    let whole = bytes.ends_with(b"\n");
    let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()).collect();
    let mut events = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_slice(line) {
            Ok(event) => events.push(event),
            Err(_) if index > 0 && index + 1 == lines.len() && !whole => break,
            Err(e) => {
                version(line)?;
                return Err(malformed(format!("line {}: {e}", index + 1)));
            }
        }
    }
    Ok(events)
}

fn readable(version: u64) -> bool {
    u32::try_from(version).is_ok_and(|version| READ_VERSIONS.contains(&version))
}

/// A first line of another version is called that, and not damaged.
fn version(line: &[u8]) -> Result<(), ResultError> {
    let value: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    match value.as_ref().and_then(|v| v.get("schema_version")).and_then(serde_json::Value::as_u64) {
        Some(found) if !readable(found) => Err(ResultError::WrongVersion { found }),
        _ => Ok(()),
    }
}
