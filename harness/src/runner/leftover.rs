//! What faults of the reference NIC leave behind: rules that nobody owns go on forwarding under the next ruleset.

use flowgauge_scenarios::Scenario;
use flowgauge_topologies::{Dut, features};

use crate::nft;
use crate::reference_nic::ReferenceNic;
use crate::worker::protocol::Failure;

/// The feature that removes every rule of a port when it is switched off (topologies/nic/port.c).
const OFFLOAD: &str = "hw-tc-offload";

/// Removes the ruleset of the DUT and switches the scenario's faults on.
///
/// As long as the faults stay the same, what they left behind stays too: it is what they do. What others left behind
/// goes, so that no scenario is measured on the rules of another.
pub(super) fn clear(dut: &Dut, scenario: &Scenario) -> Result<(), Failure> {
    // Replacing an offloaded flowtable within one transaction is refused with EBUSY.
    nft::remove(&dut.netns).map_err(Failure::environment)?;
    if !scenario.topology.has_nic() {
        return Ok(());
    }
    let card = ReferenceNic::find().map_err(Failure::environment)?;
    let same = card.faults().map_err(Failure::environment)? == scenario.faults;
    card.set_faults(&scenario.faults).map_err(Failure::environment)?;
    if same || card.rules().map_err(Failure::environment)?.is_empty() {
        return Ok(());
    }
    for port in [&dut.lan.name, &dut.wan.name] {
        let switch = |on| features::set(port, &[(OFFLOAD.to_owned(), on)].into());
        let switched = dut.netns.run(|| switch(false).and_then(|()| switch(true)));
        switched.map_err(Failure::environment)?.map_err(Failure::environment)?;
    }
    match card.rules().map_err(Failure::environment)?.len() {
        0 => Ok(()),
        left => Err(Failure::environment(format!(
            "{left} rules are still in the reference NIC after {OFFLOAD} was switched off at {} and {}: is the module of \
             another version, or did something else bind a flowtable there?",
            dut.lan.name, dut.wan.name
        ))),
    }
}
