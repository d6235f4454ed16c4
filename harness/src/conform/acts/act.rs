//! Acts on connections, links, routes, neighbours and parameters. Each returns what was done, as a sentence's end.

use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::Flow;
use flowgauge_topologies::features;

use crate::conform::station::{Bench, Damage, OFFLOAD, Refused};

impl Bench {
    pub(super) fn delete_connection(&mut self, flow: &Flow, protocol: Protocol) -> Result<String, Refused> {
        let ends = format!("{} {} -> {}", protocol.name(), flow.client, flow.server);
        Ok(match self.connections.delete(flow, protocol)? {
            true => format!("conntrack entry {ends} deleted"),
            false => format!("there was no conntrack entry {ends}"),
        })
    }

    pub(super) fn flush_connections(&mut self) -> Result<String, Refused> {
        self.connections.flush()?;
        Ok("all conntrack entries deleted".to_owned())
    }

    pub(super) fn flap_link(&mut self) -> Result<String, Refused> {
        // Noted before: what fails half way is to be undone too.
        self.damage.insert(Damage::LinkDown);
        self.control.wan_down()?;
        self.control.wan_up()?;
        self.damage.remove(&Damage::LinkDown);
        Ok(format!("{} set down, up and furnished again", self.wan()))
    }

    pub(super) fn down_link(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::LinkDown);
        self.control.wan_down()?;
        Ok(format!("{} set down", self.wan()))
    }

    pub(super) fn delete_port(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::PortAway);
        self.control.wan_leaves()?;
        // The cable stays, and with it the tester's port; in the DUT all that hung on the port goes as when it is deleted.
        Ok(format!("{} left for another namespace", self.wan()))
    }

    pub(super) fn route(&mut self, away: bool) -> Result<String, Refused> {
        self.damage.insert(Damage::Routes);
        let how = match away {
            true => self.control.server_away().map(|()| "routed towards the client")?,
            false => self.control.server_unreachable().map(|()| "unreachable")?,
        };
        Ok(format!("the server's pools are {how}"))
    }

    pub(super) fn move_neighbour(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::Neighbours);
        let mac = self.control.neighbour_moves()?.map(|byte| format!("{byte:02x}")).join(":");
        Ok(format!("the server's link addresses are at {mac}"))
    }

    pub(super) fn fail_neighbour(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::Neighbours);
        self.control.neighbour_fails()?;
        Ok("the neighbours at the server's link addresses are deleted".to_owned())
    }

    pub(super) fn set_wan_mtu(&mut self, mtu: u32) -> Result<String, Refused> {
        self.damage.insert(Damage::Mtu);
        self.control.wan_mtu(mtu)?;
        Ok(format!("MTU of {} set to {mtu}", self.wan()))
    }

    pub(super) fn remove_address(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::Addresses);
        self.control.wan_loses_addresses()?;
        Ok(format!("addresses of {} removed", self.wan()))
    }

    pub(super) fn set_parameter(&mut self, key: &str, value: &str) -> Result<String, Refused> {
        let key = self.named(key);
        self.damage.insert(Damage::Settings);
        self.set(&key, value)?;
        Ok(format!("{key} = {value}"))
    }

    pub(super) fn move_client(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::Forwarding);
        match self.control.client_elsewhere()? {
            true => Ok("the bridge takes the client to be at elsewhere0".to_owned()),
            false => {
                Err(Refused::Broken("this station has no bridge: its bed needs encapsulation = \"bridge\"".to_owned()))
            }
        }
    }

    pub(super) fn offload_off(&mut self) -> Result<String, Refused> {
        let dut = &self.bed.dut;
        let lan = &dut.lan.name;
        let is_on = dut.netns.run(|| features::read(lan))??.get(OFFLOAD).is_some_and(|feature| feature.active);
        if !is_on {
            return Ok(format!("{OFFLOAD} of {lan} was off"));
        }
        self.damage.insert(Damage::Offload);
        self.take_rules(false)?;
        Ok(format!("{OFFLOAD} switched off at both ports"))
    }

    fn wan(&self) -> &str {
        &self.bed.dut.wan.name
    }
}
