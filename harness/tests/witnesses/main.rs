//! The witnesses and rulesets on this machine's kernel, in namespaces of their own. Needs root.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use flowgauge::generators::{CpuPlan, RawEngine, Wire};
use flowgauge::nft::{self, NftError};
use flowgauge::witnesses::{PortNames, Sent, Tap, TapRecord, Witnesses, offload_flags_of_text, onsets};
use flowgauge_reports::observation::{Count, Observation, OffloadFlags, Reading, RuleCounters};
use flowgauge_reports::offered::DirectionReport;
use flowgauge_scenarios::ruleset::{self, Request};
use flowgauge_scenarios::{
    Control, Datapath, Direction, Families, Frame, Load, Opening, Policy, Protocol, Topology, Traffic,
};
use flowgauge_topologies::{Host, RouterSpec, Testbed};

/// A datagram of 100 bytes; at L3 it has 128 bytes in IPv4, 148 in IPv6.
const PAYLOAD: [u8; 100] = [7; 100];
const PATIENCE: Duration = Duration::from_secs(10);

fn testbed() -> Testbed {
    Testbed::build(&RouterSpec::default()).expect("these tests need root and network namespaces")
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

/// The witnesses that are opened for a NIC.
fn nic_witnesses(testbed: &Testbed) -> Witnesses {
    Witnesses::of_nic(&testbed.client.netns, &testbed.dut.netns, &testbed.server.netns, &names(testbed))
}

#[test]
fn the_watching_chains_count_what_the_cpu_sees_and_veth_has_no_witness_of_hardware() {
    let testbed = testbed();
    let dut = &testbed.dut.netns;
    let mut witnesses = nic_witnesses(&testbed);
    let nothing = witnesses.observe();
    assert_eq!((nothing.cpu_ports, nothing.netdev_rules), (Reading::Absent, Reading::Absent));
    assert_eq!((nothing.cpu_hit, nothing.driver), (Reading::Absent, Reading::Absent));
    assert_eq!(nothing.standard, Reading::Absent);
    assert_eq!(nothing.flags, Reading::Seen(OffloadFlags::default()));

    nft::apply(dut, &text_on(Topology::NicRouter, Policy::Route, Datapath::Conntrack, Families::Both)).unwrap();
    let before = witnesses.observe();
    converse(&testbed, false, 5, 3);
    converse(&testbed, true, 2, 0);
    let after = witnesses.observe();
    let (ports, was) = (seen(&after.cpu_ports), seen(&before.cpu_ports));
    assert_eq!(since(ports.lan, was.lan), (7, 5 * 128 + 2 * 148));
    assert_eq!(since(ports.wan, was.wan), (3, 3 * 128));
    let (rules, rules_before) = (seen(&after.rules), seen(&before.rules));
    assert_eq!(since(rules.upstream, rules_before.upstream), (7, 5 * 128 + 2 * 148));
    assert_eq!(after.netdev_rules, Reading::Absent);
    // A testbed of veth is not asked.
    assert_eq!(self::witnesses(&testbed).observe().cpu_ports, Reading::Absent);

    // The fastest of several: others may want the CPU meanwhile.
    let mut took = || {
        let started = Instant::now();
        witnesses.observe();
        started.elapsed()
    };
    let least = (0..20).map(|_| took()).min().unwrap();
    println!("one observation with the witnesses of a NIC: {least:?}");
    assert!(least < Duration::from_millis(20), "{least:?}");
}

#[test]
fn netdev_chains_are_counted_apart_from_the_classic_path() {
    let testbed = testbed();
    let dut = &testbed.dut.netns;
    let text = text_on(Topology::NicRouter, Policy::Route, Datapath::Netdev, Families::Both);
    let mut witnesses = nic_witnesses(&testbed);
    // What `fwd` hands on keeps its MAC addresses, so that nothing would arrive: here the packets are let through.
    let passing = text.replace("fwd to \"wan0\"", "accept").replace("fwd to \"lan0\"", "accept");
    assert_eq!(passing.matches(" counter accept ").count(), 8, "{text}");
    nft::apply(dut, &passing).unwrap();
    converse(&testbed, false, 4, 1);
    converse(&testbed, true, 2, 0);
    let after = witnesses.observe();
    let (netdev, classic, cpu) = (seen(&after.netdev_rules), seen(&after.rules), seen(&after.cpu_ports));
    assert_eq!(netdev.upstream, Count { packets: 6, bytes: 4 * 128 + 2 * 148 });
    assert_eq!(netdev.downstream, Count { packets: 1, bytes: 128 });
    assert_eq!((classic.upstream, classic.downstream), (netdev.upstream, netdev.downstream));
    assert!(cpu.lan.packets >= 6 && cpu.wan.packets >= 1);

    let flags = seen(&after.flags).clone();
    let chains = [("lan".to_owned(), false), ("wan".to_owned(), false)].into();
    assert_eq!(flags, OffloadFlags { chains, ..OffloadFlags::default() });
    assert_eq!(flags, offload_flags_of_text(&nft::list_everything(dut).unwrap().text), "nft's own words");

    // Chains without rules pass nothing on, and that is a count.
    let empty: Vec<&str> = passing.lines().filter(|line| !line.contains("comment \"netdev")).collect();
    nft::apply(dut, &empty.join("\n")).unwrap();
    assert_eq!(witnesses.observe().netdev_rules, Reading::Seen(RuleCounters::default()));
}

/// Drives new UDP flows upstream and returns the report with what a tap on the DUT's LAN port saw.
fn tapped(testbed: &Testbed, flows: u32, pps: u64) -> (DirectionReport, TapRecord) {
    let wire = |host: &Host| Wire {
        netns: host.netns.fd().try_clone_to_owned().unwrap(),
        ifname: host.port.name.clone(),
        mac: host.port.mac,
        gateway_mac: host.port.peer_mac,
    };
    for host in [&testbed.client, &testbed.server] {
        nft::mute(&host.netns, &host.port.name).unwrap();
    }
    let cpus = CpuPlan::available().unwrap();
    let mut engine = RawEngine::new(wire(&testbed.client), wire(&testbed.server), cpus).unwrap();
    let traffic = Traffic {
        protocol: Protocol::Udp,
        families: Families::Both,
        frame: Frame::Fixed(128),
        flows,
        direction: Direction::Upstream,
        load: Load::Pps(pps),
        opening: Opening::Full,
    };
    engine.prepare_new(&traffic).unwrap();
    let tap = Tap::open(&testbed.dut.netns, &testbed.dut.lan.name, engine.run()).unwrap().start().unwrap();
    let stop = AtomicBool::new(false);
    let reports = engine.drive_new(&traffic, Duration::from_millis(300), &stop, &mut |_| {}).unwrap();
    let record = tap.stop().unwrap();
    (reports.into_iter().next().expect("one direction"), record)
}

#[test]
fn a_tap_sees_every_frame_where_no_hardware_forwards_and_claims_no_onset() {
    let testbed = testbed();
    nft::apply(&testbed.dut.netns, &text(Policy::Route, Datapath::Conntrack, Families::Both)).unwrap();
    let (report, record) = tapped(&testbed, 50, 10_000);
    // A busy machine may end the schedule early; then fewer were sent, and of all that were the tap must know.
    assert!(report.sent >= 50 && (report.lost, record.missed) == (0, 0), "{report:?}");
    assert_eq!(record.packets(), report.sent);
    let found = onsets(&Sent { flows: 50, packets: report.sent, interval_ns: 100_000 }, &record);
    assert_eq!(found.len(), 50);
    for (flow, onset) in (0..).zip(&found) {
        let packets = report.sent / 50 + u64::from(flow < report.sent % 50);
        assert_eq!((onset.software_packets, onset.first_hit_ns), (packets, None), "flow {flow}");
    }
    assert!(found.windows(2).all(|pair| pair[0].begun_ns <= pair[1].begun_ns), "they begin in order");
}

#[test]
fn a_tap_on_a_port_that_is_not_there_says_so() {
    let testbed = testbed();
    let error = Tap::open(&testbed.dut.netns, "lan7", 0).unwrap_err().to_string();
    assert!(error.contains("lan7") && error.contains("No such device"), "{error}");
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
fn one_ruleset_replaces_another_of_whatever_family_and_plain_forwarding_leaves_none() {
    let testbed = testbed();
    let dut = &testbed.dut.netns;
    let mut witnesses = witnesses(&testbed);
    assert_eq!(witnesses.observe().rules, Reading::Absent);
    for families in [Families::Ipv4, Families::Ipv6, Families::Both, Families::Both] {
        nft::apply(dut, &text(Policy::Stateful, Datapath::Conntrack, families)).unwrap();
        let read = nft::read_back(dut).unwrap();
        assert_eq!(read.text.matches("table ").count(), 1, "{}", read.text);
        let chain = &read.chains[0];
        assert_eq!((chain.name.as_str(), chain.hook.as_str(), chain.rules), ("forward", "forward priority filter", 4));
        assert!(matches!(witnesses.observe().rules, Reading::Seen(_)));
    }
    nft::apply(dut, &text(Policy::Route, Datapath::Forward, Families::Both)).unwrap();
    assert_eq!(nft::read_back(dut).unwrap().text, "");
    assert_eq!(witnesses.observe().rules, Reading::Absent);
    // Nothing left to remove is fine, and so is removing what is there.
    nft::remove(dut).unwrap();
    nft::apply(dut, &text(Policy::Route, Datapath::Conntrack, Families::Both)).unwrap();
    nft::remove(dut).unwrap();
    assert_eq!(nft::read_back(dut).unwrap().text, "");
}

#[test]
fn a_refused_ruleset_is_shown_with_its_line_and_changes_nothing() {
    let testbed = testbed();
    let dut = &testbed.dut.netns;
    let sound = text(Policy::Route, Datapath::Conntrack, Families::Ipv4);
    nft::apply(dut, &sound).unwrap();
    let in_force = nft::read_back(dut).unwrap();

    let line = "\t\tiifname \"lan0\" counter comment \"classic upstream\"";
    assert!(sound.contains(line));
    // One that nft does not understand, and one that the kernel refuses.
    for (broken, words) in
        [("\t\tiifname \"lan0\" bogus counter", "syntax error"), ("\t\tjump nowhere", "No such file")]
    {
        let error = nft::apply(dut, &sound.replace(line, broken)).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("nft refused the ruleset: line 4: "), "{message}");
        assert!(message.contains(words) && message.contains(&format!("    4 | {broken}\n")), "{message}");
        let NftError::Refused(refusal) = error else { panic!("{error}") };
        let place = refusal.complaints[0].place.clone().expect("nft names the place");
        let word = broken.split_ascii_whitespace().last().unwrap();
        assert!(broken[place.columns.0 - 1..place.columns.1].contains(word), "{place:?}");
        assert_eq!(nft::read_back(dut).unwrap(), in_force);
    }
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
fn the_cpu_witness_is_quick_and_knows_every_cpu() {
    let testbed = testbed();
    let mut witnesses = witnesses(&testbed);
    let before = witnesses.cpu().unwrap();
    let started = Instant::now();
    let rounds = 20;
    for _ in 0..rounds {
        witnesses.cpu().unwrap();
    }
    let each = started.elapsed() / rounds;
    println!("one reading of the CPU witnesses: {each:?}");
    converse(&testbed, false, 50, 50);
    let after = witnesses.cpu().unwrap();
    let online = std::thread::available_parallelism().unwrap().get();
    assert!(before.cpus.len() >= online && before.softnet.len() >= online);
    assert!(after.taken_ns > before.taken_ns);
    let received = |cpu: &flowgauge_reports::observation::CpuObservation| cpu.softirqs["NET_RX"].iter().sum::<u64>();
    assert!(received(&after) > received(&before));
    let processed =
        |cpu: &flowgauge_reports::observation::CpuObservation| cpu.softnet.iter().map(|s| s.processed).sum::<u64>();
    assert!(processed(&after) >= processed(&before) + 100);
    assert!(each < Duration::from_millis(20), "{each:?}");
}

#[test]
fn a_dropping_dut_lets_nothing_through_and_then_everything() {
    let testbed = testbed();
    let (dut, mut witnesses) = (&testbed.dut.netns, witnesses(&testbed));
    nft::drop_at_ingress(dut, &["lan0"]).unwrap();
    nft::drop_at_ingress(dut, &["lan0"]).unwrap();
    let before = witnesses.observe();
    let near = socket(&testbed.client, testbed.client.port.ipv4.into());
    for _ in 0..10 {
        near.send_to(&PAYLOAD, (testbed.server.port.ipv4, 9)).unwrap();
    }
    nft::undrop(dut).unwrap();
    nft::undrop(dut).unwrap();
    // What passes now came in behind what was dropped.
    converse(&testbed, false, 1, 0);
    let after = witnesses.observe();
    assert_eq!(forwarded(&after, &before), (1, 0));
    assert!(seen(&after.ports).lan.rx_packets - seen(&before.ports).lan.rx_packets >= 11);
}

/// Sends a UDP frame from a packet socket at `host`'s port, as the generator does.
fn send_raw(host: &Host, bypass: bool) {
    let mut frame = [0; 60];
    frame[..6].copy_from_slice(&host.port.peer_mac);
    frame[6..12].copy_from_slice(&host.port.mac);
    frame[12..14].copy_from_slice(&0x88b5u16.to_be_bytes());
    let sent = host.netns.run(|| {
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is ours and nobody else's.
        let socket = unsafe { <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd) };
        let on = libc::c_int::from(bypass);
        // SAFETY: the value outlives the call and has the length given.
        let set = unsafe {
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, (&raw const on).cast(), 4)
        };
        assert_eq!(set, 0);
        // SAFETY: all zero is a valid sockaddr_ll.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_ifindex = host.port.ifindex as i32;
        // SAFETY: frame and address outlive the call and have the lengths given.
        unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const to).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            )
        }
    });
    assert_eq!(sent.unwrap(), 60, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_muted_tester_stays_silent_and_its_packet_sockets_send() {
    let testbed = testbed();
    let (client, server) = (&testbed.client, &testbed.server);
    let mut witnesses = witnesses(&testbed);
    let near = socket(client, client.port.ipv4.into());
    near.connect((server.port.ipv4, 9)).unwrap();
    let is_refused = || {
        near.send(&PAYLOAD).unwrap();
        near.recv(&mut [0; 100]).unwrap_err().kind() == ErrorKind::ConnectionRefused
    };
    assert!(is_refused(), "loud, the server answers for a closed port with an ICMP error");

    for _ in 0..2 {
        nft::mute(&server.netns, &server.port.name).unwrap();
    }
    let before = seen(&witnesses.observe().ports).server;
    for _ in 0..5 {
        near.send(&PAYLOAD).unwrap();
    }
    for bypass in [false, true] {
        send_raw(server, bypass);
    }
    for _ in 0..2 {
        nft::unmute(&server.netns).unwrap();
    }
    // What is answered now came in behind what was not.
    converse(&testbed, false, 1, 1);
    let after = seen(&witnesses.observe().ports).server;
    assert!(after.rx_packets - before.rx_packets >= 6);
    assert_eq!(after.tx_packets - before.tx_packets, 3, "two raw frames and the last answer");
}

#[test]
fn the_version_of_nft_is_known() {
    assert!(nft::version().unwrap().starts_with(|c: char| c.is_ascii_digit()));
}
