//! What acts did to the DUT that has to be undone, in the order in which it can be.

use super::{Bench, Refused};

/// Something that an act left other than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::conform) enum Damage {
    /// The WAN port is not in the DUT.
    PortAway,
    /// The WAN port is down.
    LinkDown,
    /// The WAN port has another MTU.
    Mtu,
    /// The WAN port lacks its addresses, and what depends on them.
    Addresses,
    /// The server's pools are routed elsewhere.
    Routes,
    /// The server's link addresses are elsewhere.
    Neighbours,
    /// The bridge takes the client to be elsewhere.
    Forwarding,
    /// Ports take no flow rules.
    Offload,
    /// An IPsec tunnel ends in the DUT.
    Ipsec,
    /// Parameters have other values.
    Settings,
    /// The ruleset is not the datapath's.
    Ruleset,
}

impl Bench {
    /// Takes back what acts did since [`Bench::apply`]: as little as that needs.
    pub fn restore(&mut self) -> Result<(), Refused> {
        // In the order of the list: a port before what is on it, the ruleset when all its names are there.
        while let Some(damage) = self.damage.pop_first() {
            if let Err(refused) = self.undo(damage) {
                // It is still to be done, if somebody tries again.
                self.damage.insert(damage);
                return Err(refused);
            }
        }
        Ok(())
    }

    fn undo(&mut self, damage: Damage) -> Result<(), Refused> {
        match damage {
            Damage::PortAway => {
                self.control.wan_returns()?;
                // What hung on the port went with it: chains at its ingress, its place in the flowtable.
                self.lanes.again(&self.bed.dut)?;
                self.damage.insert(Damage::Ruleset);
            }
            Damage::LinkDown => self.control.wan_up()?,
            Damage::Mtu => self.control.wan_mtu_back()?,
            Damage::Addresses => self.control.wan_furnished()?,
            Damage::Routes => self.control.server_back()?,
            Damage::Neighbours => self.control.neighbour_back()?,
            Damage::Forwarding => self.control.client_back()?,
            Damage::Offload => {
                self.take_rules(true)?;
                self.damage.insert(Damage::Ruleset);
            }
            Damage::Ipsec => self.forget_tunnels()?,
            Damage::Settings => self.acted_settings.reset(&self.bed.dut.netns)?,
            Damage::Ruleset => self.put_ruleset()?,
        }
        Ok(())
    }
}
