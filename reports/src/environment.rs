//! The fingerprint of where a run took place.

use flowgauge_scenarios::Topology;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What time is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Seconds of the machine. Comparable within one run only when the machine is shared or emulated.
    Wall,
    /// Instructions that the kernel under test executed: one nanosecond of its time is one instruction (QEMU's
    /// `-icount shift=0`). Exact and repeatable on any machine; blind to caches, memory and devices.
    Instructions,
}

/// What executes the kernel's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Accelerator {
    /// The machine itself: the host's kernel.
    Native,
    /// A VM by KVM.
    Kvm,
    /// A VM by QEMU's emulation. Figures are ratios, not speeds of hardware.
    Tcg,
}

/// A program and the version it gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// The program.
    pub name: String,
    /// The first line of its version.
    pub version: String,
}

/// A port of the testbed and its driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nic {
    /// The topology that it belongs to.
    #[serde(default)]
    pub topology: Topology,
    /// Whether it is the reference NIC: then figures of hardware are those of a simulation.
    #[serde(default)]
    pub simulated: bool,
    /// The role: client, lan, wan, server.
    pub role: String,
    /// The interface's name.
    pub name: String,
    /// The driver that ethtool names.
    pub driver: String,
    /// Offload features in force that change what a counter counts (`tx-generic-segmentation`, `rx-gro`, ...).
    pub features: Vec<String>,
}

/// The machine, the kernel and the tools of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// flowgauge's own version.
    pub flowgauge: String,
    /// `uname -r` of the kernel under test.
    pub kernel_release: String,
    /// `uname -v` of the kernel under test.
    pub kernel_version: String,
    /// Where the kernel came from: `host`, `debian:6.12 (linux-image-...)`, a path.
    pub kernel_origin: String,
    /// What executes it.
    pub accelerator: Accelerator,
    /// What time is measured in.
    pub clock: Clock,
    /// CPU model, as the kernel under test sees it.
    pub cpu: String,
    /// CPU model of the host, where that is another.
    pub host_cpu: String,
    /// CPUs of the kernel under test.
    pub cpus: u32,
    /// Memory of the kernel under test in bytes.
    pub memory_bytes: u64,
    /// The topology's name.
    pub topology: String,
    /// The testbed's ports.
    pub nics: Vec<Nic>,
    /// Programs that took part.
    pub tools: Vec<Tool>,
    /// Settings of the DUT that change results (`net.netfilter.nf_conntrack_acct = 1`).
    pub settings: Vec<String>,
}

impl Environment {
    /// Whether the DUT's ports in `topology` are those of the reference NIC.
    pub fn simulates(&self, topology: Topology) -> bool {
        let dut = |nic: &&Nic| nic.topology == topology && matches!(nic.role.as_str(), "lan" | "wan");
        self.nics.iter().filter(dut).any(|nic| nic.simulated)
    }

    /// Takes in the fingerprint of another topology of the same run: its ports, by topology and role, and what else it
    /// names that is not there yet.
    pub fn merge(&mut self, other: Environment) {
        if !self.topology.split(", ").any(|name| name == other.topology) {
            self.topology = format!("{}, {}", self.topology, other.topology);
        }
        for nic in other.nics {
            match self.nics.iter_mut().find(|n| (n.topology, &n.role) == (nic.topology, &nic.role)) {
                Some(known) => *known = nic,
                None => self.nics.push(nic),
            }
        }
        self.tools.extend(other.tools.into_iter().filter(|tool| !self.tools.contains(tool)).collect::<Vec<_>>());
        self.settings.extend(other.settings.into_iter().filter(|s| !self.settings.contains(s)).collect::<Vec<_>>());
    }
}
