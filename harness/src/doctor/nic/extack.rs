//! The kernel's own words about a refusal, from the tracepoint netlink:netlink_extack.
//!
//! Drivers explain a refused offload by extack, but nf_tables throws the text away: nf_flow_table_offload_setup and
//! nft_block_offload_cmd hand drivers an extack of their own and never look at it again (net/netfilter, to 7.3 at
//! least). Each text does pass the tracepoint (NL_SET_ERR_MSG in include/linux/netlink.h), and a trace instance of our
//! own hears it, for our thread alone, without touching anybody's tracing.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flowgauge_topologies::ProcessId;

/// Where tracefs is mounted: its own place, and the old one below debugfs.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
const EVENT: &str = "events/netlink/netlink_extack";
const PREFIX: &str = "flowgauge-";

/// A trace instance that hears what the kernel tells the thread that made it. Removed when dropped.
#[derive(Debug)]
pub(super) struct Listener {
    instance: PathBuf,
}

impl Listener {
    /// Begins to listen. The error says why that cannot be, and what to do.
    pub(super) fn start() -> Result<Self, String> {
        let root = TRACEFS.iter().map(Path::new).find(|root| root.join("instances").is_dir());
        let Some(root) = root else {
            return Err("tracefs is not mounted: mount -t tracefs nodev /sys/kernel/tracing".to_owned());
        };
        if !root.join(EVENT).is_dir() {
            return Err("this kernel has no tracepoint netlink:netlink_extack (CONFIG_FTRACE)".to_owned());
        }
        let instances = root.join("instances");
        sweep(&instances);
        let instance = instances.join(format!("{PREFIX}{}", std::process::id()));
        let failed = |error: io::Error| format!("a trace instance {}: {error}", instance.display());
        fs::create_dir(&instance).map_err(failed)?;
        let listener = Listener { instance: instance.clone() };
        let write = |file: &str, text: &str| {
            let opened = fs::OpenOptions::new().write(true).open(listener.instance.join(EVENT).join(file));
            opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
        };
        // SAFETY: gettid takes nothing and cannot fail.
        let thread = unsafe { libc::gettid() };
        write("filter", &format!("common_pid == {thread}"))?;
        write("enable", "1")?;
        Ok(listener)
    }

    /// What was said since the start or the last call, each text once.
    pub(super) fn heard(&self) -> Vec<String> {
        let trace = self.instance.join("trace");
        let texts = parse(&fs::read_to_string(&trace).unwrap_or_default());
        // Opening it for truncation empties the buffer.
        let _ = fs::File::create(&trace);
        texts
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.instance);
    }
}

/// Removes instances whose makers were killed.
fn sweep(instances: &Path) {
    for entry in fs::read_dir(instances).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix(PREFIX).and_then(|pid| pid.parse::<u32>().ok());
        let dead = |pid| ProcessId::of(pid).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if maker.is_some_and(dead) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// `  flowgauge-412 [001] .....  7.381: netlink_extack: msg=hw-tc-offload is off`
fn parse(trace: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for line in trace.lines().filter(|line| !line.starts_with('#')) {
        let text = line.split_once("netlink_extack: msg=").map(|(_, text)| text.trim());
        if let Some(text) = text.filter(|text| !texts.iter().any(|known| known == text)) {
            texts.push(text.to_owned());
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_heard_once() {
        let trace = "# tracer: nop\n#\n  flowgauge-412   [001] .....   7.381: netlink_extack: msg=hw-tc-offload is off\n\
                       flowgauge-412   [001] .....   7.382: netlink_extack: msg=hw-tc-offload is off\n\
                       flowgauge-412   [001] .....   7.383: netlink_extack: msg=a: b\n";
        assert_eq!(parse(trace), ["hw-tc-offload is off", "a: b"]);
        assert!(parse("# tracer: nop\n").is_empty());
    }
}
