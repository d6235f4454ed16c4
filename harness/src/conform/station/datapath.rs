//! A datapath given to the DUT: its ruleset, its parameters, the faults of its NIC, and no connection from before.

use std::collections::BTreeMap;

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{Mutation, Rules, RulesetRequest, render, sysctls};
use flowgauge_topologies::features;

use super::{Bench, Refused, tables};
use crate::nft;

/// The feature of a port that takes flow rules; the reference NIC drops its rules when it goes off (topologies/nic/port.c).
pub(in crate::conform) const OFFLOAD: &str = "hw-tc-offload";

/// How the names of flowtables' parameters begin.
const FLOWTABLE_PARAMETERS: &str = "net.netfilter.nf_flowtable_";

/// What [`Bench::apply`] put into force.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) text: String,
    mutation: Option<Mutation>,
}

impl Bench {
    /// Gives the DUT the ruleset of a datapath, the station's parameters and the mutation's faults, and lets it forget every
    /// connection. What acts did before is taken back first.
    pub fn apply(&mut self, datapath: Datapath, mutation: Option<Mutation>) -> Result<(), Refused> {
        let dut = &self.bed.dut;
        let request = RulesetRequest {
            station: &self.station,
            datapath,
            mutation,
            lan: &dut.lan_device.name,
            lan_port: &dut.lan.name,
            wan: &dut.wan.name,
        };
        let text = render(&request).map_err(|gap| Refused::Unsupported(format!("{}; {}", gap.reason, gap.instead)))?;
        self.apply_text(text, mutation)
    }

    /// The same with a ruleset of the caller's own, native nft text.
    pub fn apply_text(&mut self, text: String, mutation: Option<Mutation>) -> Result<(), Refused> {
        if self.has(&text) && mutation.is_none() {
            self.restore()?;
            return Ok(self.connections.flush()?);
        }
        // With no ruleset to go back to, only the rest is taken back.
        self.applied = None;
        self.restore()?;
        self.settings.reset(&self.bed.dut.netns)?;
        self.faults(text.contains("flags offload"), mutation)?;
        let flowtables = text.contains("flowtable");
        self.applied = Some(Applied { text, mutation });
        self.state.ports_have_rules = false;
        self.put_ruleset()?;
        let netns = &self.bed.dut.netns;
        for (key, value) in sysctls(&self.station, mutation) {
            match self.settings.set(netns, &key, &value) {
                // A kernel without flowtables has none of their parameters, and can be the reference.
                Err(Refused::Unsupported(_)) if !flowtables && key.starts_with(FLOWTABLE_PARAMETERS) => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Whether a sound ruleset of this text is in force, all of whose state goes with conntrack's entries. A flowtable keeps flows
    /// for a second more, and a case's own rules have quotas and limits.
    fn has(&self, text: &str) -> bool {
        let same = |applied: &Applied| applied.text == text && applied.mutation.is_none();
        let plain = !self.station.bed.alone && self.station.bed.rules == Rules::default();
        plain && !text.contains("flowtable") && self.applied.as_ref().is_some_and(same)
    }

    /// Puts the ruleset into force that was applied last, as if it had never been there.
    pub(super) fn put_ruleset(&mut self) -> Result<(), Refused> {
        let Some(Applied { text, .. }) = self.applied.clone() else { return Ok(()) };
        // Replacing a flowtable with `flags offload` within one transaction is refused with EBUSY.
        if std::mem::replace(&mut self.offloads, text.contains("flags offload")) {
            tables::remove_ruleset(&self.bed.dut.netns)?;
        }
        self.clear_card()?;
        nft::apply(&self.bed.dut.netns, &text)?;
        // Accounting is a parameter of a module that the ruleset may just have loaded.
        if !std::mem::replace(&mut self.accounts, true) {
            self.bed.dut.enable_conntrack_accounting()?;
        }
        Ok(self.connections.flush()?)
    }

    /// Switches exactly the faults of the bed on, where rules go to the NIC, and that of a mutation.
    fn faults(&mut self, offloads: bool, mutation: Option<Mutation>) -> Result<(), Refused> {
        let bed = offloads && mutation != Some(Mutation::NoBedFaults);
        let mut faults = if bed { self.station.bed.faults.clone() } else { BTreeMap::new() };
        if let Some(Mutation::Fault(fault, number)) = mutation {
            faults.insert(fault, number);
        }
        match (&self.card, faults.keys().next()) {
            (Some(card), _) => Ok(card.set_faults(&faults)?),
            (None, None) => Ok(()),
            (None, Some(fault)) => {
                Err(Refused::Unsupported(format!("only the reference NIC has the fault {}", fault.name())))
            }
        }
    }

    /// Removes what the rulesets of before left in the reference NIC.
    fn clear_card(&mut self) -> Result<(), Refused> {
        let Some(card) = &self.card else { return Ok(()) };
        if card.rules()?.is_empty() {
            return Ok(());
        }
        // Rules that are on their way out need the time of a workqueue; what stays is nobody's.
        self.take_rules(false)?;
        self.take_rules(true)
    }

    /// Lets the DUT's ports take flow rules or not.
    pub(in crate::conform) fn take_rules(&self, on: bool) -> Result<(), Refused> {
        let dut = &self.bed.dut;
        let ports = [dut.lan.name.as_str(), dut.wan.name.as_str()];
        dut.netns
            .run(|| ports.iter().try_for_each(|port| features::set(port, &[(OFFLOAD.to_owned(), on)].into())))??;
        Ok(())
    }
}
