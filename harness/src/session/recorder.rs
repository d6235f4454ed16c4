//! The recorder: a run's folder, where each trial is on disk before the next begins.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flowgauge_reports::event::Event;
use flowgauge_reports::{RunResult, html};

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
    folder: PathBuf,
    events: File,
}

impl Recorder {
    /// Makes the run's folder under `out` and its `events.jsonl`. `out/LAST` points at it from now on.
    pub(super) fn create(out: &Path, run: &str) -> Result<Self, RecorderError> {
        let folder = out.join(run);
        fs::create_dir_all(&folder).map_err(|e| error(&folder, e))?;
        let path = folder.join("events.jsonl");
        let events = OpenOptions::new().create_new(true).append(true).open(&path).map_err(|e| error(&path, e))?;
        let last = out.join("LAST");
        // Only ever a link of ours is replaced: a folder of that name makes `remove_file` fail.
        let _ = fs::remove_file(&last);
        let _ = std::os::unix::fs::symlink(run, &last);
        Ok(Recorder { folder, events })
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
        Ok(())
    }

    /// Writes `result.json` and `report.html` beside the events.
    pub(super) fn finish(&self, result: &RunResult) -> Result<(), RecorderError> {
        let path = self.folder.join("result.json");
        result.save(&path).map_err(|e| error(&path, io::Error::other(e)))?;
        let path = self.folder.join("report.html");
        let page = html::render(result).map_err(|e| error(&path, io::Error::other(e)))?;
        write_whole(&path, page.as_bytes())
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
        let mut recorder = Recorder::create(&out, "r1").unwrap();
        recorder.keep(&Event::TrialStarted { step: 3 }).unwrap();
        recorder.keep(&Event::Finished).unwrap();
        let text = fs::read_to_string(out.join("LAST/events.jsonl")).unwrap();
        assert_eq!(text, "{\"event\":\"trial-started\",\"step\":3}\n{\"event\":\"finished\"}\n");
        assert!(Recorder::create(&out, "r1").is_err());
        fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let mut recorder = Recorder {
            folder: PathBuf::from("/dev"),
            events: OpenOptions::new().write(true).open("/dev/full").unwrap(),
        };
        let text = recorder.keep(&Event::Finished).unwrap_err().to_string();
        assert!(text.contains("free some space"), "{text}");
    }
}
