//! What the guest does while it is sampled.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use libtest_mimic::Failed;

/// Has the kernel make random bytes, which are the output of a cipher.
pub(super) fn random_bytes(count: usize) -> Result<(), Failed> {
    let mut source = File::open("/dev/urandom")?;
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..count / buffer.len() {
        source.read_exact(&mut buffer)?;
    }
    Ok(())
}

/// Takes some instructions a step, none of them the kernel's.
pub(super) fn count_in_user_space(steps: u64) {
    let mut sum = 0_u64;
    for step in 0..steps {
        sum = std::hint::black_box(sum ^ step);
    }
}

/// Lets the kernel's generator put packets before its own receive path, for an address that nothing leads to.
pub(super) fn receive_packets(count: u64) -> Result<(), Failed> {
    generate("lo", count, &["src_min 10.1.1.1", "src_max 10.1.1.1", "dst 10.2.2.2"]).map(drop)
}

/// The same on a port of the forwarder: one flow from the LAN's host to the WAN's, or its other direction. How long the
/// generator took.
pub(super) fn forward(port: &str, count: u64) -> Result<Duration, Failed> {
    let words = match port {
        "lan" => ["dst_mac 02:00:00:00:00:01", "src_min 198.18.0.2", "src_max 198.18.0.2", "dst 198.19.0.2"],
        _ => ["dst_mac 02:00:00:00:00:02", "src_min 198.19.0.2", "src_max 198.19.0.2", "dst 198.18.0.2"],
    };
    generate(port, count, &words)
}

/// Documentation/networking/pktgen.rst.
fn generate(port: &str, count: u64, words: &[&str]) -> Result<Duration, Failed> {
    let folder = Path::new("/proc/net/pktgen");
    let tell = |file: &str, command: &str| -> Result<(), Failed> {
        let line = format!("{command}\n");
        let written =
            File::options().write(true).open(folder.join(file)).and_then(|mut f| f.write_all(line.as_bytes()));
        written.map_err(|e| format!("{command:?} to {file}: {e}").into())
    };
    tell("kpktgend_0", "rem_device_all")?;
    tell("kpktgend_0", &format!("add_device {port}"))?;
    let count = format!("count {count}");
    let flow = ["udp_src_min 9000", "udp_src_max 9000", "udp_dst_min 9000", "udp_dst_max 9000"];
    for command in [&count, "pkt_size 60", "delay 0", "xmit_mode netif_receive"].into_iter().chain(flow) {
        tell(port, command)?;
    }
    for command in words {
        tell(port, command)?;
    }
    tell("pgctrl", "start")?;
    // `Result: OK: 98765(c98700+d65) usec, ...`
    let report = std::fs::read_to_string(folder.join(port))?;
    let took = report.split_once("Result: OK: ").and_then(|(_, rest)| rest.split_once('(')?.0.parse().ok());
    tell("kpktgend_0", "rem_device_all")?;
    Ok(Duration::from_micros(took.ok_or_else(|| format!("pktgen says {report:?}"))?))
}
