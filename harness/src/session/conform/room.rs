//! Room for the packets of a run, made before anything is run: what cannot be written is better known before minutes of work.

use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::Exit;

/// The folder for the packets of a run, and the one that it is in. Those that were made here and into which nothing came go with
/// this.
#[derive(Debug)]
pub(super) struct Room(Vec<PathBuf>);

impl Room {
    /// Makes `packets/RUN/`.
    pub(super) fn make(packets: &Path, run: &str) -> Result<Room, Exit> {
        let mut room = Room(Vec::new());
        for folder in [packets.to_owned(), packets.join(run)] {
            if !folder.is_dir() {
                fs::create_dir_all(&folder).map_err(|error| {
                    let folder = folder.display();
                    Exit::Input(format!(
                        "cannot write packets into {folder}: {error}; choose another folder with --pcap"
                    ))
                })?;
                room.0.insert(0, folder);
            }
        }
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for folder in &self.0 {
            // Only empty folders go.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("flowgauge-room-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn folders_that_nothing_came_into_go_and_others_stay() {
        let scratch = scratch("stay");
        let packets = scratch.join("packets");
        drop(Room::make(&packets, "run").unwrap());
        assert!(!packets.exists());
        let room = Room::make(&packets, "run").unwrap();
        fs::write(packets.join("run/a.pcapng"), "").unwrap();
        drop(room);
        assert!(packets.join("run/a.pcapng").exists());
        let given = scratch.join("given");
        fs::create_dir(&given).unwrap();
        drop(Room::make(&given, "run").unwrap());
        assert!(given.is_dir() && !given.join("run").exists());
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn where_nothing_can_be_written_is_wrong_input() {
        let scratch = scratch("file");
        let file = scratch.join("file");
        fs::write(&file, "").unwrap();
        let Err(Exit::Input(why)) = Room::make(&file, "run") else { panic!("a file is no folder") };
        assert!(why.contains("file") && why.contains("--pcap"), "{why}");
        fs::remove_dir_all(scratch).unwrap();
    }
}
