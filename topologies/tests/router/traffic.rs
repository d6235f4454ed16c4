//! The testbed carries packets as asked, and nobody speaks unasked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use flowgauge_topologies::{LinkOffloads, Netns, RouterSpec, Testbed, features, raise_conntrack_limit, sysctl};

use crate::frames::{frames, watch};
use crate::ground::{PATIENCE, exchange, ports, with_namespaces};

fn packets_of(netns: &Netns, port: &str) -> (u64, u64) {
    let found = netns.run(ports).unwrap().into_iter().find(|(name, ..)| name == port);
    found.map(|(_, received, sent)| (received, sent)).expect("the port is there")
}

#[test]
fn carries_packets_of_both_families_at_the_mtu_asked_for() {
    with_namespaces("traffic::carries_packets_of_both_families_at_the_mtu_asked_for", || {
        for mtu in [1280, 1500, 9000] {
            let testbed = Testbed::build(&RouterSpec { mtu, ..RouterSpec::default() }).unwrap();
            let (client, server) = (&testbed.client.port, &testbed.server.port);
            // What the DUT receives is exact, because testers are silent; it may itself still report a multicast group.
            let received = || ["lan0", "wan0"].map(|port| packets_of(&testbed.dut.netns, port).0);
            assert_eq!(received(), [0, 0]);
            exchange(&testbed, client.ipv4.into(), server.ipv4.into(), mtu as usize - 28);
            exchange(&testbed, client.ipv6.into(), server.ipv6.into(), mtu as usize - 48);
            assert_eq!(received(), [2, 2], "one frame per datagram: MTU {mtu} is in force");
            exchange(&testbed, client.ipv4.into(), server.ipv4.into(), mtu as usize - 27);
            assert_eq!(received(), [4, 4], "one byte more makes two frames: MTU {mtu} is a limit");
        }
        let ipv4_only = RouterSpec { mtu: 68, ipv6: false, ..RouterSpec::default() };
        let testbed = Testbed::build(&ipv4_only).unwrap();
        exchange(&testbed, testbed.client.port.ipv4.into(), testbed.server.port.ipv4.into(), 40);
    });
}

#[test]
fn the_dut_forwards_and_counts_per_connection() {
    with_namespaces("traffic::the_dut_forwards_and_counts_per_connection", || {
        let testbed = Testbed::build(&RouterSpec::default()).unwrap();
        let read = |netns: &Netns, key: &str| netns.run(|| sysctl::read(key)).unwrap().unwrap();
        let dut = &testbed.dut.netns;
        for (key, in_dut, in_tester) in [
            ("net.ipv4.ip_forward", "1", "0"),
            ("net.ipv6.conf.all.forwarding", "1", "0"),
            ("net.ipv4.conf.lan0.rp_filter", "0", ""),
            ("net.ipv6.conf.wan0.forwarding", "1", ""),
            ("net.ipv4.conf.wan0.send_redirects", "0", ""),
        ] {
            assert_eq!(read(dut, key).as_deref(), Some(in_dut), "{key}");
            if !in_tester.is_empty() {
                assert_eq!(read(&testbed.client.netns, key).as_deref(), Some(in_tester), "{key}");
            }
        }
        // Without connection tracking in the kernel the parameter is missing, and that is said.
        let accounts = read(dut, "net.netfilter.nf_conntrack_acct");
        let missing = testbed.missing_sysctls.contains(&"net.netfilter.nf_conntrack_acct");
        assert_eq!(accounts.as_deref(), if missing { None } else { Some("1") });
        assert_eq!(testbed.dut.enable_conntrack_accounting().unwrap(), !missing);

        let host = sysctl::read("net.netfilter.nf_conntrack_max").unwrap();
        let limit = raise_conntrack_limit(dut, u64::MAX, false).unwrap();
        assert_eq!(limit > 0, !missing);
        assert_eq!(sysctl::read("net.netfilter.nf_conntrack_max").unwrap(), host, "the host's limit is not ours");
    });
}

#[test]
fn offloads_are_as_asked_and_decide_what_an_skb_is() {
    with_namespaces("traffic::offloads_are_as_asked_and_decide_what_an_skb_is", || {
        let all = LinkOffloads { gso: true, gro: true, checksum: true };
        for (client_link, server_link) in [(LinkOffloads::default(), LinkOffloads::default()), (all, all)] {
            let spec = RouterSpec { client_link, server_link, ..RouterSpec::default() };
            let testbed = Testbed::build(&spec).unwrap();
            let ends = [
                (&testbed.client.netns, "client0"),
                (&testbed.dut.netns, "lan0"),
                (&testbed.dut.netns, "wan0"),
                (&testbed.server.netns, "server0"),
            ];
            for (netns, port) in ends {
                let now = netns.run(|| features::read(port)).unwrap().unwrap();
                for feature in ["tx-generic-segmentation", "tx-tcp-segmentation", "tx-tcp6-segmentation", "rx-gro"] {
                    assert_eq!(now[feature].active, client_link.gso, "{port} {feature}");
                }
                assert_eq!(now["tx-checksum-ip-generic"].active, client_link.checksum, "{port}");
                assert_eq!(now["rx-checksum"].active, client_link.checksum, "{port}");
            }
            let longest = longest_frame_of_a_stream(&testbed);
            match client_link.gso {
                true => {
                    assert!(longest > 1514, "with GSO an skb stands for many packets, but the longest had {longest}")
                }
                false => assert_eq!(longest, 1514, "without offloads every skb is a wire packet"),
            }
        }
    });
}

/// Streams a megabyte from client to server and returns the length of the longest skb that the DUT received, in bytes.
fn longest_frame_of_a_stream(testbed: &Testbed) -> usize {
    let watch = watch(&testbed.dut.netns, "lan0");
    let server = SocketAddr::new(testbed.server.port.ipv4.into(), 5201);
    let listener = testbed.server.netns.run(|| TcpListener::bind(server)).unwrap().unwrap();
    let mut stream = testbed.client.netns.run(|| TcpStream::connect_timeout(&server, PATIENCE)).unwrap().unwrap();
    let (mut end, _) = listener.accept().unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || end.read_to_end(&mut Vec::new()).unwrap());
        stream.write_all(&vec![1; 1 << 20]).unwrap();
        drop(stream);
        assert_eq!(reader.join().unwrap(), 1 << 20);
    });
    let longest = frames(&watch).into_iter().map(|frame| frame.len).max();
    longest.expect("the DUT saw the stream")
}

#[test]
fn nobody_speaks_unasked() {
    with_namespaces("traffic::nobody_speaks_unasked", || {
        let testbed = Testbed::build(&RouterSpec::default()).unwrap();
        let watched = [
            ("client0", watch(&testbed.client.netns, "client0")),
            ("server0", watch(&testbed.server.netns, "server0")),
            ("lan0", watch(&testbed.dut.netns, "lan0")),
            ("wan0", watch(&testbed.dut.netns, "wan0")),
        ];
        // An observation of this length is the test: DAD, MLD and router solicitations fall into the first seconds.
        std::thread::sleep(Duration::from_millis(2500));
        for (port, watch) in &watched {
            for frame in frames(watch) {
                assert!(!frame.outgoing, "{port} sent {} bytes, ethertype {:#06x}", frame.len, frame.ethertype);
            }
        }
        for (host, port) in [(&testbed.client, "client0"), (&testbed.server, "server0")] {
            assert_eq!(packets_of(&host.netns, port).1, 0, "{port} was silent from its birth on");
        }
        let sent = ["lan0", "wan0"].map(|port| packets_of(&testbed.dut.netns, port).1);
        println!("the DUT sent at link-up: lan0 {}, wan0 {} packets (multicast listener reports)", sent[0], sent[1]);
        assert!(sent.iter().all(|&packets| packets <= 8), "{sent:?}");
        // The silence was not deafness: a frame does show up.
        exchange(&testbed, testbed.client.port.ipv4.into(), testbed.server.port.ipv4.into(), 100);
        assert_eq!(frames(&watched[0].1).iter().filter(|frame| frame.outgoing).count(), 1);
    });
}
