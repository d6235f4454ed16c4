//! The fingerprint of a rig: kernel, CPU, ports, tools, settings.

use std::fs;
use std::process::Command;

use flowgauge_reports::environment::{Environment, Nic, Tool};
use flowgauge_reports::observation::{Observation, Reading};
use flowgauge_scenarios::{Engine, Links, Topology};
use flowgauge_topologies::{Netns, Testbed};

use crate::nft;
use crate::session::cpu_model;
use crate::worker::protocol::Job;

/// Settings of the DUT that change what is measured, as paths below /proc/sys.
const SETTINGS: [&str; 11] = [
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/ipv4/conf/all/rp_filter",
    "net/netfilter/nf_conntrack_acct",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_buckets",
    "net/netfilter/nf_conntrack_udp_timeout",
    "net/netfilter/nf_conntrack_udp_timeout_stream",
    "net/netfilter/nf_flowtable_tcp_timeout",
    "net/netfilter/nf_flowtable_udp_timeout",
    "net/core/netdev_max_backlog",
];

/// Reads it on the kernel that we run on.
pub(crate) fn read(job: &Job, topology: Topology, live: Option<(&Testbed, Links)>) -> Environment {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    Environment {
        flowgauge: env!("CARGO_PKG_VERSION").to_owned(),
        kernel_release: line("/proc/sys/kernel/osrelease"),
        kernel_version: line("/proc/sys/kernel/version"),
        kernel_origin: job.kernel_origin.clone(),
        accelerator: job.accelerator,
        clock: job.clock,
        cpu: cpu_model(),
        host_cpu: job.host_cpu.clone(),
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        memory_bytes: memory_bytes(&line("/proc/meminfo")),
        topology: topology.name().to_owned(),
        nics: live.map(|(bed, links)| nics(topology, bed, links)).unwrap_or_default(),
        tools: tools(job),
        settings: live.map(|(bed, _)| settings(&bed.dut.netns)).unwrap_or_default(),
    }
}

fn memory_bytes(meminfo: &str) -> u64 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    total.and_then(|kib| kib.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}

fn nics(topology: Topology, bed: &Testbed, links: Links) -> Vec<Nic> {
    let mut features = vec![format!("mtu {}", links.mtu)];
    for (name, on) in [("gso", links.gso), ("gro", links.gro), ("checksum", links.checksum)] {
        features.push(format!("{name} {}", if on { "on" } else { "off" }));
    }
    let ports =
        [("client", &bed.client.port), ("lan", &bed.dut.lan), ("wan", &bed.dut.wan), ("server", &bed.server.port)];
    ports
        .into_iter()
        .map(|(role, port)| Nic {
            topology,
            simulated: bed.simulated,
            role: role.to_owned(),
            name: port.name.clone(),
            driver: port.driver.clone(),
            features: features.clone(),
        })
        .collect()
}

fn tools(job: &Job) -> Vec<Tool> {
    let mut tools: Vec<Tool> =
        job.host_tools.iter().map(|(n, v)| Tool { name: n.clone(), version: v.clone() }).collect();
    if let Ok(version) = nft::version() {
        tools.push(Tool { name: "nft".to_owned(), version });
    }
    if job.plan.scenarios.iter().any(|s| s.engine == Engine::Iperf3) {
        let output = Command::new("iperf3").arg("--version").output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        tools.extend(text.lines().next().map(|v| Tool { name: "iperf3".to_owned(), version: v.to_owned() }));
    }
    tools
}

/// Those settings that this kernel has, as the DUT's namespace sees them.
fn settings(dut: &Netns) -> Vec<String> {
    let read = || {
        let value = |path: &str| fs::read_to_string(format!("/proc/sys/{path}")).ok();
        let settings = SETTINGS.iter().filter_map(|path| Some((path, value(path)?)));
        settings.map(|(path, value)| format!("{} = {}", path.replace('/', "."), value.trim())).collect()
    };
    dut.run(read).unwrap_or_default()
}

/// What is observed where there is no testbed.
pub(super) fn nothing_to_observe() -> Observation {
    fn missing<T>() -> Reading<T> {
        Reading::Missing { why: "no testbed is built".to_owned() }
    }
    Observation {
        ports: missing(),
        rules: missing(),
        ip_forwarding: missing(),
        conntrack: missing(),
        ..Observation::default()
    }
}
