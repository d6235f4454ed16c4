//! The readers: Python's from PyPI, in a virtual environment of their own, and Perl's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// What Python's reader of a format found in a file, as JSON; see `readers.py`.
pub(crate) fn read(format: &str, file: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/readers.py");
    let mut python = Command::new(tool("python"));
    python.arg(script).args([format.as_ref(), file.as_os_str()]).env("JUNIT_SOURCE", environment());
    json(&succeed(&mut python, &std::fs::read_to_string(file).unwrap_or_default()))
}

/// What Perl's `TAP::Parser` found.
pub(crate) fn read_tap(file: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/tap.pl");
    let mut perl = Command::new("perl");
    perl.arg(script).arg(file);
    json(&succeed(&mut perl, "TAP::Parser comes with Debian's package `perl`"))
}

/// A program of the virtual environment.
pub(crate) fn tool(name: &str) -> PathBuf {
    environment().join("bin").join(name)
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// The folder of the virtual environment, made on first use.
fn environment() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("format-readers");
        let made = folder.join("made-from.txt");
        if std::fs::read_to_string(&made).is_ok_and(|text| text == REQUIREMENTS) {
            return folder;
        }
        let _ = std::fs::remove_dir_all(&folder);
        // Debian's own, which `.ci/deps` looks after; another `python3` ahead of it in the path serves where it is missing.
        let debian = Path::new("/usr/bin/python3");
        let python = if debian.exists() { debian } else { Path::new("python3") };
        let advice = "install the package python3-venv (make deps does), and see that pip reaches PyPI";
        succeed(Command::new(python).args(["-m", "venv"]).arg(&folder), advice);
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/requirements.txt");
        let pip = || Command::new(folder.join("bin/python"));
        let install =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--requirement"];
        succeed(pip().args(install).arg(requirements), advice);
        // Jenkins' schema of JUnit XML comes with the source of pytest, which is tested against it, and with no wheel.
        let source =
            ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pytest", "pytest==8.4.2", "--dest"];
        succeed(pip().args(source).arg(&folder), advice);
        std::fs::write(made, REQUIREMENTS).unwrap_or_else(|e| panic!("{e}"));
        folder
    })
}

/// Runs a command; fails the test with `else_see` where it does.
#[track_caller]
pub(crate) fn succeed(command: &mut Command, else_see: &str) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}; {else_see}"));
    let said = || String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}:\n{}\n{else_see}", output.status, said());
    output
}
