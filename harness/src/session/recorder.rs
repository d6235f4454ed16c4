//! The recorder: a run's folder, where each trial is on disk before the next begins.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flowgauge_reports::compare::{self, Comparison};
use flowgauge_reports::event::Event;
use flowgauge_reports::{ResultError, RunResult, html};

use crate::commands::Exit;

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}; {remedy}", path.display())]
pub(super) struct RecorderError {
    /// The file or folder.
    path: PathBuf,
    /// What the system said.
    source: io::Error,
    /// What to do.
    remedy: &'static str,
}

/// A run's folder being filled.
#[derive(Debug)]
pub(super) struct Recorder {
    /// The folder of all runs.
    out: PathBuf,
    /// The run's name.
    run: String,
    /// The run's folder, or that of a kernel of the run.
    folder: PathBuf,
    events: File,
    has_sample: bool,
}

impl Recorder {
    /// Makes the run's folder under `out`, in it one for `kernel` where there are several, and `events.jsonl`. From the
    /// first trial or case on `out/LAST` points at the run.
    pub(super) fn create(out: &Path, run: &str, kernel: Option<&str>) -> Result<Self, RecorderError> {
        let folder = kernel.map_or_else(|| out.join(run), |kernel| out.join(run).join(kernel));
        fs::create_dir_all(&folder).map_err(|e| error(&folder, e))?;
        let path = folder.join("events.jsonl");
        let events = OpenOptions::new().create_new(true).append(true).open(&path).map_err(|e| error(&path, e))?;
        Ok(Recorder { out: out.to_owned(), run: run.to_owned(), folder, events, has_sample: false })
    }

    /// Removes the folder of a run that never began.
    pub(super) fn discard(self) {
        // Never more than what the run made: folders go only if they are empty then.
        let _ = fs::remove_file(self.folder.join("events.jsonl"));
        let _ = fs::remove_dir_all(self.folder.join("vm"));
        let _ = fs::remove_dir(&self.folder);
        if self.folder != self.out.join(&self.run) {
            let _ = fs::remove_dir(self.out.join(&self.run));
        }
        let last = self.out.join("LAST");
        if fs::read_link(&last).is_ok_and(|to| to == Path::new(&self.run)) && !last.exists() {
            let _ = fs::remove_file(&last);
        }
        let _ = fs::remove_dir(&self.out);
    }

    /// Lets `LAST` beside the run's folder point at it.
    fn is_last(&self) {
        let last = self.out.join("LAST");
        // Only a link is ever replaced, whatever else bears that name. Without the link nothing is lost.
        if fs::symlink_metadata(&last).is_ok_and(|meta| meta.is_symlink()) {
            let _ = fs::remove_file(&last);
        }
        let _ = std::os::unix::fs::symlink(&self.run, &last);
    }

    /// The run's folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends one event. A trial is on the disk itself when this returns.
    pub(super) fn keep(&mut self, event: &Event) -> Result<(), RecorderError> {
        let path = self.folder.join("events.jsonl");
        let mut line = serde_json::to_vec(event).map_err(|e| error(&path, e.into()))?;
        line.push(b'\n');
        self.events.write_all(&line).map_err(|e| error(&path, e))?;
        if matches!(event, Event::Trial(_) | Event::Finished | Event::Failed { .. }) {
            self.events.sync_data().map_err(|e| error(&path, e))?;
        }
        // Cases are many and nobody waits for them to be on the disk: a lost one costs 50 ms.
        if matches!(event, Event::Trial(_) | Event::CaseRun(_)) && !std::mem::replace(&mut self.has_sample, true) {
            self.is_last();
        }
        Ok(())
    }

    /// Writes `result.json` and `report.html` beside the events.
    pub(super) fn finish(&self, result: &RunResult) -> Result<(), RecorderError> {
        let path = self.folder.join("result.json");
        result.save(&path).map_err(|e| match e {
            ResultError::Unwritable { path, source } => error(&path, source),
            other => error(&path, io::Error::other(other)),
        })?;
        let path = self.folder.join("report.html");
        let page = html::render(result).map_err(|e| error(&path, io::Error::other(e)))?;
        write_whole(&path, page.as_bytes())
    }

    /// Puts what explains the difference from `base` into the page, and as `against.svg` beside it. Gives the path of the
    /// picture; none where no row is explained.
    pub(super) fn explain(
        &self,
        result: &RunResult,
        base: &str,
        comparison: &Comparison,
    ) -> Result<Option<PathBuf>, RecorderError> {
        let path = self.folder.join("against.svg");
        let failed = |message: String| error(&path, io::Error::other(message));
        let Some(svg) = compare::explained_svg(comparison).map_err(failed)? else { return Ok(None) };
        write_whole(&path, svg.as_bytes())?;
        let page = html::render_against(result, base, comparison).map_err(|e| failed(e.to_string()))?;
        write_whole(&self.folder.join("report.html"), page.as_bytes())?;
        Ok(Some(path))
    }
}

impl From<RecorderError> for Exit {
    fn from(error: RecorderError) -> Self {
        use io::ErrorKind::{AlreadyExists, NotADirectory, NotFound};
        match error.source.kind() {
            AlreadyExists | NotADirectory | NotFound => Exit::Input(error.to_string()),
            _ => Exit::Environment(error.to_string()),
        }
    }
}

/// A file that is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RecorderError> {
    let part = path.with_extension("part");
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|e| {
        let _ = fs::remove_file(&part);
        error(path, e)
    })
}

fn error(path: &Path, source: io::Error) -> RecorderError {
    let remedy = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or choose another disk with --out"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "choose a folder of yours with --out",
        _ => "choose another folder with --out",
    };
    RecorderError { path: path.to_owned(), source, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_and_a_name_is_used_once() {
        let out = std::env::temp_dir().join(format!("flowgauge-recorder-{}", std::process::id()));
        let mut recorder = Recorder::create(&out, "r1", None).unwrap();
        recorder.keep(&Event::TrialStarted { step: 3 }).unwrap();
        recorder.keep(&Event::Finished).unwrap();
        recorder.is_last();
        let text = fs::read_to_string(out.join("LAST/events.jsonl")).unwrap();
        assert_eq!(text, "{\"event\":\"trial-started\",\"step\":3}\n{\"event\":\"finished\"}\n");
        assert!(Recorder::create(&out, "r1", None).is_err());
        fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn kernels_of_a_run_have_folders_in_it_and_leave_none_when_they_never_began() {
        let out = std::env::temp_dir().join(format!("flowgauge-recorder-kernels-{}", std::process::id()));
        let recorders = ["a", "b"].map(|kernel| Recorder::create(&out, "r1", Some(kernel)).unwrap());
        recorders[1].is_last();
        assert_eq!(fs::read_link(out.join("LAST")).unwrap(), Path::new("r1"));
        assert!(out.join("LAST/b/events.jsonl").is_file());
        recorders.into_iter().for_each(Recorder::discard);
        assert!(!out.exists());
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let mut recorder = Recorder {
            out: PathBuf::from("/"),
            run: "dev".to_owned(),
            folder: PathBuf::from("/dev"),
            events: OpenOptions::new().write(true).open("/dev/full").unwrap(),
            has_sample: false,
        };
        let text = recorder.keep(&Event::Finished).unwrap_err().to_string();
        assert!(text.contains("free some space"), "{text}");
    }
}
