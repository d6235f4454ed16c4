//! The program under test, run as a user runs it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a run of the program came to.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; 128 + N after signal N.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Outcome {
    /// Fails the test unless the exit code is as expected, showing what was said.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code; standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// Fails the test unless standard error holds `text`.
    #[track_caller]
    pub fn expect_error(self, text: &str) -> Self {
        assert!(self.err.contains(text), "standard error lacks {text:?}:\n{}", self.err);
        self
    }
}

/// The path of the program: beside the folder of this test's own binary.
pub fn path() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_else(|e| panic!("where am I: {e}"));
    let path = own.parent().and_then(|deps| deps.parent()).map(|profile| profile.join("flowgauge"));
    match path {
        Some(path) if path.is_file() => path,
        _ => panic!("build the program first: cargo build --release -p flowgauge (make test does)"),
    }
}

/// The program with arguments, ready to be changed and run.
pub fn flowgauge(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Outcome {
    let output = command.output().unwrap_or_else(|e| panic!("running {command:?}: {e}"));
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status).unwrap_or(0);
    Outcome {
        code: output.status.code().unwrap_or(128 + signal),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
