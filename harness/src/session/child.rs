//! A worker as a child process, on the host's own kernel.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use flowgauge_reports::event::Event;

use super::link::{Body, Link};
use crate::worker::protocol::Failure;

/// How much of the worker's standard error is kept for the message when it dies.
const ERROR_TAIL: usize = 4096;

/// Starts the worker.
pub(super) fn start() -> Result<Link, Failure> {
    let program =
        std::env::current_exe().map_err(|e| Failure::environment(format!("cannot find this program: {e}")))?;
    let mut command = Command::new(&program);
    command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: Ctrl-C is ours to hear, the worker is told to stop and cleans up.
    command.process_group(0);
    let parent = std::process::id();
    // SAFETY: prctl and getppid are async-signal-safe and touch no memory of ours.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // The parent may have died before the line above: then nobody would ever end us.
            if libc::getppid() as u32 != parent { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(()) }
        });
    }
    let mut child = command
        .spawn()
        .map_err(|e| Failure::environment(format!("cannot start the worker {}: {e}", program.display())))?;
    let (Some(stdin), Some(stdout), Some(mut stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Failure::environment("the worker has no pipes"));
    };
    let tail = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&tail);
    let reader = std::thread::spawn(move || {
        let mut buffer = [0u8; 1024];
        while let Ok(n @ 1..) = stderr.read(&mut buffer) {
            let mut tail = keep.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend_from_slice(&buffer[..n]);
            let surplus = tail.len().saturating_sub(ERROR_TAIL);
            tail.drain(..surplus);
        }
    });
    let pipes = tokio::process::ChildStdout::from_std(stdout)
        .and_then(|out| tokio::process::ChildStdin::from_std(stdin).map(|input| (out, input)))
        .map_err(Failure::environment)?;
    Ok(Link::new(pipes.0, pipes.1, Box::new(Process { child, tail, reader: Some(reader) })))
}

struct Process {
    child: Child,
    tail: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Body for Process {
    fn explain(&mut self, silent: bool) -> String {
        if silent {
            self.end(Duration::ZERO);
        } else {
            self.end(Duration::from_secs(2));
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let how = match self.child.try_wait() {
            _ if silent => "said nothing for too long and was ended".to_owned(),
            Ok(Some(status)) => format!("ended early ({status})"),
            _ => "went away".to_owned(),
        };
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&tail);
        match said.trim() {
            "" => format!("the worker {how}; it said nothing on standard error"),
            said => format!("the worker {how}; its last words:\n{said}"),
        }
    }

    fn complaints(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn end(&mut self, grace: Duration) {
        let deadline = Instant::now() + grace;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}
