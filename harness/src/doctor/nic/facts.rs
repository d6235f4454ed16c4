//! What a port says of itself.

use flowgauge_topologies::features;
use serde::{Deserialize, Serialize};

use super::known::known;
use crate::ethtool::{Driver, EthtoolError, EthtoolSocket};

/// Whether a port's hw-tc-offload, the switch of all flow rules, is on. Some drivers have none and offload all the same
/// (mtk, DSA); the core asks no driver to heed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HwTcOffload {
    /// On, and can be switched off.
    On,
    /// Off, and can be switched on.
    Off,
    /// On for good.
    OnFixed,
    /// The driver has none: `off [fixed]`.
    Fixed,
    /// This kernel does not know it.
    Absent,
    /// The port's features cannot be read.
    Unreadable,
}

impl HwTcOffload {
    /// Reads it from `port` of the calling thread's namespace.
    pub(crate) fn read(port: &str) -> Self {
        let Ok(features) = features::read(port) else { return HwTcOffload::Unreadable };
        match features.get("hw-tc-offload").map(|feature| (feature.active, feature.changeable)) {
            Some((true, true)) => HwTcOffload::On,
            Some((false, true)) => HwTcOffload::Off,
            Some((true, false)) => HwTcOffload::OnFixed,
            Some((false, false)) => HwTcOffload::Fixed,
            None => HwTcOffload::Absent,
        }
    }

    /// As a line of a report says it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            HwTcOffload::On => "hw-tc-offload on",
            HwTcOffload::Off => "hw-tc-offload off",
            HwTcOffload::OnFixed => "hw-tc-offload on (fixed)",
            HwTcOffload::Fixed => "no hw-tc-offload (fixed off)",
            HwTcOffload::Absent => "hw-tc-offload unknown to this kernel",
            HwTcOffload::Unreadable => "features unreadable",
        }
    }
}

/// A port, as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortFacts {
    /// Its name.
    pub port: String,
    /// Its driver; none where it does not say.
    pub driver: Option<String>,
    /// Where it sits, such as `0000:03:00.0`; empty for a virtual port.
    pub bus: String,
    /// The version of its firmware; empty where it has none or does not say.
    pub firmware: String,
    /// Its switch for flow rules.
    pub hw_tc_offload: HwTcOffload,
    /// What the source of its driver says of offload, where that is known.
    pub known: Option<String>,
}

impl PortFacts {
    /// Reads them from `port` of the calling thread's namespace. Changes nothing.
    pub(super) fn read(port: &str) -> Self {
        let driver = driver_of(port);
        let Driver { name, firmware, bus, .. } = driver.as_ref().cloned().unwrap_or_default();
        PortFacts {
            port: port.to_owned(),
            known: known(&name).map(str::to_owned),
            driver: driver.is_ok().then_some(name),
            bus,
            firmware,
            hw_tc_offload: HwTcOffload::read(port),
        }
    }
}

/// The driver of `port`, in the namespace of the calling thread.
pub(crate) fn driver_of(port: &str) -> Result<Driver, EthtoolError> {
    let mut driver = EthtoolSocket::here()?.driver(port)?;
    // Where a driver does not say, it or the kernel writes so.
    for field in [&mut driver.firmware, &mut driver.bus] {
        if field == "N/A" {
            field.clear();
        }
    }
    Ok(driver)
}
