//! Results of a file or a folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{ResultError, RunResult};

/// How deep runs may lie below the folder that was named.
const DEPTH: u32 = 4;

/// Why there are no results to compare.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// One of them cannot be read. It is not left out in silence: that would change the verdict.
    #[error("{0}")]
    Result(#[from] ResultError),
    /// A folder cannot be read.
    #[error("cannot read {}: {source}; give a run's folder, a file of one, or a folder of runs", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder without a run.
    #[error("{} holds no result: neither result.json nor events.jsonl, nor folders with them", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// The result of a file or of a run's folder, or every result below a folder of runs, by the time they began. A run that
/// is there twice (a link to it, a copy) counts once.
///
/// # Errors
/// When a result cannot be read, or none is there.
pub fn load(path: impl AsRef<Path>) -> Result<Vec<RunResult>, LoadError> {
    let path = path.as_ref();
    let mut found = BTreeSet::new();
    if path.is_dir() {
        collect(path, DEPTH, &mut found)?;
    } else {
        found.insert(path.to_owned());
    }
    let mut results: Vec<RunResult> = Vec::new();
    for path in found {
        let result = RunResult::load(&path)?;
        let same = |r: &RunResult| (&r.run, r.unix_s, &r.trials) == (&result.run, result.unix_s, &result.trials);
        if !results.iter().any(same) {
            results.push(result);
        }
    }
    if results.is_empty() {
        return Err(LoadError::Empty { path: path.to_owned() });
    }
    results.sort_by(|a, b| a.unix_s.total_cmp(&b.unix_s).then_with(|| a.run.cmp(&b.run)));
    Ok(results)
}

fn collect(folder: &Path, depth: u32, found: &mut BTreeSet<PathBuf>) -> Result<(), LoadError> {
    let unreadable = |source| LoadError::Folder { path: folder.to_owned(), source };
    if ["result.json", "events.jsonl"].iter().any(|file| folder.join(file).is_file()) {
        // Links such as `LAST` lead to what is found by its own name too.
        found.insert(folder.canonicalize().map_err(unreadable)?);
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, depth - 1, found)?;
        }
    }
    Ok(())
}
