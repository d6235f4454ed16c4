//! The kernel's own generator (Documentation/networking/pktgen.rst): it builds frames within the kernel and hands them to
//! a port, without a system call for each. Its thread is that of the namespace whose port it drives.
//!
//! Two places to hand them over: the receive path of a port of the DUT, as if the driver had received them, and the
//! transmit function of a tester's port.

mod course;
mod outcome;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flowgauge_topologies::{Netns, NetnsError};
use thiserror::Error;

pub use course::{Course, Entry, FIRST_PORT, SERVER_PORT};
pub use outcome::Outcome;

/// Where pktgen is told what to do, in the namespace of the thread that looks.
const FOLDER: &str = "/proc/thread-self/net/pktgen";
/// The thread that drives: cost is measured on one CPU.
const THREAD: &str = "kpktgend_0";

/// Why pktgen did not hand over what it was told to.
#[derive(Debug, Error)]
pub enum PktgenError {
    /// The module is not loaded.
    #[error(
        "pktgen is not there ({path}: {source}): load its module (modprobe pktgen), or let --kernel debian:6.12 bring it"
    )]
    NotLoaded {
        /// What was looked for.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// A word was refused.
    #[error("telling pktgen \"{command}\" by {path}: {source}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What was written.
        command: String,
        /// What came back.
        source: io::Error,
    },
    /// What it says of its run cannot be read.
    #[error("pktgen says of its run: {said:?}, which is no result; did another process stop it?")]
    Result {
        /// Its last words.
        said: String,
    },
    /// The namespace could not be entered.
    #[error("entering the namespace of port {port}: {source}")]
    Namespace {
        /// The port.
        port: String,
        /// What came back.
        source: NetnsError,
    },
}

/// Hands over `packets` frames of a course, one after the other, and waits until the last is done.
///
/// Returns also whether each was handed over whole (`flag !SHARED`, Linux 6.4 and later); an older pktgen keeps a
/// reference, so that the stack must copy what it changes, and that is in the cost.
pub fn run(netns: &Netns, course: &Course, packets: u64) -> Result<(Outcome, bool), PktgenError> {
    let namespace = |source| PktgenError::Namespace { port: course.port.clone(), source };
    netns.run(|| hand_over(course, packets)).map_err(namespace)?
}

fn hand_over(course: &Course, packets: u64) -> Result<(Outcome, bool), PktgenError> {
    let (control, thread) = (Path::new(FOLDER).join("pgctrl"), Path::new(FOLDER).join(THREAD));
    if let Err(source) = fs::metadata(&control) {
        return Err(PktgenError::NotLoaded { path: control, source });
    }
    tell(&thread, "rem_device_all")?;
    tell(&thread, &format!("add_device {}", course.port))?;
    let device = Path::new(FOLDER).join(&course.port);
    let done = drive(&control, &device, course, packets);
    // Whatever came of it, the port must not stay with pktgen: it would hold the namespace.
    let cleared = tell(&thread, "rem_device_all");
    let done = done?;
    cleared.map(|()| done)
}

fn drive(control: &Path, device: &Path, course: &Course, packets: u64) -> Result<(Outcome, bool), PktgenError> {
    for word in course.words(packets) {
        tell(device, &word)?;
    }
    let whole = tell(device, "flag !SHARED").is_ok();
    // Returns when the last frame was handed over.
    tell(control, "start")?;
    let said = fs::read_to_string(device).unwrap_or_default();
    Ok((Outcome::parse(&said).ok_or_else(|| last_words(&said))?, whole))
}

fn last_words(said: &str) -> PktgenError {
    let said = said.lines().find(|line| line.contains("Result")).unwrap_or("nothing").trim().to_owned();
    PktgenError::Result { said }
}

fn tell(path: &Path, command: &str) -> Result<(), PktgenError> {
    fs::write(path, format!("{command}\n")).map_err(|source| PktgenError::Refused {
        path: path.to_owned(),
        command: command.to_owned(),
        source,
    })
}
