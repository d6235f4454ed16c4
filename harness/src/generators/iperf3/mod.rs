//! `iperf3`: bulk TCP by the testers' own stacks, from its JSON.
//!
//! Unlike `raw` it needs addresses that the testers' kernels hold, and it measures what TCP makes of the path:
//! goodput, retransmissions, round trip times.

mod output;

use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flowgauge_reports::offered::BulkReport;
use flowgauge_scenarios::Direction;

pub use self::output::parse;

use super::GeneratorError;

/// One bulk transfer.
#[derive(Clone, Copy, Debug)]
pub struct BulkRequest {
    /// The server tester's own address, of either family.
    pub server: IpAddr,
    /// The server's port.
    pub port: u16,
    /// Parallel connections of each direction, 1 to 128.
    pub streams: u32,
    /// Who sends.
    pub direction: Direction,
    /// How long, rounded up to whole seconds: iperf3 takes no less.
    pub duration: Duration,
}

/// The engine between two testers' namespaces.
#[derive(Clone, Copy, Debug)]
pub struct Iperf3<'a> {
    /// The client's network namespace.
    pub client: BorrowedFd<'a>,
    /// The server's network namespace.
    pub server: BorrowedFd<'a>,
}

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(20);

/// How much longer than asked a transfer may take to set up and to end.
const OVERTIME: Duration = Duration::from_secs(20);

/// A child that does not outlive its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the child is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Iperf3<'_> {
    /// Runs one transfer to its end, or until `cancel`.
    pub fn run(&self, request: &BulkRequest, cancel: &AtomicBool) -> Result<BulkReport, GeneratorError> {
        let port = request.port.to_string();
        let mut serve = command(self.server);
        // Without interval lines its output stays far below what a pipe holds.
        serve.args(["--server", "--one-off", "--forceflush", "--interval", "0", "--port", &port]);
        serve.args(["--bind", &request.server.to_string()]);
        let mut server = spawn(&mut serve)?;
        wait_until_it_listens(&mut server, &serve)?;

        let mut ask = command(self.client);
        ask.args(["--json", "--port", &port, "--client", &request.server.to_string()]);
        ask.args(["--parallel", &request.streams.to_string(), "--time", &whole_seconds(request.duration).to_string()]);
        ask.args(["--connect-timeout", "5000"]);
        match request.direction {
            Direction::Upstream => {}
            Direction::Downstream => drop(ask.arg("--reverse")),
            Direction::Both => drop(ask.arg("--bidir")),
        }
        let mut client = spawn(&mut ask)?;
        let stdout = client.0.stdout.take();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.map_or(Ok(0), |mut out| out.read_to_string(&mut text)).map(|_| text)
        });
        let deadline = Instant::now() + request.duration + OVERTIME;
        let status = loop {
            match client.0.try_wait().map_err(|e| failed(&ask, &e))? {
                Some(status) => break status,
                None if cancel.load(Ordering::Relaxed) => return Err(GeneratorError::Cancelled),
                None if Instant::now() > deadline => {
                    return Err(failed(&ask, &"it did not end in time; does the DUT still forward?"));
                }
                None => std::thread::sleep(POLL),
            }
        };
        let text = reader.join().unwrap_or_else(|p| std::panic::resume_unwind(p)).map_err(|e| failed(&ask, &e))?;
        match parse(&text, request.direction) {
            Err(GeneratorError::Output { .. }) if !status.success() => {
                let mut said = String::new();
                if let Some(mut stderr) = client.0.stderr.take() {
                    let _ = stderr.read_to_string(&mut said);
                }
                Err(failed(&ask, &format!("{status}: {}", said.trim())))
            }
            result => result,
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    (duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).max(1)
}

/// iperf3 inside a namespace, killed when the thread that started it ends.
fn command(netns: BorrowedFd<'_>) -> Command {
    let netns: RawFd = netns.as_raw_fd();
    let mut command = Command::new("iperf3");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let enter = move || {
        // SAFETY: both calls are async-signal-safe; the descriptor is still open in the forked child.
        let result = unsafe {
            if libc::setns(netns, libc::CLONE_NEWNET) != 0 {
                -1
            } else {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)
            }
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: between fork and exec `enter` makes two system calls and allocates nothing.
    unsafe { command.pre_exec(enter) };
    command
}

fn spawn(command: &mut Command) -> Result<Running, GeneratorError> {
    match command.spawn() {
        Ok(child) => Ok(Running(child)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(GeneratorError::Missing { program: "iperf3", package: "iperf3" })
        }
        Err(error) => Err(failed(command, &error)),
    }
}

/// Reads what the server prints until it says that it listens.
fn wait_until_it_listens(server: &mut Running, command: &Command) -> Result<(), GeneratorError> {
    let mut said = String::new();
    if let Some(stdout) = server.0.stdout.as_mut() {
        let mut lines = BufReader::new(stdout);
        while !said.contains("Server listening") {
            if lines.read_line(&mut said).map_err(|e| failed(command, &e))? == 0 {
                break;
            }
        }
    }
    if said.contains("Server listening") {
        return Ok(());
    }
    if let Some(stderr) = server.0.stderr.as_mut() {
        let _ = stderr.read_to_string(&mut said);
    }
    Err(failed(command, &said.trim()))
}

fn failed(command: &Command, reason: &dyn std::fmt::Display) -> GeneratorError {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|w| w.to_string_lossy()).collect();
    GeneratorError::Program { command: words.join(" "), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_never_cut() {
        for (ms, seconds) in [(1, 1), (1000, 1), (1001, 2), (60_000, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(ms)), seconds);
        }
    }
}
