//! One nft that takes command after command: under emulation a start costs more than what it does.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use flowgauge_topologies::Netns;

/// `nft -i` in a namespace. Dropping it ends it.
pub(crate) struct NftShell {
    nft: Child,
    commands: ChildStdin,
    complaints: BufReader<std::process::ChildStderr>,
    asked: u64,
}

impl NftShell {
    pub(crate) fn open(netns: &Netns) -> Result<NftShell, Box<dyn std::error::Error + Send + Sync>> {
        let start = || {
            let (stdin, stderr) = (Stdio::piped(), Stdio::piped());
            Command::new("nft").arg("-i").stdin(stdin).stdout(Stdio::null()).stderr(stderr).spawn()
        };
        let mut nft = netns.run(start)??;
        let commands = nft.stdin.take().ok_or("no stdin")?;
        let complaints = BufReader::new(nft.stderr.take().ok_or("no stderr")?);
        Ok(NftShell { nft, commands, complaints, asked: 0 })
    }

    /// Executes a text as one transaction. The error is what nft complained about.
    pub(crate) fn apply(&mut self, text: &str) -> io::Result<Result<(), String>> {
        self.asked += 1;
        // A line is a transaction. nft says nothing of success, so a question follows that it must complain about.
        let end = format!("list table inet no_such_table_{}", self.asked);
        writeln!(self.commands, "{}\n{end}", text.trim().replace('\n', ";"))?;
        let mut complaints = Vec::new();
        loop {
            let mut line = String::new();
            if self.complaints.read_line(&mut line)? == 0 {
                return Err(io::Error::other("nft has ended"));
            }
            if line.contains(&end) {
                break;
            }
            if line.contains("Error") {
                complaints.push(line.trim().to_owned());
            }
        }
        // The last is about the question.
        complaints.pop();
        Ok(complaints.pop().map_or(Ok(()), Err))
    }
}

impl Drop for NftShell {
    fn drop(&mut self) {
        // It ends by itself when its stdin does; this is for one that hangs.
        let _ = self.nft.kill();
        let _ = self.nft.wait();
    }
}
