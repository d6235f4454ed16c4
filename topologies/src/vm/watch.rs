//! The QEMU process and its console: one thread starts it, keeps its console, and tells whoever waits.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};

use super::{VmError, boot::Notice};

/// How much of the console is kept in memory; the file has all of it.
const KEPT_BYTES: usize = 1 << 20;

/// A running QEMU. Dropping it kills the process and waits for its end.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    pid: Pid,
    pub(crate) console: PathBuf,
    pub(crate) stderr: PathBuf,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// What is known about the guest.
#[derive(Default)]
pub(crate) struct State {
    /// The end of the console.
    pub(crate) text: String,
    /// What init said, and when it was read.
    pub(crate) notices: Vec<(Instant, Notice)>,
    /// Set once QEMU has ended.
    pub(crate) ended: Option<ExitStatus>,
    /// Whether we killed it.
    pub(crate) killed: bool,
}

impl State {
    /// The time of the first notice that `wanted` accepts.
    pub(crate) fn when(&self, wanted: impl Fn(&Notice) -> bool) -> Option<Instant> {
        self.notices.iter().find(|(_, notice)| wanted(notice)).map(|&(at, _)| at)
    }
}

impl Watch {
    /// Starts QEMU with its console and stderr kept in `dir`.
    pub(crate) fn start(mut command: Command, dir: &Path) -> Result<Self, VmError> {
        let (console, stderr) = (dir.join("console.log"), dir.join("qemu.log"));
        let mut log = File::create(&console).map_err(VmError::io("create", &console))?;
        let errors = File::create(&stderr).map_err(VmError::io("create", &stderr))?;
        command.stderr(Stdio::from(errors));
        let shared = Arc::new(Shared::default());
        let (started, starts) = mpsc::channel();
        let ours = Arc::clone(&shared);
        // The thread that starts QEMU must outlive it: the parent-death signal follows the thread.
        let thread = std::thread::Builder::new().name("vm-console".into()).spawn(move || {
            let spawned = command.spawn();
            // Closes this process's copies of what only QEMU should hold.
            drop(command);
            match spawned {
                Err(error) => drop(started.send(Err(error))),
                Ok(mut child) => {
                    drop(started.send(Ok(child.id())));
                    ours.follow(&mut child, &mut log);
                }
            }
        });
        let thread = thread.map_err(VmError::io("start a thread for", "the guest's console"))?;
        let gone = || std::io::Error::other("the console thread ended early");
        let pid = starts
            .recv()
            .map_err(|_| gone())
            .and_then(|spawned| spawned)
            .map_err(VmError::io("run", super::qemu::PROGRAM))?;
        Ok(Self { shared, thread: Some(thread), pid: Pid::from_raw(pid.cast_signed()), console, stderr })
    }

    /// The state now.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// Waits until `enough` holds or the time is up; says which.
    pub(crate) fn wait_until(&self, limit: Duration, enough: impl Fn(&State) -> bool) -> bool {
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), limit, |state| !enough(state));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Kills QEMU, if it still runs, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        let mut state = self.shared.lock();
        if state.ended.is_none() {
            state.killed = true;
            // Not yet reaped: that happens under this lock, so the pid is still QEMU's.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
        drop(state);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// QEMU's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the console to its end, then reaps.
    fn follow(&self, child: &mut Child, log: &mut File) {
        let mut buffer = vec![0; 64 << 10];
        let mut line = String::new();
        if let Some(mut console) = child.stdout.take() {
            while let Ok(got @ 1..) = console.read(&mut buffer) {
                // A full disk must not stop the guest; the text in memory remains.
                let _ = log.write_all(&buffer[..got]);
                self.take(&String::from_utf8_lossy(&buffer[..got]), &mut line);
            }
        }
        let _ = waitid(Id::Pid(Pid::from_raw(child.id().cast_signed())), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
        let mut state = self.lock();
        state.ended = child.wait().ok();
        drop(state);
        self.changed.notify_all();
    }

    fn take(&self, chunk: &str, line: &mut String) {
        let now = Instant::now();
        let mut state = self.lock();
        state.text.push_str(chunk);
        if state.text.len() > KEPT_BYTES {
            let half = state.text.len() - KEPT_BYTES / 2;
            let cut = (half..).find(|&at| state.text.is_char_boundary(at)).unwrap_or(half);
            state.text.drain(..cut);
        }
        for part in chunk.split_inclusive('\n') {
            line.push_str(part);
            if line.ends_with('\n') {
                state.notices.extend(Notice::parse(line).map(|notice| (now, notice)));
                line.clear();
            }
        }
        drop(state);
        self.changed.notify_all();
    }
}
