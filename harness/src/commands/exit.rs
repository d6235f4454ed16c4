//! How a command can end, and the exit code of each way.

use std::io::{self, Write};

use flowgauge_reports::event::FailureKind;

use crate::worker::protocol::Failure;

/// A way to end other than well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A verdict is bad. What is bad has been shown.
    Verdict,
    /// The input is wrong.
    Input(String),
    /// This environment cannot run it.
    Environment(String),
    /// Interrupted, cleaned up.
    Interrupted {
        /// The name prefix of namespaces that were to stay.
        kept: Option<String>,
    },
    /// The reader of our output went away. No error: that is how `| head` ends.
    Closed,
}

impl Exit {
    /// Wrong input.
    pub fn input(message: impl ToString) -> Self {
        Exit::Input(message.to_string())
    }

    /// Says it on standard error and returns the exit code.
    pub fn report(&self) -> i32 {
        let (code, message) = match self {
            Exit::Verdict => (1, None),
            Exit::Input(message) => (2, Some(message.as_str())),
            Exit::Environment(message) => (3, Some(message.as_str())),
            Exit::Interrupted { kept: None } => (130, Some("interrupted; everything is cleaned up")),
            Exit::Interrupted { kept: Some(_) } => (
                130,
                Some("interrupted; the namespaces of --keep stay until `flowgauge clean`, all else is cleaned up"),
            ),
            Exit::Closed => (0, None),
        };
        if let Some(message) = message {
            let _ = writeln!(io::stderr(), "flowgauge: {}", message.trim_end());
        }
        code
    }
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Input => Exit::Input(failure.message),
            FailureKind::Environment => Exit::Environment(failure.message),
            FailureKind::Interrupted => Exit::Interrupted { kept: None },
        }
    }
}

/// Prints to standard output; a reader that left is no error of ours.
pub fn print(text: &str) -> Result<(), Exit> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Exit::Closed),
        Err(error) => Err(Exit::Environment(format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}
