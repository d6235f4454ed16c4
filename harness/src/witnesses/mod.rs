//! Witnesses: independent observations of the path packets took.
//!
//! Each reads something else the kernel counts, and each fails alone: what one could not see is a
//! [`Reading::Missing`](flowgauge_reports::observation::Reading) with the reason, and the others go on. Sockets and
//! files are opened once, inside the namespace they belong to; after that any thread may read, and nothing is started.
//! They keep the namespaces alive: drop the witnesses before the testbed, or its namespaces outlive it.

mod attributes;
mod bare_ports;
mod conntrack;
mod cpu;
mod cpu_hit;
mod fake;
mod flags;
mod ingress_rules;
mod ip_forwarding;
pub mod netlink;
mod panel;
mod port_statistics;
mod ports;
mod proc_file;
pub(crate) mod rule_dump;
mod rules;
mod softnet;
mod tap;
mod widening;
mod witness;

pub use bare_ports::{BarePortWitness, Handed};
pub use conntrack::ConntrackWitness;
pub(crate) use conntrack::count as conntrack_count;
pub use cpu::CpuWitness;
pub use cpu_hit::CpuHitWitness;
pub use fake::FakeWitness;
pub use flags::{FlagWitness, offload_flags_of_text};
pub use ingress_rules::{CpuPortWitness, NetdevRuleWitness};
pub use ip_forwarding::IpForwardingWitness;
pub use panel::{Panel, Witnesses};
pub use port_statistics::{DriverWitness, StandardWitness};
pub use ports::{PortNames, PortWitness};
pub use rules::RuleWitness;
pub use tap::{RunningTap, Seen, Sent, Tap, TapError, TapRecord, onsets};
pub use witness::{Witness, WitnessError};
