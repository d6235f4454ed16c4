//! What the workers in the guest share: the module, what ports are like, programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flowgauge_topologies::{Netns, features};
use nix::kmod::{DeleteModuleFlags, ModuleInitFlags, delete_module, finit_module};

pub(crate) const PORTS: [&str; 4] = ["nic0", "wire0", "nic1", "wire1"];
pub(crate) const PARAMETERS: &str = "/sys/module/flowgauge_nic/parameters";

pub(crate) fn load(module: &str) -> io::Result<()> {
    Ok(finit_module(File::open(module)?, c"", ModuleInitFlags::empty())?)
}

/// Unloads the module although its ports are in use: drivers are. Who reads its dump at the moment holds it a little.
pub(crate) fn unload() -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match delete_module(c"flowgauge_nic", DeleteModuleFlags::O_NONBLOCK) {
            Err(nix::Error::EAGAIN) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            outcome => return Ok(outcome?),
        }
    }
}

/// Runs a program of the host in a namespace with a text on stdin; returns what it said if it failed.
pub(crate) fn feed(netns: &Netns, program: &str, args: &[&str], text: &str) -> Result<(), String> {
    let run = || -> io::Result<_> {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that has failed already reads no more; its status tells.
            let _ = io::Write::write_all(&mut stdin, text.as_bytes());
        }
        child.wait_with_output()
    };
    let output = netns.run(run).map_err(|e| e.to_string())?.map_err(|e| format!("{program}: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// How the ports of the calling thread's namespace are: what `ip -d link` and `ethtool -k` say, without what counts.
pub(crate) fn ports_as_they_are() -> BTreeMap<String, String> {
    let mut ports = BTreeMap::new();
    for port in PORTS {
        let link = Command::new("ip").args(["-d", "-o", "link", "show", "dev", port]).output();
        let link = link.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        // The index is new when another port took the old one meanwhile, and a port that was up once has its qdisc.
        let link =
            link.split_once(": ").map(|(_, rest)| rest.replace("qdisc noop ", "qdisc noqueue ")).unwrap_or_default();
        let features = features::read(port).map(|features| {
            let on = |(name, feature): (_, features::Feature)| {
                (feature.requested || feature.active)
                    .then(|| format!("{name}:{}:{}", feature.requested, feature.active))
            };
            features.into_iter().filter_map(on).collect::<Vec<_>>()
        });
        ports.insert(port.to_owned(), format!("{link}{features:?}"));
    }
    ports
}
