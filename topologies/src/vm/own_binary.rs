//! This running program as the guest's init: its code, its loader and its shared objects.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{VmError, cpio::Archive};
use crate::kernel::elf;

/// Adds this binary as `/init`, and what it is linked with at the same paths as on the host.
pub(crate) fn add(archive: &mut Archive) -> Result<(), VmError> {
    // Readable even when the file was replaced by a new build since.
    let exe = Path::new("/proc/self/exe");
    let binary = std::fs::read(exe).map_err(VmError::io("read the own binary", exe))?;
    archive.file("/init", 0o755, &loadable_part(&binary));
    for path in shared_objects(&binary)? {
        let content = std::fs::read(&path).map_err(VmError::io("read shared object", &path))?;
        archive.file(&path.to_string_lossy(), 0o755, &content);
    }
    Ok(())
}

/// The binary without what lies behind its last loadable segment: debug information is the larger
/// part, and the guest has no use for it. The section table goes too, so the header must not name it.
fn loadable_part(binary: &[u8]) -> Vec<u8> {
    let end = elf::segments(binary).iter().map(|s| s.offset.saturating_add(s.file_size)).max();
    let Some(end) = end.filter(|&end| end >= 0x40 && end <= binary.len()) else { return binary.to_vec() };
    let mut part = binary[..end].to_vec();
    part[0x28..0x30].fill(0); // e_shoff
    part[0x3c..0x40].fill(0); // e_shnum, e_shstrndx
    part
}

/// The loader named in PT_INTERP, and every shared object mapped into this process.
fn shared_objects(binary: &[u8]) -> Result<BTreeSet<PathBuf>, VmError> {
    let mut paths = BTreeSet::new();
    let segments = elf::segments(binary);
    let Some(interpreter) = segments.iter().find(|segment| segment.kind == 3) else { return Ok(paths) };
    let name = binary.get(interpreter.offset..interpreter.offset + interpreter.file_size).unwrap_or_default();
    paths.insert(PathBuf::from(String::from_utf8_lossy(name).trim_end_matches('\0')));
    let maps = Path::new("/proc/self/maps");
    let text = std::fs::read_to_string(maps).map_err(VmError::io("read", maps))?;
    for line in text.lines() {
        // address perms offset dev inode path: the executable mappings of shared objects.
        let path = line.splitn(6, ' ').nth(5).unwrap_or_default().trim_start();
        let file = path.rsplit('/').next().unwrap_or_default();
        let executable = line.split(' ').nth(1).is_some_and(|perms| perms.contains('x'));
        if executable && path.starts_with('/') && (file.ends_with(".so") || file.contains(".so.")) {
            paths.insert(path.into());
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_and_its_c_library_are_found() {
        let binary = std::fs::read("/proc/self/exe").expect("own binary");
        let objects = shared_objects(&binary).expect("maps");
        assert!(objects.iter().any(|p| p.to_string_lossy().contains("libc.so")), "{objects:?}");
        let part = loadable_part(&binary);
        assert!(part.len() < binary.len() && elf::segments(&part).len() == elf::segments(&binary).len());
    }
}
