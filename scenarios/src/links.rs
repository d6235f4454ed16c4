//! What is asked of the testbed's links.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// MTU and offloads of the links between testers and DUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Links {
    /// MTU of every link in bytes.
    pub mtu: u32,
    /// Generic segmentation offload, TSO included. With it a counter counts skbs, not wire packets.
    pub gso: bool,
    /// Generic receive offload.
    pub gro: bool,
    /// Checksum offload. With it veth carries packets whose checksums nobody has computed.
    pub checksum: bool,
}

impl Default for Links {
    fn default() -> Self {
        Links { mtu: 1500, gso: false, gro: false, checksum: false }
    }
}

impl Links {
    /// What is wrong with it, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        if !(1280..=65535).contains(&self.mtu) {
            return Err(format!("mtu = {} is out of range: 1280 (the least that IPv6 allows) to 65535", self.mtu));
        }
        if self.gso && !self.checksum {
            return Err("gso = true needs checksum = true: the kernel segments only what it checksums".to_owned());
        }
        Ok(())
    }
}
