//! Every encapsulation, in both families, on the classic path and on the flowtable.

use flowgauge_scenarios::conform::{Bed, Encapsulation, Side};
use flowgauge_scenarios::{Datapath, Family, Topology};

use crate::rig::Rig;
use crate::{Outcome, check};

const ALL: [Encapsulation; 8] = [
    Encapsulation::Vlan,
    Encapsulation::DoubleVlan,
    Encapsulation::Qinq,
    Encapsulation::Pppoe,
    Encapsulation::Bridge,
    Encapsulation::BridgeVlan,
    Encapsulation::Tunnel,
    Encapsulation::Bond,
];

pub(crate) fn each(topology: Topology) -> Outcome {
    for encapsulation in ALL {
        for family in [Family::Ipv4, Family::Ipv6] {
            one(topology, encapsulation, family).map_err(|error| format!("{encapsulation:?} {family:?}: {error:?}"))?;
        }
    }
    Ok(())
}

fn one(topology: Topology, encapsulation: Encapsulation, family: Family) -> Outcome {
    let began = std::time::Instant::now();
    let mut rig = match Rig::new(topology, family, Bed { encapsulation, ..Bed::default() }) {
        // A kernel of a guest has the modules that it was given.
        Err(refused) if refused.is_unsupported() && !crate::guest::is_guest() => {
            println!("{encapsulation:?} {family:?}: {refused}");
            return Ok(());
        }
        rig => rig?,
    };
    let built = began.elapsed();
    rig.apply(Datapath::Conntrack)?;
    let before = rig.classic()?;
    rig.opens(0)?;
    check(rig.classic()? == before + 3, rig.classic())?;
    // What the flowtable makes of it is for cases to say; that packets arrive whole is not.
    let mut claims = Vec::new();
    for datapath in [Datapath::Flowtable, Datapath::FlowtableHw] {
        if datapath.needs_nic() && !topology.has_nic() {
            continue;
        }
        if let Err(refused) = rig.apply(datapath) {
            claims.push(format!("{}: {refused}", datapath.name()));
            continue;
        }
        rig.opens(1)?;
        std::thread::sleep(std::time::Duration::from_millis(50));
        let (before, cpu) = (rig.classic()?, rig.bench.cpu().seen().copied());
        rig.send(Side::Client, 1)?;
        let up = rig.arrival(Side::Server)?;
        rig.send(Side::Server, 1)?;
        let down = rig.arrival(Side::Client)?;
        let saw = rig.bench.cpu().seen().zip(cpu).map(|(after, before)| after - before);
        let whole = (up.is_some_and(|f| f.carried_in.is_empty()), down.map(|f| f.carried_in));
        let classic = rig.classic()? - before;
        claims.push(format!(
            "{}: offloaded {:?}, classic {classic}, cpu {saw:?}, arrived {whole:?}",
            datapath.name(),
            rig.offloaded(1)?
        ));
    }
    println!("{encapsulation:?} {family:?}: built in {} ms; {}", built.as_millis(), claims.join("; "));
    Ok(())
}
