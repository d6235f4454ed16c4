//! Stations without encapsulation: lanes, state, parameters, faults.

use flowgauge_reports::observation::{Count, Reading};
use flowgauge_scenarios::conform::{Bed, Mutation, Side};
use flowgauge_scenarios::{Datapath, Family, Fault, Protocol, Topology};
use flowgauge_topologies::sysctl;
use libtest_mimic::Failed;

use crate::rig::{Rig, seen};
use crate::{Outcome, check};

/// Bytes of a packet of the rig at L3, with IPv4 and IPv6.
const L3: [u64; 2] = [60, 80];

pub(crate) fn forwards(topology: Topology) -> Outcome {
    for (family, bytes) in [Family::Ipv4, Family::Ipv6].into_iter().zip(L3) {
        let mut rig = Rig::new(topology, family, Bed::default())?;
        rig.apply(Datapath::Conntrack)?;
        check(rig.entry(0)?.is_none(), "an entry before the flow")?;
        let before = (rig.classic()?, seen(rig.bench.state(&[], Protocol::Udp).ports)?);
        rig.opens(0)?;
        let entry = rig.entry(0)?.ok_or("the flow has no entry")?;
        let flow = rig.flow(0);
        check((entry.original.source, entry.original.destination) == (flow.client, flow.server), &entry)?;
        check((entry.reply.source, entry.reply.destination) == (flow.server, flow.client), &entry)?;
        check(entry.original_count == Count { packets: 2, bytes: 2 * bytes }, &entry)?;
        check(entry.reply_count == Count { packets: 1, bytes }, &entry)?;
        check(!entry.offloaded() && entry.timeout_s.is_some_and(|s| s > 200), &entry)?;
        let state = rig.bench.state(&[flow], Protocol::Udp);
        let ports = seen(state.ports)?;
        check(ports.lan.rx_packets - before.1.lan.rx_packets == 2, ports)?;
        check(ports.wan.tx_bytes - before.1.wan.tx_bytes == 2 * (bytes + 14), ports)?;
        check(seen(state.rules)?.get("new").map(|count| count.packets) == Some(1), "the first packet is new")?;
        check(rig.classic()? - before.0 == 3, rig.classic())?;
        match topology.has_nic() {
            true => check(seen(state.hardware)?.rules == 0 && rig.cpu()? == 3, rig.cpu()),
            false => check(state.hardware == Reading::Absent && rig.bench.cpu() == Reading::Absent, state.hardware),
        }?;
        // Each in the time that a step can spare.
        let began = std::time::Instant::now();
        let _ = rig.bench.state(&[flow], Protocol::Udp);
        let (whole, began) = (began.elapsed(), std::time::Instant::now());
        let _ = rig.offloaded(0)?;
        let (claim, began) = (began.elapsed(), std::time::Instant::now());
        let _ = (rig.bench.classic(), rig.bench.cpu());
        println!("state {whole:?}, claim {claim:?}, lanes {:?}", began.elapsed());
        // Of another protocol nothing is known.
        let tcp = rig.bench.state(&[flow], Protocol::Tcp);
        check(seen(tcp.entries)?.is_empty(), "a TCP entry of a UDP flow")?;
        rig.bench.forget(&[flow, rig.flow(1)], Protocol::Udp)?;
        check(rig.entry(0)?.is_none(), "an entry that was forgotten")?;
    }
    Ok(())
}

pub(crate) fn bypasses(topology: Topology) -> Outcome {
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut rig = Rig::new(topology, family, Bed::default())?;
        if !rig.offloads(Datapath::Flowtable)? {
            return Ok(());
        }
        rig.opens(0)?;
        check(rig.offloaded(0)? == (true, false), rig.offloaded(0))?;
        let before = (rig.classic()?, rig.entry(0)?.ok_or("no entry")?);
        for side in [Side::Client, Side::Server, Side::Client] {
            rig.crosses(side, 0)?;
        }
        let after = (rig.classic()?, rig.entry(0)?.ok_or("no entry")?);
        check(after.0 == before.0, (before.0, after.0))?;
        check(after.1.timeout_s.is_none(), &after.1)?;
        check(after.1.original_count.packets - before.1.original_count.packets == 2, (&before.1, &after.1))?;
        // The reference after it: nothing of the flowtable is left.
        rig.apply(Datapath::Conntrack)?;
        check(rig.entry(0)?.is_none(), "an entry of the ruleset before")?;
        rig.opens(0)?;
        check(rig.classic()? - after.0 == 3, rig.classic())?;
        check(rig.offloaded(0)? == (false, false), rig.offloaded(0))?;
    }
    Ok(())
}

pub(crate) fn parameters(topology: Topology) -> Outcome {
    const KEY: &str = "net.netfilter.nf_conntrack_udp_timeout";
    let sysctls = [(KEY.to_owned(), "7".to_owned())].into();
    let mut rig = Rig::new(topology, Family::Ipv4, Bed { sysctls, lan_mtu: 1400, wan_mtu: 1300, ..Bed::default() })?;
    rig.apply(Datapath::Conntrack)?;
    rig.crosses(Side::Client, 0)?;
    check(rig.entry(0)?.and_then(|entry| entry.timeout_s).is_some_and(|s| s <= 7), rig.entry(0))?;
    let dut = &rig.bench.testbed().dut;
    check(dut.netns.run(|| sysctl::read(KEY))?? == Some("7".to_owned()), "the station's")?;
    let mtu = |name: &str| -> Result<String, libtest_mimic::Failed> {
        let output = dut.netns.run(|| std::process::Command::new("ip").args(["link", "show", name]).output())??;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    check(mtu(&dut.lan.name)?.contains("mtu 1400"), mtu(&dut.lan.name))?;
    check(mtu(&dut.wan.name)?.contains("mtu 1300"), mtu(&dut.wan.name))?;
    drop(rig);
    // One that does not exist is told from one that is refused.
    let sysctls = [("net.netfilter.no_such".to_owned(), "1".to_owned())].into();
    let mut odd = Rig::new(topology, Family::Ipv4, Bed { sysctls, ..Bed::default() })?;
    let Err(refused) = odd.apply(Datapath::Conntrack) else { return Err("it was set".into()) };
    check(refused.is_unsupported() && refused.to_string().contains("no_such"), &refused)?;
    let Err(refused) = odd.bench.apply_text("table inet {".to_owned(), None) else { return Err("it was taken".into()) };
    check(!refused.is_unsupported(), &refused)
}

pub(crate) fn offloads(topology: Topology) -> Outcome {
    for (family, bytes) in [Family::Ipv4, Family::Ipv6].into_iter().zip(L3) {
        let mut rig = Rig::new(topology, family, Bed::default())?;
        for _ in 0..2 {
            rig.apply(Datapath::FlowtableHw)?;
            rig.opens(0)?;
            rig.in_hardware(0)?;
            check(rig.offloaded(0)? == (true, true), rig.offloaded(0))?;
            let flow = rig.flow(0);
            let counted =
                |rig: &mut Rig| Ok::<_, Failed>(seen(rig.bench.state(&[flow], Protocol::Udp).hardware)?.count);
            // The last frame of the opening is in hardware already where the rules were quick.
            let opening = counted(&mut rig)?;
            let before = (rig.classic()?, rig.cpu()?);
            for side in [Side::Client, Side::Server] {
                rig.crosses(side, 0)?;
            }
            check((rig.classic()?, rig.cpu()?) == before, before)?;
            let count = counted(&mut rig)?;
            let crossed = Count { packets: count.packets - opening.packets, bytes: count.bytes - opening.bytes };
            check(crossed == Count { packets: 2, bytes: 2 * bytes }, (opening, count))?;
        }
        // Of a software flowtable nothing is in hardware, and nothing is left of the one before.
        rig.apply(Datapath::Flowtable)?;
        let flow = rig.flow(0);
        check(seen(rig.bench.state(&[flow], Protocol::Udp).hardware)?.rules == 0, "rules of before")?;
        let before = rig.cpu()?;
        rig.opens(0)?;
        check(rig.cpu()? - before == 3 && rig.offloaded(0)? == (true, false), rig.offloaded(0))?;
    }
    Ok(())
}

pub(crate) fn faults(topology: Topology) -> Outcome {
    let mut rig = Rig::plain(topology)?;
    let text = rig.text(Datapath::FlowtableHw);
    for (mutation, ttl) in [(Some(Mutation::Fault(Fault::ForgetTtl, 1)), 64), (None, 63)] {
        rig.bench.apply_text(text.clone(), mutation)?;
        rig.crosses(Side::Client, 0)?;
        rig.send(Side::Server, 0)?;
        rig.in_hardware(0)?;
        rig.send(Side::Client, 0)?;
        let arrived = rig.arrival(Side::Server)?.ok_or("nothing arrived")?;
        check(arrived.datagram.hops == ttl, (mutation, &arrived))?;
    }
    // Rules that a fault leaves in the card do not forward under the next ruleset.
    rig.bench.apply_text(text, Some(Mutation::Fault(Fault::LeakAtUnbind, 1)))?;
    rig.opens(0)?;
    rig.in_hardware(0)?;
    rig.apply(Datapath::Conntrack)?;
    let before = rig.classic()?;
    rig.opens(0)?;
    check(rig.classic()? - before == 3, "they went through the card")
}
