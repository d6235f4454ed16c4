//! Programs of a newer distribution on an older host: they are linked against a newer libc than the host has, and run
//! with the loader and the libraries of their own distribution, out of the cache.

use std::{
    fs::Permissions,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::NicError;

/// What the programs of kbuild are linked against (objtool: libelf and, under it, zlib and zstd). Both names of
/// libelf: before and after the change to 64-bit times.
pub(super) const PACKAGES: &[&str] = &["libc6", "libelf1t64", "libelf1", "zlib1g", "libzstd1"];

const LOADER: &str = "ld-linux-x86-64.so.2";

/// The ELF programs below `dir` that cannot run here.
pub(super) fn not_runnable(dir: &Path) -> Result<Vec<PathBuf>, NicError> {
    let (mut open, mut found) = (vec![dir.to_owned()], Vec::new());
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).map_err(NicError::io("list", &dir))?.flatten() {
            let (path, Ok(facts)) = (entry.path(), entry.metadata()) else { continue };
            if facts.is_dir() {
                open.push(path);
            } else if facts.is_file() && facts.permissions().mode() & 0o100 != 0 && is_elf(&path) && !runs(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}

/// Has the loader list what it would load, as ldd does: the program itself is not run.
fn runs(path: &Path) -> bool {
    let listed = Command::new(path).env("LD_TRACE_LOADED_OBJECTS", "1").env("LD_WARN", "1").env("LC_ALL", "C").output();
    listed.is_ok_and(|output| {
        output.status.success()
            && [output.stdout, output.stderr].iter().all(|text| !String::from_utf8_lossy(text).contains("not found"))
    })
}

/// Puts a script in the place of each program, which runs it under the loader in `root/libraries`.
pub(super) fn wrap(root: &Path, programs: &[PathBuf]) -> Result<(), NicError> {
    let loader = find(&root.join("libraries"), LOADER)
        .ok_or_else(|| NicError::io("find in the unpacked libc6", LOADER)(std::io::ErrorKind::NotFound.into()))?;
    let libraries = loader.parent().and_then(|dir| dir.strip_prefix(root).ok()).unwrap_or(Path::new("libraries"));
    for program in programs {
        let depth = program.strip_prefix(root).map_or(0, |inside| inside.components().count() - 1);
        let text = format!(
            "#!/bin/sh\nlibraries=${{0%/*}}/{}{}\n\
             exec \"$libraries/{LOADER}\" --library-path \"$libraries\" --argv0 \"$0\" \"$0.elf\" \"$@\"\n",
            "../".repeat(depth),
            libraries.display()
        );
        let mut moved = program.clone().into_os_string();
        moved.push(".elf");
        std::fs::rename(program, &moved).map_err(NicError::io("rename", program))?;
        std::fs::write(program, text).map_err(NicError::io("write", program))?;
        std::fs::set_permissions(program, Permissions::from_mode(0o755)).map_err(NicError::io("chmod", program))?;
    }
    Ok(())
}

/// The file of this name in the folder of the architecture's libraries.
fn find(libraries: &Path, name: &str) -> Option<PathBuf> {
    ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"]
        .iter()
        .map(|dir| libraries.join(dir).join(name))
        .find(|path| path.is_file())
}
