//! One way of offloading, tried for real.

use std::io;

use flowgauge_topologies::Netns;
use serde::{Deserialize, Serialize};

use super::extack::Listener;
use super::facts::{HwTcOffload, PortFacts};
use crate::nft::{self, BatchError};
use crate::witnesses::netlink::NetlinkError;

/// What was asked of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// A flowtable with `flags offload`: TC_SETUP_FT.
    Flowtable,
    /// A netdev ingress chain with `flags offload`: TC_SETUP_BLOCK.
    NetdevChain,
}

impl Mechanism {
    /// As a line of a report says it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Mechanism::Flowtable => "flowtable with flags offload",
            Mechanism::NetdevChain => "netdev chain with flags offload",
        }
    }
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was asked.
    pub mechanism: Mechanism,
    /// Of which ports, together.
    pub ports: Vec<String>,
    /// The answer.
    pub outcome: Outcome,
}

/// The kernel's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Bound, and unbound again.
    Taken,
    /// Refused.
    Refused {
        /// What the kernel refused, such as `to make the flowtable`.
        step: String,
        /// Its errno.
        errno: i32,
        /// The errno's name and text, such as `EOPNOTSUPP: Operation not supported on transport endpoint`.
        error: String,
        /// What kernel and driver said beside it, in their own words.
        words: Vec<String>,
        /// Why there are no words, where there are none.
        silence: String,
        /// What to do about it.
        advice: String,
    },
}

/// The name of this process's scratch table.
pub(super) fn scratch_table() -> String {
    format!("flowgauge_doctor_{}", std::process::id())
}

/// Asks the drivers of `ports` to take `mechanism`, in a transaction that also takes it back.
pub(super) fn attempt(
    netns: &Netns,
    mechanism: Mechanism,
    ports: &[&PortFacts],
    listener: &Result<Listener, String>,
) -> Result<Attempt, NetlinkError> {
    let names: Vec<&str> = ports.iter().map(|port| port.port.as_str()).collect();
    let table = scratch_table();
    if let Ok(listener) = listener {
        // What an earlier attempt was told.
        listener.heard();
    }
    let answer = match mechanism {
        Mechanism::Flowtable => nft::try_flowtable(netns, &table, &names, true),
        Mechanism::NetdevChain => names.iter().try_for_each(|port| nft::try_chain(netns, &table, port)),
    };
    let outcome = match answer {
        Ok(()) => Outcome::Taken,
        Err(BatchError::Netlink(error)) => return Err(error),
        Err(BatchError::Refused(refused)) => {
            let said = Some(refused.extack.clone()).filter(|text| !text.is_empty());
            let heard = listener.as_ref().map(Listener::heard).unwrap_or_default();
            let words: Vec<String> =
                said.iter().chain(heard.iter().filter(|text| Some(*text) != said.as_ref())).cloned().collect();
            let silence = match listener {
                _ if !words.is_empty() => String::new(),
                Ok(_) => "neither kernel nor driver said why".to_owned(),
                Err(why) => format!("nf_tables does not pass on what a driver says, and it cannot be overheard: {why}"),
            };
            let software = || nft::try_flowtable(netns, &table, &names, false).is_ok();
            let advice = advice(mechanism, ports, refused.errno, software);
            let error = describe(refused.errno);
            Outcome::Refused { step: refused.step.to_owned(), errno: refused.errno, error, words, silence, advice }
        }
    };
    Ok(Attempt { mechanism, ports: names.into_iter().map(str::to_owned).collect(), outcome })
}

/// `EOPNOTSUPP: Operation not supported`
fn describe(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    format!("{:?}: {text}", nix::Error::from_raw(errno))
}

/// What to do. `software` tells whether the same flowtable is taken without `flags offload`.
fn advice(mechanism: Mechanism, ports: &[&PortFacts], errno: i32, software: impl FnOnce() -> bool) -> String {
    let off: Vec<&str> =
        ports.iter().filter(|p| p.hw_tc_offload == HwTcOffload::Off).map(|p| p.port.as_str()).collect();
    let fixed: Vec<String> = ports
        .iter()
        .filter(|p| matches!(p.hw_tc_offload, HwTcOffload::Fixed))
        .map(|p| format!("{} ({})", p.port, p.driver.as_deref().unwrap_or("driver unknown")))
        .collect();
    match errno {
        libc::EPERM => "it needs CAP_NET_ADMIN: sudo flowgauge doctor --nic ...".to_owned(),
        _ if mechanism == Mechanism::Flowtable && !software() => {
            "the kernel refuses the same flowtable without flags offload too, so this says nothing of the port: it lacks \
             NF_FLOW_TABLE and NF_FLOW_TABLE_INET (modprobe nf_flow_table_inet), or boot one that has them: --kernel \
             debian:6.12"
                .to_owned()
        }
        libc::EBUSY => "something else holds the port's offload block: see `tc filter show block` and other namespaces, \
                        or reload the driver"
            .to_owned(),
        _ if !off.is_empty() => {
            let switch: Vec<String> = off.iter().map(|port| format!("ethtool -K {port} hw-tc-offload on")).collect();
            format!("switch it on and try again: {}", switch.join("; "))
        }
        _ if !fixed.is_empty() => format!(
            "{} takes no flow rules; a NIC whose driver has TC_SETUP_FT and TC_SETUP_BLOCK is needed (mlx5 in switchdev \
             mode, mtk_eth_soc, ...), or the reference NIC: --nic reference",
            fixed.join(", ")
        ),
        _ => "ask the driver's vendor which mode and firmware it needs (mlx5: devlink dev eswitch set ... mode switchdev)"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(hw_tc_offload: HwTcOffload) -> PortFacts {
        let driver = Some("d".to_owned());
        PortFacts { port: "p0".to_owned(), driver, bus: String::new(), firmware: String::new(), hw_tc_offload }
    }

    #[test]
    fn the_advice_fits_what_is_wrong() {
        let advice =
            |hw_tc, errno, software: bool| advice(Mechanism::Flowtable, &[&port(hw_tc)], errno, move || software);
        assert!(advice(HwTcOffload::Off, libc::EOPNOTSUPP, true).contains("ethtool -K p0 hw-tc-offload on"));
        assert!(advice(HwTcOffload::Fixed, libc::EOPNOTSUPP, true).starts_with("p0 (d) takes no flow rules"));
        assert!(advice(HwTcOffload::Off, libc::ENOENT, false).contains("NF_FLOW_TABLE"));
        assert!(advice(HwTcOffload::On, libc::EBUSY, true).contains("holds"));
        assert!(advice(HwTcOffload::On, libc::EPERM, false).contains("CAP_NET_ADMIN"));
        assert!(advice(HwTcOffload::On, libc::EOPNOTSUPP, true).contains("vendor"));
    }

    #[test]
    fn an_errno_has_its_name() {
        assert!(describe(libc::EOPNOTSUPP).starts_with("EOPNOTSUPP: Operation not supported"));
    }
}
