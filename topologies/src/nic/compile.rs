//! Runs the kernel's build system over the sources.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{
    MODULE, NicError,
    compiler::{Built, refused, write_script},
};

/// One make takes some ten seconds; more rounds than this mean that the compiler is too old to be helped.
const ROUNDS: usize = 4;

/// Builds the sources in `work` with the build tree `tree`, and returns the stripped module. What make says goes to
/// `log`, which is kept when it fails.
pub(super) fn run(release: &str, tree: &Path, work: &Path, log: &Path) -> Result<PathBuf, NicError> {
    for path in [tree, work] {
        let plain = |c: char| c.is_alphanumeric() || "/._-+~@,".contains(c);
        if !path.to_string_lossy().chars().all(plain) {
            return Err(NicError::Path(path.to_owned()));
        }
    }
    let built = Built::read(tree)?;
    let arguments = match built {
        Built::Clang => vec!["LLVM=1".to_owned()],
        Built::Gcc(major) => {
            let mut arguments = vec![format!("CC={}", work.join("cc").display())];
            if host_gcc()? < major {
                // The headers name attributes that are newer than this gcc; it ignores them.
                arguments.push("KCFLAGS=-Wno-attributes".into());
            }
            arguments
        }
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut unknown, mut round) = (Vec::new(), 0);
    loop {
        round += 1;
        write_script(&work.join("cc"), &unknown)?;
        let mut make = command("make");
        make.arg(format!("-j{jobs}")).arg("-C").arg(tree).arg(format!("M={}", work.display()));
        let output = output(make.args(&arguments).arg("modules"), "make", "make")?;
        let text = [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat();
        let object = work.join(format!("{MODULE}.ko"));
        if output.status.success() && object.is_file() {
            strip(&object)?;
            let _ = std::fs::remove_file(log);
            return Ok(object);
        }
        let news: Vec<String> = refused(&text).into_iter().filter(|option| !unknown.contains(option)).collect();
        if news.is_empty() || round == ROUNDS {
            std::fs::write(log, &text).map_err(NicError::io("write", log))?;
            let command = format!("make -C {} M={} {} modules", tree.display(), work.display(), arguments.join(" "));
            let (release, status) = (release.to_owned(), output.status.to_string());
            return Err(NicError::Build {
                release,
                command,
                status,
                first_errors: first_errors(&text),
                log: log.into(),
            });
        }
        unknown.extend(news);
    }
}

/// A program with nothing of the caller's environment that make or the compiler would listen to.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C");
    command.envs(["PATH", "HOME", "TMPDIR"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

fn output(command: &mut Command, program: &str, package: &'static str) -> Result<Output, NicError> {
    command.output().map_err(|source| match source.kind() {
        ErrorKind::NotFound => NicError::ProgramMissing { program: program.into(), package },
        _ => NicError::Io { action: "run", path: program.into(), source },
    })
}

/// The major version of the host's gcc.
fn host_gcc() -> Result<u32, NicError> {
    let output = output(command("gcc").arg("-dumpversion"), "gcc", "gcc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default())
}

/// Debug information is four fifths of a module, and each boot would carry it.
fn strip(object: &Path) -> Result<(), NicError> {
    output(command("strip").arg("--strip-debug").arg(object), "strip", "binutils").map(drop)
}

/// The lines that say what is wrong, from the first; the end of the output where none does.
fn first_errors(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let tells = |line: &str| line.contains("error:") || line.contains("ERROR:") || line.contains(": not found");
    let wrong: Vec<&str> = lines.iter().copied().filter(|line| tells(line)).take(6).collect();
    if wrong.is_empty() { lines[lines.len().saturating_sub(6)..].join("\n") } else { wrong.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_errors_are_told_before_what_make_says_of_them() {
        let output = "  CC [M]  main.o\nmain.c:3:1: warning: x\nmain.c:4:1: error: unknown type name 'u33'\n\
                      make[3]: *** [Makefile.build:1: main.o] Error 1\n";
        assert_eq!(first_errors(output), "main.c:4:1: error: unknown type name 'u33'");
        assert_eq!(first_errors("make: *** No rule\n\n"), "make: *** No rule");
    }
}
