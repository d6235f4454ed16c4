//! What the guest does while it is sampled.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

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
    let folder = Path::new("/proc/net/pktgen");
    let tell = |file: &str, command: &str| -> Result<(), Failed> {
        let written = File::options()
            .write(true)
            .open(folder.join(file))
            .and_then(|mut f| f.write_all(format!("{command}\n").as_bytes()));
        written.map_err(|e| format!("{command:?} to {file}: {e}").into())
    };
    tell("kpktgend_0", "rem_device_all")?;
    tell("kpktgend_0", "add_device lo")?;
    let count = format!("count {count}");
    for command in [&count, "pkt_size 60", "delay 0", "xmit_mode netif_receive", "src_min 10.1.1.1", "src_max 10.1.1.1"]
    {
        tell("lo", command)?;
    }
    tell("lo", "dst 10.2.2.2")?;
    tell("pgctrl", "start")?;
    tell("kpktgend_0", "rem_device_all")
}
