//! A dropping DUT and a muted tester.

use std::io::ErrorKind;
use std::os::fd::AsRawFd;

use super::*;

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
