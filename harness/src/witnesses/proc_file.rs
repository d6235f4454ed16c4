//! A file of /proc that is opened once and read many times.
//!
//! Files under /proc/net show the namespace of the thread that *opened* them, whoever reads: the kernel binds the
//! namespace at open (fs/proc/proc_net.c). So no thread need live in the namespace, and a reading is one system call.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::witness::WitnessError;

/// An open file of /proc.
#[derive(Debug)]
pub(super) struct ProcFile {
    file: File,
    path: &'static str,
    buffer: Vec<u8>,
}

impl ProcFile {
    /// Opens `path` for the namespace of the calling thread.
    pub(super) fn open(path: &'static str) -> Result<Self, WitnessError> {
        let file = File::open(path).map_err(|source| WitnessError::File { path, source })?;
        Ok(ProcFile { file, path, buffer: vec![0; 16 << 10] })
    }

    /// The text of this moment.
    pub(super) fn text(&mut self) -> Result<&str, WitnessError> {
        let path = self.path;
        let length = self.read_all().map_err(|source| WitnessError::File { path, source })?;
        std::str::from_utf8(&self.buffer[..length])
            .map_err(|_| WitnessError::Format { path, what: "it is not text".to_owned() })
    }

    /// What is wrong with the text.
    pub(super) fn malformed(&self, what: String) -> WitnessError {
        WitnessError::Format { path: self.path, what }
    }

    fn read_all(&mut self) -> io::Result<usize> {
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                self.buffer.resize(2 * length, 0);
            }
            match self.file.read_at(&mut self.buffer[length..], length as u64) {
                Ok(0) => return Ok(length),
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
