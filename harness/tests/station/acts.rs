//! Acts, and that they can be undone.

use flowgauge_reports::conform::ActRun;
use flowgauge_scenarios::conform::{Act, Bed, Encapsulation, Side};
use flowgauge_scenarios::{Datapath, Family, Protocol, Topology};

use crate::rig::Rig;
use crate::{Outcome, check};

fn acts(rig: &mut Rig, act: &Act) -> ActRun {
    let flow = rig.flow(0);
    let run = rig.bench.act(act, &flow, Family::Ipv4, Protocol::Udp);
    println!("{act:?}: {} in {} us: {}", run.done, run.duration_ns / 1000, run.said.trim());
    run
}

/// What becomes of a packet upstream after an act.
enum Then {
    Crosses,
    Lost,
    /// It comes back to the client's side.
    Returns,
    /// It is sent to another MAC address.
    Elsewhere,
}

fn list() -> Vec<(Act, Then)> {
    vec![
        (Act::ConntrackDelete, Then::Crosses),
        (Act::ConntrackFlush, Then::Crosses),
        (Act::LinkFlap, Then::Crosses),
        (Act::LinkDown, Then::Lost),
        (Act::PortDelete, Then::Lost),
        (Act::RouteUnreachable, Then::Lost),
        (Act::RouteAway, Then::Returns),
        (Act::NeighbourMoves, Then::Elsewhere),
        (Act::NeighbourFails, Then::Lost),
        (Act::WanMtu(1400), Then::Crosses),
        (Act::AddressRemove, Then::Lost),
        (Act::Sysctl("net.ipv4.ip_forward".to_owned(), "0".to_owned()), Then::Lost),
        (Act::OffloadOff, Then::Crosses),
        (Act::TableDelete, Then::Crosses),
        (Act::TableFlush, Then::Crosses),
        (Act::Reload, Then::Crosses),
        (Act::Nft("add rule {table} forward drop".to_owned()), Then::Lost),
        (Act::Nft("insert rule {table} forward iifname \"{lan}\" oifname \"{wan}\" drop".to_owned()), Then::Lost),
    ]
}

pub(crate) fn each_does(topology: Topology) -> Outcome {
    let mut rig = Rig::plain(topology)?;
    rig.apply(Datapath::Conntrack)?;
    for (act, then) in list() {
        rig.opens(0)?;
        let run = acts(&mut rig, &act);
        check(run.done && !run.said.is_empty(), (&act, &run))?;
        match then {
            // Of a new flow, since the old one may be accepted as established.
            Then::Crosses => rig.crosses(Side::Client, 1)?,
            Then::Lost => {
                rig.send(Side::Client, 1)?;
                let arrived = rig.arrival(Side::Server)?;
                check(arrived.is_none(), (&act, arrived))?;
            }
            Then::Returns => {
                rig.send(Side::Client, 1)?;
                let arrived = rig.arrival(Side::Client)?;
                check(arrived.as_ref().is_some_and(|frame| frame.datagram.hops == 63), (&act, arrived))?;
            }
            Then::Elsewhere => {
                rig.send(Side::Client, 1)?;
                let arrived = rig.arrival(Side::Server)?;
                check(arrived.as_ref().is_some_and(|frame| frame.to_mac[5] == 9), (&act, arrived))?;
            }
        }
        rig.bench.restore().map_err(|refused| format!("{act:?}: {refused}"))?;
    }
    // An act on what is not there says so, and does nothing.
    check(!acts(&mut rig, &Act::BridgeMoves).done, "there is no bridge")?;
    check(!acts(&mut rig, &Act::Nft("no such statement".to_owned())).done, "nft cannot read it")?;
    check(!acts(&mut rig, &Act::Sysctl("net.no.such".to_owned(), "1".to_owned())).done, "no such parameter")?;
    rig.bench.restore()?;
    rig.opens(2)
}

/// On every datapath that the topology has: the lanes after an act and its undoing are those of the beginning.
pub(crate) fn each_is_undone(topology: Topology) -> Outcome {
    let datapath = if topology.has_nic() { Datapath::FlowtableHw } else { Datapath::Flowtable };
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut rig = Rig::new(topology, family, Bed::default())?;
        if !rig.offloads(datapath)? {
            return Ok(());
        }
        for (number, (act, _)) in (0..).zip(list()) {
            let number = number * 2;
            rig.opens(number)?;
            let run = acts(&mut rig, &act);
            // A NIC's flowtable cannot be replaced in one transaction: some kernels refuse it.
            check(run.done || act == Act::Reload, (&act, &run))?;
            let began = std::time::Instant::now();
            rig.bench.restore().map_err(|refused| format!("{act:?}: {refused}"))?;
            println!("  undone in {} us", began.elapsed().as_micros());
            rig.opens(number + 1)?;
            check(rig.offloaded(number + 1)?.0, (&act, "it is not offloaded any more"))?;
            if topology.has_nic() {
                rig.in_hardware(number + 1)?;
            }
            let before = rig.classic()?;
            rig.crosses(Side::Client, number + 1)?;
            rig.crosses(Side::Server, number + 1)?;
            check(rig.classic()? == before, (&act, "it is not bypassed any more"))?;
        }
    }
    Ok(())
}

pub(crate) fn rulesets(topology: Topology) -> Outcome {
    let mut rig = Rig::plain(topology)?;
    if !rig.offloads(Datapath::Flowtable)? {
        return Ok(());
    }
    rig.opens(0)?;
    let before = rig.classic()?;
    check(acts(&mut rig, &Act::FlowtableDelete).done, "it is deleted")?;
    rig.crosses(Side::Client, 0)?;
    check(rig.classic()? == before + 1, "with no flowtable it is on the classic path")?;
    rig.bench.restore()?;
    // The counters of the lanes outlive the table.
    rig.opens(1)?;
    let before = rig.classic()?;
    check(acts(&mut rig, &Act::TableDelete).done, "it is deleted")?;
    rig.crosses(Side::Client, 1)?;
    check(rig.classic()? == before + 1, "with no table it is on the classic path")?;
    check(!acts(&mut rig, &Act::TableFlush).done, "there is no table")?;
    rig.bench.restore()?;
    rig.opens(2)?;
    drop(rig);
    // A bridge that takes the client to be elsewhere sends nothing to it.
    let bed = Bed { encapsulation: Encapsulation::Bridge, ..Bed::default() };
    let mut rig = match Rig::new(topology, Family::Ipv4, bed) {
        Err(refused) if refused.is_unsupported() => {
            println!("no bridge here: {refused}");
            return Ok(());
        }
        rig => rig?,
    };
    rig.apply(Datapath::Conntrack)?;
    rig.opens(0)?;
    check(acts(&mut rig, &Act::BridgeMoves).done, "it moves")?;
    rig.crosses(Side::Client, 0)?;
    rig.send(Side::Server, 0)?;
    let arrived = rig.arrival(Side::Client)?;
    check(arrived.is_none(), arrived)?;
    rig.bench.restore()?;
    rig.crosses(Side::Server, 0)
}
