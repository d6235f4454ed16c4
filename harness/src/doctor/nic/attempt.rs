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
        /// What the refusal says something of.
        subject: Subject,
        /// What to do about it.
        advice: String,
    },
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The port or its driver: it does not offload this, here and now.
    Port,
    /// The kernel or the caller's privileges: nothing is said of the port.
    Environment,
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
            let (subject, advice) = advice(mechanism, ports, refused.errno, software);
            let error = describe(refused.errno);
            Outcome::Refused {
                step: refused.step.to_owned(),
                errno: refused.errno,
                error,
                words,
                silence,
                subject,
                advice,
            }
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

/// What a refusal is about and what to do. `software` tells whether the same flowtable is taken without `flags offload`.
fn advice(
    mechanism: Mechanism,
    ports: &[&PortFacts],
    errno: i32,
    software: impl FnOnce() -> bool,
) -> (Subject, String) {
    let with = |wanted| ports.iter().filter(move |port| port.hw_tc_offload == wanted);
    let off: Vec<String> =
        with(HwTcOffload::Off).map(|port| format!("ethtool -K {} hw-tc-offload on", port.port)).collect();
    let fixed: Vec<String> = with(HwTcOffload::Fixed)
        .map(|port| format!("{} ({})", port.port, port.driver.as_deref().unwrap_or("driver unknown")))
        .collect();
    let environment = |text: &str| (Subject::Environment, text.to_owned());
    let port = |text: String| (Subject::Port, text);
    match errno {
        libc::EPERM => environment("it needs CAP_NET_ADMIN: sudo flowgauge doctor --nic ..."),
        _ if mechanism == Mechanism::Flowtable && !software() => environment(
            "this kernel refuses the same flowtable without flags offload too, so nothing is said of the port: it lacks \
             NF_FLOW_TABLE or NF_FLOW_TABLE_INET (modprobe nf_flow_table_inet); boot one that has them",
        ),
        libc::EBUSY => port(
            "something else holds the port's offload block: see `tc filter show block` and other namespaces, or reload \
             the driver"
                .to_owned(),
        ),
        _ if !off.is_empty() => port(format!("switch it on and try again: {}", off.join("; "))),
        _ if !fixed.is_empty() => port(format!(
            "{} takes no flow rules; a NIC whose driver has TC_SETUP_FT and TC_SETUP_BLOCK is needed (mlx5 in switchdev \
             mode, mtk_eth_soc, ...), or the reference NIC: --nic reference",
            fixed.join(", ")
        )),
        _ => port(
            "ask the driver's vendor which mode and firmware it needs (mlx5: devlink dev eswitch set ... mode switchdev)"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(hw_tc_offload: HwTcOffload) -> PortFacts {
        let driver = Some("d".to_owned());
        PortFacts {
            port: "p0".to_owned(),
            driver,
            bus: String::new(),
            firmware: String::new(),
            hw_tc_offload,
            known: None,
        }
    }

    #[test]
    fn the_advice_fits_what_is_wrong() {
        let advice =
            |hw_tc, errno, software: bool| advice(Mechanism::Flowtable, &[&port(hw_tc)], errno, move || software);
        for (hw_tc, errno, software, subject, text) in [
            (HwTcOffload::Off, libc::EOPNOTSUPP, true, Subject::Port, "ethtool -K p0 hw-tc-offload on"),
            (HwTcOffload::Fixed, libc::EOPNOTSUPP, true, Subject::Port, "p0 (d) takes no flow rules"),
            (HwTcOffload::On, libc::EBUSY, true, Subject::Port, "holds"),
            (HwTcOffload::On, libc::EOPNOTSUPP, true, Subject::Port, "vendor"),
            (HwTcOffload::Off, libc::ENOENT, false, Subject::Environment, "NF_FLOW_TABLE"),
            (HwTcOffload::On, libc::EPERM, false, Subject::Environment, "CAP_NET_ADMIN"),
        ] {
            let (about, said) = advice(hw_tc, errno, software);
            assert!(about == subject && said.contains(text), "{hw_tc:?} {errno}: {said}");
        }
    }

    #[test]
    fn an_errno_has_its_name() {
        assert!(describe(libc::EOPNOTSUPP).starts_with("EOPNOTSUPP: Operation not supported"));
    }
}
