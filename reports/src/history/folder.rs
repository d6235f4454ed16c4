//! A folder of results, read as the runs of a history.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observed::Observed;
use super::select::{Select, UnknownName};
use super::series::History;
use crate::result::RunResult;
use crate::store::ResultError;
use crate::wording::printable;

/// A result that could not be read; the history goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unreadable {
    /// The run's folder.
    pub path: String,
    /// Why.
    pub why: String,
}

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder cannot be listed.
    #[error("cannot read the folder {}: {source}; give the folder that `flowgauge bench --out` filled", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{} holds no result: give the folder that `flowgauge bench --out` filled, or one run's", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// No result of it can be read.
    #[error("{}: none of {count} results can be read; the first: {first}", path.display())]
    NoneReadable {
        /// The folder.
        path: PathBuf,
        /// Results found.
        count: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// The name that was asked for is in no result.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
}

/// How deep below a folder results are looked for: artifacts of a pipeline lie a folder or two deeper than a run's.
const DEPTH: u32 = 4;

/// The folders of runs at `path`: itself if it is one, else those below it, in the order of their names. Links are not
/// followed, so that `LAST` does not count twice.
///
/// # Errors
/// When `path` or a folder below it cannot be listed.
pub fn runs_in(path: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut found = BTreeSet::new();
    look(path, DEPTH, &mut found)?;
    if found.is_empty() {
        return Err(FolderError::Empty { path: path.to_owned() });
    }
    Ok(found.into_iter().collect())
}

fn look(path: &Path, depth: u32, found: &mut BTreeSet<PathBuf>) -> Result<(), FolderError> {
    if ["result.json", "events.jsonl"].iter().any(|name| path.join(name).is_file()) {
        found.insert(path.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    let unreadable = |source| FolderError::Unreadable { path: path.to_owned(), source };
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_type().map_err(unreadable)?.is_dir() {
            look(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}

/// The history of the runs at `path`, of the series that are asked for. Results that cannot be read are listed in it.
///
/// # Errors
/// When there is no result that can be read, or what is asked for is in none.
pub fn read(path: &Path, select: &Select) -> Result<History, FolderError> {
    let paths = runs_in(path)?;
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for (path, read) in paths.iter().zip(read_all(&paths)) {
        match read {
            Ok(run) => runs.push(run),
            // The parser quotes the file, and a folder may have any name.
            Err(e) => unreadable
                .push(Unreadable { path: printable(&path.display().to_string()), why: printable(&e.to_string()) }),
        }
    }
    if let ([], Some(first)) = (runs.as_slice(), unreadable.first()) {
        let (path, count) = (path.to_owned(), unreadable.len());
        return Err(FolderError::NoneReadable { path, count, first: first.why.clone() });
    }
    Ok(History::new(runs, unreadable, select)?)
}

/// Reads results side by side, as many as there are CPUs; of each only what a history needs is kept.
fn read_all(paths: &[PathBuf]) -> Vec<Result<Observed, ResultError>> {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(paths.len());
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(index) else { return done };
            done.push((index, RunResult::load(path).map(|result| Observed::at(path, &result))));
        }
    };
    let mut all: Vec<(usize, Result<Observed, ResultError>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|e| std::panic::resume_unwind(e))).collect()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, read)| read).collect()
}
