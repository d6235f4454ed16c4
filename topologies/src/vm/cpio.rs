//! Writes an initramfs archive: cpio in the "newc" format, uncompressed.
//! Layout: Documentation/driver-api/early-userspace/buffer-format.rst.

use std::{collections::BTreeSet, path::Path};

/// An archive in the making.
#[derive(Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    folders: BTreeSet<String>,
}

impl Archive {
    /// Adds a regular file at an absolute path, and the folders above it.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.parents(path);
        self.entry(path, 0o100_000 | mode, (0, 0), content);
    }

    /// Adds an empty folder.
    pub(crate) fn folder(&mut self, path: &str) {
        self.parents(path);
        if self.folders.insert(path.to_owned()) {
            self.entry(path, 0o040_755, (0, 0), b"");
        }
    }

    /// Adds a character device.
    pub(crate) fn character_device(&mut self, path: &str, major: u32, minor: u32) {
        self.parents(path);
        self.entry(path, 0o020_600, (major, minor), b"");
    }

    /// The finished archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), b"");
        self.bytes
    }

    fn parents(&mut self, path: &str) {
        let above =
            Path::new(path).parent().and_then(Path::to_str).filter(|parent| parent.len() > 1).map(str::to_owned);
        if let Some(parent) = above {
            self.folder(&parent);
        }
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        let name = path.trim_start_matches('/');
        self.entries += 1;
        let links = if mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
        // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        let fields = [self.entries, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_folders_come_once_and_first() {
        let mut archive = Archive::default();
        archive.file("/lib/x/a.so", 0o755, b"abc");
        archive.file("/lib/x/b.so", 0o755, b"");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("070701").count(), 5, "lib, lib/x, a.so, b.so, trailer");
        let at = |name: &str| text.find(name).expect(name);
        assert!(at("lib\0") < at("lib/x\0") && at("lib/x\0") < at("lib/x/a.so") && at("b.so") < at("TRAILER!!!"));
        // Header 110 bytes, name 11 with its NUL: three more to the next multiple of four.
        assert!(text.contains("lib/x/a.so\0\0\0\0abc\x00070701"), "{text:?}");
    }
}
