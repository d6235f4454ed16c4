//! Kernel parameters under /proc/sys, as the calling thread's network namespace sees them.
//!
//! `/proc/sys/net` follows the namespace of the thread that opens it, so these functions belong inside
//! [`crate::Netns::run`].

use std::path::PathBuf;
use std::{fs, io};

use thiserror::Error;

/// One parameter and the value it is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The parameter in dotted form, as sysctl(8) takes it.
    pub key: &'static str,
    /// Its value.
    pub value: &'static str,
    /// Whether the testbed is wrong without it.
    pub need: Need,
}

/// What a missing parameter means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The testbed cannot do its work: an error.
    Required,
    /// An older kernel or an absent module: reported, and the testbed works without.
    IfPresent,
}

/// Why a parameter could not be read or written.
#[derive(Debug, Error)]
#[error("{doing} sysctl {key}: {source}{hint}", hint = hint(.source))]
pub struct SysctlError {
    /// `reading`, or `writing VALUE to`.
    pub doing: String,
    /// The parameter in dotted form.
    pub key: String,
    /// What came back.
    pub source: io::Error,
}

/// The value of a parameter, without the newline. `None`: this kernel (or namespace) does not have it.
pub fn read(key: &str) -> Result<Option<String>, SysctlError> {
    match fs::read_to_string(path_of(key)) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SysctlError { doing: "reading".to_owned(), key: key.to_owned(), source }),
    }
}

/// Writes a parameter.
pub fn write(key: &str, value: &str) -> Result<(), SysctlError> {
    fs::write(path_of(key), value).map_err(|source| SysctlError {
        doing: format!("writing {value} to"),
        key: key.to_owned(),
        source,
    })
}

/// Applies settings in order. Returns the keys of those that are missing here and not required.
pub fn apply(settings: &[Setting]) -> Result<Vec<&'static str>, SysctlError> {
    let mut missing = Vec::new();
    for setting in settings {
        match write(setting.key, setting.value) {
            Err(error) if setting.need == Need::IfPresent && error.source.kind() == io::ErrorKind::NotFound => {
                missing.push(setting.key);
            }
            outcome => outcome?,
        }
    }
    Ok(missing)
}

fn path_of(key: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(key.replace('.', "/"))
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; this kernel lacks it, or its module is not loaded",
        io::ErrorKind::PermissionDenied => "; it needs root in the namespace's user namespace",
        io::ErrorKind::ReadOnlyFilesystem => "; /proc/sys is mounted read-only (a container?)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_has_and_reports_what_it_lacks() {
        assert!(read("kernel.ostype").unwrap().is_some_and(|value| value == "Linux"));
        assert_eq!(read("net.flowgauge.absent").unwrap(), None);
        let absent = |need| Setting { key: "net.flowgauge.absent", value: "1", need };
        assert_eq!(apply(&[absent(Need::IfPresent)]).unwrap(), ["net.flowgauge.absent"]);
        let error = apply(&[absent(Need::Required)]).unwrap_err().to_string();
        assert!(error.starts_with("writing 1 to sysctl net.flowgauge.absent: "), "{error}");
    }
}
