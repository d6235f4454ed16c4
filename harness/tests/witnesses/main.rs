//! The witnesses and rulesets on this machine's kernel, in namespaces of their own. Needs root.

mod muted;
mod nic;
mod rulesets;
mod tap;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flowgauge::nft;
use flowgauge::witnesses::{PortNames, Witnesses};
use flowgauge_reports::observation::{Count, CpuObservation, Observation, Reading};
use flowgauge_scenarios::ruleset::{self, Request};
use flowgauge_scenarios::{Control, Datapath, Direction, Families, Policy, Topology};
use flowgauge_topologies::{Host, RouterSpec, Testbed};

/// A datagram of 100 bytes; at L3 it has 128 bytes in IPv4, 148 in IPv6.
const PAYLOAD: [u8; 100] = [7; 100];
const PATIENCE: Duration = Duration::from_secs(10);

/// One testbed at a time: all share the CPUs' receive backlogs, where frames of one may find no room because of another.
static TURN: Mutex<()> = Mutex::new(());

/// A testbed and the turn that it has.
struct Bed {
    testbed: Testbed,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Bed {
    type Target = Testbed;

    fn deref(&self) -> &Testbed {
        &self.testbed
    }
}

fn testbed() -> Bed {
    // A test that failed has let go of its testbed all the same.
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let testbed = Testbed::build(&RouterSpec::default()).expect("these tests need root and network namespaces");
    Bed { testbed, _turn: turn }
}

fn names(testbed: &Testbed) -> PortNames {
    PortNames {
        client: testbed.client.port.name.clone(),
        lan: testbed.dut.lan.name.clone(),
        wan: testbed.dut.wan.name.clone(),
        server: testbed.server.port.name.clone(),
    }
}

fn witnesses(testbed: &Testbed) -> Witnesses {
    Witnesses::new(&testbed.client.netns, &testbed.dut.netns, &testbed.server.netns, &names(testbed))
}

fn text(policy: Policy, datapath: Datapath, families: Families) -> String {
    text_on(Topology::Router, policy, datapath, families)
}

fn text_on(topology: Topology, policy: Policy, datapath: Datapath, families: Families) -> String {
    let request = Request {
        topology,
        policy,
        datapath,
        families,
        lan: "lan0",
        wan: "wan0",
        control: Control::None,
        extra_rules: 0,
        direction: Direction::Upstream,
    };
    ruleset::render(&request).expect("this policy exists on this datapath")
}

fn socket(host: &Host, address: IpAddr) -> UdpSocket {
    let socket = host.netns.run(|| UdpSocket::bind((address, 0))).unwrap().expect("bind in the tester's namespace");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends `up` datagrams from client to server and `down` back, in one flow; returns when the last one has arrived.
fn converse(testbed: &Testbed, ipv6: bool, up: usize, down: usize) -> SocketAddr {
    let (client, server) = (&testbed.client, &testbed.server);
    let address = |host: &Host| if ipv6 { IpAddr::from(host.port.ipv6) } else { host.port.ipv4.into() };
    let near = socket(client, address(client));
    let far = socket(server, address(server));
    let mut buffer = [0; 2000];
    let mut seen = near.local_addr().unwrap();
    for _ in 0..up {
        near.send_to(&PAYLOAD, far.local_addr().unwrap()).unwrap();
        let (length, from) = far.recv_from(&mut buffer).expect("the datagram arrives at the server");
        assert_eq!(length, PAYLOAD.len());
        seen = from;
    }
    for _ in 0..down {
        far.send_to(&PAYLOAD, seen).unwrap();
        near.recv_from(&mut buffer).expect("the datagram arrives at the client");
    }
    seen
}

fn seen<T>(reading: &Reading<T>) -> &T
where
    T: std::fmt::Debug,
{
    match reading {
        Reading::Seen(value) => value,
        other => panic!("expected a reading, got {other:?}"),
    }
}

fn since(after: Count, before: Count) -> (u64, u64) {
    (after.packets - before.packets, after.bytes - before.bytes)
}

fn forwarded(after: &Observation, before: &Observation) -> (u64, u64) {
    let (after, before) = (seen(&after.ip_forwarding), seen(&before.ip_forwarding));
    (after.ipv4 - before.ipv4, after.ipv6 - before.ipv6)
}

#[test]
fn every_witness_counts_the_same_packets_on_the_classic_path() {
    let testbed = testbed();
    nft::apply(&testbed.dut.netns, &text(Policy::Route, Datapath::Conntrack, Families::Both)).unwrap();
    let mut witnesses = witnesses(&testbed);
    let before = witnesses.observe();
    converse(&testbed, false, 5, 3);
    converse(&testbed, true, 2, 0);
    let after = witnesses.observe();

    assert_eq!(forwarded(&after, &before), (8, 2));
    let (rules, rules_before) = (seen(&after.rules), seen(&before.rules));
    assert_eq!(since(rules.upstream, rules_before.upstream), (7, 5 * 128 + 2 * 148));
    assert_eq!(since(rules.downstream, rules_before.downstream), (3, 3 * 128));

    let table = seen(&after.conntrack);
    assert_eq!((table.entries, table.seen_reply, table.offload, table.hw_offload), (2, 1, 0, 0));
    assert_eq!(since(table.original, seen(&before.conntrack).original), (7, 5 * 128 + 2 * 148));
    assert_eq!(since(table.reply, seen(&before.conntrack).reply), (3, 3 * 128));

    let (ports, was) = (seen(&after.ports), seen(&before.ports));
    assert!(ports.client.tx_packets - was.client.tx_packets >= 7);
    assert_eq!(ports.lan.rx_packets - was.lan.rx_packets, ports.client.tx_packets - was.client.tx_packets);
    assert_eq!(ports.server.rx_bytes - was.server.rx_bytes, ports.wan.tx_bytes - was.wan.tx_bytes);
    assert_eq!(ports.lan.rx_dropped + ports.wan.tx_dropped, 0);
}

#[test]
fn masquerading_translates_and_is_seen_and_connections_can_be_forgotten() {
    let testbed = testbed();
    nft::apply(&testbed.dut.netns, &text(Policy::Masquerade, Datapath::Conntrack, Families::Ipv4)).unwrap();
    let mut witnesses = witnesses(&testbed);
    let source = converse(&testbed, false, 1, 1);
    assert_eq!(source.ip(), IpAddr::from(testbed.dut.wan.ipv4), "the server sees the DUT's address");
    assert_eq!(witnesses.connections().unwrap(), 1);
    assert_eq!(witnesses.conntrack().unwrap().seen_reply, 1);
    witnesses.forget_connections().unwrap();
    assert_eq!(witnesses.connections().unwrap(), 0);
    assert_eq!(seen(&witnesses.observe().conntrack).entries, 0);
}

#[test]
fn a_witness_that_cannot_see_says_why_and_the_others_go_on() {
    let testbed = testbed();
    let wrong = PortNames { wan: "wan7".to_owned(), ..names(&testbed) };
    let mut witnesses = Witnesses::new(&testbed.client.netns, &testbed.dut.netns, &testbed.server.netns, &wrong);
    let one_counter = "table ip flowgauge {\n chain forward {\n counter comment \"classic upstream\"\n }\n}\n";
    nft::apply(&testbed.dut.netns, one_counter).unwrap();
    let seen_now = witnesses.observe();
    let Reading::Missing { why } = &seen_now.ports else { panic!("{:?}", seen_now.ports) };
    assert!(why.contains("wan7") && why.contains("No such device"), "{why}");
    let Reading::Missing { why } = &seen_now.rules else { panic!("{:?}", seen_now.rules) };
    assert!(why.contains("0 counter rules have the comment \"classic downstream\""), "{why}");
    seen(&seen_now.ip_forwarding);
    seen(&seen_now.conntrack);
}

#[test]
fn the_cpu_witness_knows_every_cpu() {
    let testbed = testbed();
    let mut witnesses = witnesses(&testbed);
    let before = witnesses.cpu().unwrap();
    converse(&testbed, false, 50, 50);
    let after = witnesses.cpu().unwrap();
    let online = std::thread::available_parallelism().unwrap().get();
    assert!(before.cpus.len() >= online && before.softnet.len() >= online);
    assert!(after.taken_ns > before.taken_ns);
    let received = |cpu: &CpuObservation| cpu.softirqs["NET_RX"].iter().sum::<u64>();
    assert!(received(&after) > received(&before));
    let processed = |cpu: &CpuObservation| cpu.softnet.iter().map(|s| s.processed).sum::<u64>();
    assert!(processed(&after) >= processed(&before) + 100);
}
