//! What the drivers of the DUT's ports count: their own statistics, and those that are standard.

use std::collections::BTreeMap;

use flowgauge_reports::observation::{DriverPort, DriverStatistics, StandardStatistics};
use flowgauge_topologies::Netns;

use super::ports::PortNames;
use super::witness::{Witness, WitnessError};
use crate::ethtool::{EthtoolError, EthtoolSocket, StandardSocket};

/// What a driver without hardware calls itself; its statistics say nothing of one.
const VETH: &str = "veth";

/// Reads what `ethtool -S` shows.
#[derive(Debug)]
pub struct DriverWitness {
    dut: EthtoolSocket,
    names: [String; 2],
}

impl DriverWitness {
    /// Opens an ethtool socket inside `dut`.
    pub fn open(dut: &Netns, names: &PortNames) -> Result<Self, EthtoolError> {
        Ok(DriverWitness { dut: EthtoolSocket::open(dut)?, names: [names.lan.clone(), names.wan.clone()] })
    }

    /// None for a port without statistics of hardware.
    fn port(&self, name: &str) -> Result<Option<DriverPort>, EthtoolError> {
        let driver = self.dut.driver(name)?;
        if driver.name == VETH || driver.statistics == 0 {
            return Ok(None);
        }
        Ok(Some(DriverPort { driver: driver.name, counters: self.dut.statistics(name)? }))
    }
}

impl Witness<DriverStatistics> for DriverWitness {
    fn read(&mut self) -> Result<DriverStatistics, WitnessError> {
        let [lan, wan] = [&self.names[0], &self.names[1]].map(|name| self.port(name));
        match (lan?, wan?) {
            (None, None) => Err(WitnessError::Absent),
            (lan, wan) => Ok(DriverStatistics { lan: lan.unwrap_or_default(), wan: wan.unwrap_or_default() }),
        }
    }
}

/// Reads the standard statistics.
#[derive(Debug)]
pub struct StandardWitness {
    dut: StandardSocket,
    names: [String; 2],
}

impl StandardWitness {
    /// Opens ethtool's family of generic netlink inside `dut`.
    pub fn open(dut: &Netns, names: &PortNames) -> Result<Self, EthtoolError> {
        Ok(StandardWitness { dut: StandardSocket::open(dut)?, names: [names.lan.clone(), names.wan.clone()] })
    }

    fn port(&mut self, port: usize) -> Result<BTreeMap<String, u64>, EthtoolError> {
        match self.dut.read(&self.names[port]) {
            Err(error) if error.is_unsupported() => Ok(BTreeMap::new()),
            outcome => outcome,
        }
    }
}

impl Witness<StandardStatistics> for StandardWitness {
    fn read(&mut self) -> Result<StandardStatistics, WitnessError> {
        let (lan, wan) = (self.port(0)?, self.port(1)?);
        if lan.is_empty() && wan.is_empty() {
            return Err(WitnessError::Absent);
        }
        Ok(StandardStatistics { lan, wan })
    }
}
