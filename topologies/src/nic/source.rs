//! The C sources, carried in this binary.

use std::path::Path;

use super::NicError;
use crate::checksum::Checksum;

/// File name and content of everything that Kbuild needs, listed by `build.rs`.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/nic_sources.rs"));

/// The sum of all names and contents.
pub(super) fn checksum() -> Checksum {
    FILES.iter().fold(Checksum::new(), |sum, (name, text)| sum.add(name.as_bytes()).add(&[0]).add(text.as_bytes()))
}

/// Writes the sources into a folder that exists.
pub(super) fn write(dir: &Path) -> Result<(), NicError> {
    for (name, text) in FILES {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(NicError::io("write", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_of_kbuild_has_its_source() {
        let has = |wanted: &str| FILES.iter().any(|(name, _)| *name == wanted);
        assert!(has("Kbuild"));
        let kbuild = FILES.iter().find(|(name, _)| *name == "Kbuild").map_or("", |(_, text)| text);
        let objects = kbuild.split_whitespace().filter_map(|word| word.strip_suffix(".o"));
        for object in objects.filter(|object| *object != super::super::MODULE) {
            assert!(has(&format!("{object}.c")), "{object}");
        }
    }
}
