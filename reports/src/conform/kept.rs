//! Conformance results on disk: `conform.json`, or the `events.jsonl` that it is made from.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConformResult;
use crate::ResultError;
use crate::event::READ_VERSIONS;
use crate::store::events;
use crate::wording::printable;

/// What a run's folder has, the best first.
const FILES: [&str; 2] = ["conform.json", "events.jsonl"];
/// How much of a file tells what it is.
const HEAD: u64 = 64;

/// Whether this is a conformance result, or the folder of one or of several kernels: by how its files begin.
pub fn is_kept(path: &Path) -> bool {
    !files(path).is_empty()
}

/// Reads a run's folder, its `conform.json` or its `events.jsonl`, and judges anew what was seen. A run over several kernels
/// gives a result for each, in the order of their folders' names.
///
/// # Errors
/// One sentence on what is wrong with the file. Events that break off are no error: the result is not `finished`.
pub fn load(path: &Path) -> Result<Vec<ConformResult>, ResultError> {
    let files = files(path);
    if files.is_empty() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "no result of `flowgauge conform` is there");
        return Err(ResultError::Unreadable { path: path.to_owned(), source });
    }
    files.iter().map(|file| read(file)).collect()
}

/// The files of results that a path stands for.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return if begins(path) { vec![path.to_owned()] } else { Vec::new() };
    }
    if let Some(file) = of_folder(path) {
        return vec![file];
    }
    let folders = fs::read_dir(path).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    // The folder of all runs is not one: a run's kernels are real folders and have its events each.
    let kernels = folders.filter(|folder| folder.is_dir() && !folder.is_symlink());
    let mut files: Vec<PathBuf> = kernels.filter_map(|folder| of_folder(&folder)).collect();
    files.sort();
    let runs: Vec<Option<String>> = files.iter().map(|file| run_of(file)).collect();
    if runs.windows(2).all(|pair| pair[0] == pair[1]) { files } else { Vec::new() }
}

fn of_folder(folder: &Path) -> Option<PathBuf> {
    FILES.iter().map(|name| folder.join(name)).find(|file| begins(file))
}

/// Whether a file begins as one of ours.
fn begins(file: &Path) -> bool {
    let mut head = String::new();
    let read = File::open(file).and_then(|file| file.take(HEAD).read_to_string(&mut head));
    let plain: String = head.split_whitespace().collect();
    read.is_ok() && (plain.starts_with("{\"event\":\"conform-started\"") || plain.starts_with("{\"start\":"))
}

/// The name of the run that a file is of.
fn run_of(file: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        run: String,
    }
    // The events are beside every result, and the first of them has the name.
    let mut line = String::new();
    BufReader::new(File::open(file.with_file_name("events.jsonl")).ok()?).read_line(&mut line).ok()?;
    serde_json::from_str::<Named>(&line).ok().map(|named| named.run)
}

fn read(path: &Path) -> Result<ConformResult, ResultError> {
    #[derive(Deserialize)]
    struct Head {
        start: Version,
    }
    #[derive(Deserialize)]
    struct Version {
        schema_version: u64,
    }
    let bytes = fs::read(path).map_err(|source| ResultError::Unreadable { path: path.to_owned(), source })?;
    let malformed = |message: String| ResultError::Malformed { path: path.to_owned(), message: printable(&message) };
    let refused = |source| match source {
        named @ ResultError::Malformed { .. } => named,
        source => ResultError::Refused { path: path.to_owned(), source: Box::new(source) },
    };
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        return ConformResult::from_events(events(&bytes, &malformed).map_err(refused)?).map_err(refused);
    }
    let Head { start: Version { schema_version: found } } =
        serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    if !u32::try_from(found).is_ok_and(|version| READ_VERSIONS.contains(&version)) {
        return Err(refused(ResultError::WrongVersion { found }));
    }
    let mut result: ConformResult = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    result.judge();
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::conform::sample;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("flowgauge-kept-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn lines() -> String {
        sample::events().iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
    }

    #[test]
    fn what_is_kept_is_read_again_and_judged_anew() {
        let folder = folder("again");
        assert!(!is_kept(&folder) && load(&folder).is_err());
        fs::write(folder.join("events.jsonl"), lines()).unwrap();
        let mut result = sample::result();
        assert_eq!(load(&folder).unwrap(), [result.clone()]);
        let wanted = std::mem::take(&mut result.results);
        result.save(&folder.join("conform.json")).unwrap();
        assert_eq!(load(&folder).unwrap()[0].results, wanted);
        assert!(is_kept(&folder.join("conform.json")) && is_kept(&folder.join("events.jsonl")));
        // Of a run that broke off there is what came before.
        fs::remove_file(folder.join("conform.json")).unwrap();
        let cut = lines();
        fs::write(folder.join("events.jsonl"), &cut[..cut.len() * 2 / 3]).unwrap();
        let broken = load(&folder).unwrap();
        assert!(!broken[0].finished && !broken[0].runs.is_empty());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_kernels_of_a_run_are_read_together_and_a_folder_of_runs_is_not_one() {
        let folder = folder("kernels");
        for name in ["debian-6.1", "debian-6.12"] {
            fs::create_dir(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("events.jsonl"), lines()).unwrap();
        }
        assert_eq!(load(&folder).unwrap().len(), 2);
        fs::write(folder.join("debian-6.1/events.jsonl"), lines().replace("2026-01-01-sample", "another")).unwrap();
        assert!(!is_kept(&folder));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn other_files_are_told_apart() {
        let folder = folder("others");
        fs::write(folder.join("result.json"), "{\"schema_version\": 1}").unwrap();
        fs::write(folder.join("events.jsonl"), "{\"event\":\"started\"}\n").unwrap();
        assert!(!is_kept(&folder) && !is_kept(&folder.join("result.json")));
        fs::write(folder.join("conform.json"), "{\"start\": {\"schema_version\": 999999}}").unwrap();
        let error = load(&folder).unwrap_err().to_string();
        assert!(error.contains("999999") && error.contains("conform.json"), "{error}");
        fs::write(folder.join("conform.json"), "{\"start\": [}").unwrap();
        let error = load(&folder).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
