//! How the guest's init loads modules, and what the kernel says when one does not load.

use std::{
    ffi::CString,
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
};

use nix::{errno::Errno, kmod::init_module};

/// Loads modules that can be missed; returns what did not load. One that is loaded already is fine.
pub(super) fn wanted(paths: &[String]) -> Vec<String> {
    let mut missed = Vec::new();
    for path in paths {
        match load(path, "") {
            Ok(()) => {}
            Err(Refusal::Kernel(Errno::EEXIST)) => {}
            Err(refusal) => missed.push(format!("load {path}: {}", refusal.text())),
        }
        // Its memory is the guest's: some megabytes in all.
        let _ = std::fs::remove_file(path);
    }
    missed
}

/// Loads modules that must load, each with its parameters. The error holds the lines that the kernel logged meanwhile.
pub(super) fn required(modules: &[(String, String)]) -> Result<(), String> {
    for (path, parameters) in modules {
        let mut log = log_from_now();
        load(path, parameters).map_err(|refusal| {
            let said = log.as_mut().map(new_lines).unwrap_or_default();
            let said = if said.is_empty() { "nothing".to_owned() } else { said.join(" | ") };
            format!("load module {path} with parameters {parameters:?}: {}; the kernel said: {said}", refusal.text())
        })?;
    }
    Ok(())
}

enum Refusal {
    Ours(String),
    Kernel(Errno),
}

impl Refusal {
    fn text(&self) -> String {
        match self {
            Self::Ours(why) => why.clone(),
            Self::Kernel(errno) => errno.to_string(),
        }
    }
}

fn load(path: &str, parameters: &str) -> Result<(), Refusal> {
    let object = std::fs::read(path).map_err(|e| Refusal::Ours(format!("read: {e}")))?;
    let parameters = CString::new(parameters).map_err(|e| Refusal::Ours(e.to_string()))?;
    init_module(&object, &parameters).map_err(Refusal::Kernel)
}

/// The kernel's log, placed behind its last line. The kernel's own words are not on the console when they are no
/// warning, so they are read here (Documentation/ABI/testing/dev-kmsg).
fn log_from_now() -> Option<File> {
    let mut log = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg").ok()?;
    log.seek(SeekFrom::End(0)).ok()?;
    Some(log)
}

/// The texts of the records since, without those of the taint that every module from outside the tree brings.
fn new_lines(log: &mut File) -> Vec<String> {
    let (mut lines, mut record) = (Vec::new(), vec![0; 8192]);
    loop {
        match log.read(&mut record) {
            Ok(got @ 1..) => lines.extend(message(&String::from_utf8_lossy(&record[..got]))),
            // EPIPE: records were overwritten before they were read.
            Err(error) if error.kind() == ErrorKind::Interrupted || error.raw_os_error() == Some(libc::EPIPE) => {}
            _ => break,
        }
    }
    lines.retain(|line| !line.contains("taints kernel") && !line.contains("tainting kernel"));
    lines
}

/// The text of `priority,sequence,time,flags;text` and a line end; more lines of ` KEY=value` may follow.
fn message(record: &str) -> Option<String> {
    Some(record.split_once(';')?.1.lines().next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_cut_to_its_text() {
        let record = "3,1034,77777,-;flowgauge_nic: Unknown symbol foo (err -2)\n SUBSYSTEM=module\n";
        assert_eq!(message(record).as_deref(), Some("flowgauge_nic: Unknown symbol foo (err -2)"));
        assert_eq!(message("no record"), None);
    }
}
