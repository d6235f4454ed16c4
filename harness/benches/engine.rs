//! The engine flat out against a bare sendmmsg loop and pnet's datalink, in one run, on one CPU, over veth.
//!
//! Each iteration is a burst of [`BURST`] UDP frames of 64 bytes that the far stack takes equally long to discard. First
//! the three take turns, and the best burst of each is compared: that is what other load on the machine disturbs least.
//! Ours is also measured as a whole, receiver included, and must deliver everything. Needs root, or `unshare -Urn`.

#[path = "../tests/bed/mod.rs"]
#[allow(dead_code, reason = "tests and benches each use their part of it")]
mod bed;

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowgauge::generators::raw::course::Course;
use flowgauge::generators::raw::endpoint::Endpoint;
use flowgauge::generators::raw::pace::Schedule;
use flowgauge::generators::raw::sender::{Stream, send};
use flowgauge::generators::raw::socket::{Port, inside, pin};
use flowgauge::generators::raw::stamp::Stamp;
use flowgauge::generators::raw::template::{HEADERS_MAX, Segment, Tail, Template};
use flowgauge::generators::raw::wire::Macs;
use flowgauge::generators::raw::{Path, Side, clock};
use flowgauge::generators::{CpuPlan, Generator, RawEngine, Wire};
use flowgauge_scenarios::{Direction, Families, Family, Frame, Load, Opening, Protocol, Traffic};

const BURST: u64 = 6_400;

fn traffic() -> Traffic {
    let (direction, load, opening) = (Direction::Upstream, Load::Max, Opening::None);
    let (protocol, families, frame) = (Protocol::Udp, Families::Ipv4, Frame::Fixed(64));
    Traffic { protocol, families, frame, flows: 100, direction, load, opening }
}

/// The first frame of `traffic`, for the loops that send the same one again and again.
fn one_frame(traffic: &Traffic, macs: Macs) -> Vec<u8> {
    let template = Template::new(Family::Ipv4, Protocol::Udp, macs.own, macs.gateway, 0, 0);
    let [client, server] = [Side::Client, Side::Server].map(|side| Endpoint::of(side, Family::Ipv4, 0));
    let mut buffer = [0; HEADERS_MAX];
    template.prepare(&mut buffer);
    let segment = Segment { sequence: 0, acknowledgement: 0 };
    let stamp = Stamp { run: 0, direction: Direction::Upstream, flow: 0, seq: 0, sent_ns: 0 };
    let len = template.write(&mut buffer, &client, &server, segment, Some(&stamp), Tail::default());
    assert_eq!(traffic.max_size(), len as u16 + 4);
    buffer[..len].to_vec()
}

/// One sendmmsg after the other with 64 constant frames: the least that AF_PACKET costs.
fn bare_sendmmsg(port: &Port, frame: &mut [u8], bursts: u64) {
    let mut part = libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() };
    // SAFETY: all-zero is a valid mmsghdr.
    let mut messages: [libc::mmsghdr; 64] = unsafe { std::mem::zeroed() };
    for message in &mut messages {
        message.msg_hdr.msg_iov = &mut part;
        message.msg_hdr.msg_iovlen = 1;
    }
    for _ in 0..bursts * BURST / 64 {
        // SAFETY: the messages point to `part`, and it to `frame`; both outlive the call.
        let sent = unsafe { libc::sendmmsg(port.tx.as_raw_fd(), messages.as_mut_ptr(), 64, 0) };
        assert_eq!(sent, 64);
    }
}

fn pnet_sender(wire: &Wire) -> Box<dyn pnet::datalink::DataLinkSender> {
    let open = || {
        let interface = pnet::datalink::interfaces().into_iter().find(|i| i.name == wire.ifname)?;
        match pnet::datalink::channel(&interface, pnet::datalink::Config::default()) {
            Ok(pnet::datalink::Channel::Ethernet(tx, _)) => Some(tx),
            _ => None,
        }
    };
    inside(wire.netns.as_fd(), open).unwrap().expect("pnet opens the port")
}

fn sending(criterion: &mut Criterion) {
    let Some((_client, _server, client, server)) = bed::direct() else {
        return eprintln!("skipped: may not make network namespaces; run as root or under unshare -Urn");
    };
    let plan = CpuPlan::available().unwrap();
    let cpu = plan.senders[0];
    pin(cpu).unwrap();
    let (traffic, macs) = (traffic(), client.macs());
    let frame = one_frame(&traffic, macs);
    let mut pnet = pnet_sender(&client);
    let port = Port::open(&client, 1 << 20).unwrap();
    let mut bare = |bursts| {
        let started = Instant::now();
        bare_sendmmsg(&port, &mut frame.clone(), bursts);
        started.elapsed()
    };
    let mut raw = |bursts| {
        let course = Course { side: Side::Client, traffic: &traffic, path: Path::DIRECT, learned: None, run: 1 };
        let mut stream = Stream::new(course, macs);
        // A schedule that is always behind is flat out with an exact number of frames.
        let (start_ns, frames) = (clock::monotonic_ns(), bursts * BURST);
        let schedule = Schedule::Paced { start_ns: 0, interval_ns: 1e-3, frames, end_ns: u64::MAX };
        let sent = send(&mut stream, &port.tx, schedule, start_ns, &AtomicBool::new(false)).unwrap();
        assert_eq!(sent.frames, frames);
        Duration::from_nanos(sent.duration_ns)
    };
    let mut pnet = |bursts| {
        let started = Instant::now();
        for _ in 0..bursts * BURST {
            pnet.send_to(&frame, None).unwrap().unwrap();
        }
        started.elapsed()
    };

    let mut best = [Duration::MAX; 3];
    for _ in 0..60 {
        for (best, took) in best.iter_mut().zip([bare(1), raw(1), pnet(1)]) {
            *best = took.min(*best);
        }
    }
    let [bare_kpps, raw_kpps, pnet_kpps] = best.map(|took| BURST as f64 / took.as_secs_f64() / 1e3);
    let (to_bare, to_pnet) = (raw_kpps / bare_kpps, raw_kpps / pnet_kpps);
    println!("best of 60 turns: bare sendmmsg {bare_kpps:.0} kpps, raw {raw_kpps:.0} kpps, pnet {pnet_kpps:.0} kpps");
    println!("raw is {to_bare:.2} x bare sendmmsg (at least 0.9 is wanted) and {to_pnet:.2} x pnet (at least 1.3)");
    assert!(to_bare >= 0.9 && to_pnet >= 1.3, "the engine has become too slow");

    let mut group = criterion.benchmark_group("engine");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2)).sample_size(10);
    group.throughput(Throughput::Elements(BURST));
    group.bench_function("bare-sendmmsg", |bencher| bencher.iter_custom(&mut bare));
    group.bench_function("raw-send", |bencher| bencher.iter_custom(&mut raw));
    group.bench_function("pnet-send-to", |bencher| bencher.iter_custom(&mut pnet));
    group.finish();

    let mut engine = RawEngine::new(client, server, CpuPlan::one(cpu)).unwrap();
    engine.set_path(Path::DIRECT);
    let mut group = criterion.benchmark_group("engine-with-receiver");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3)).sample_size(10);
    group.bench_function("one-frame-of-a-trial-of-100ms", |bencher| {
        bencher.iter_custom(|frames| {
            let go = AtomicBool::new(false);
            let reports = engine.drive(&traffic, Duration::from_millis(100), &go).unwrap();
            assert_eq!((reports[0].lost, reports[0].uncaptured), (0, 0), "{reports:?}");
            Duration::from_nanos(reports[0].send_duration_ns * frames / reports[0].sent)
        });
    });
    group.finish();
}

criterion_group!(benches, sending);
criterion_main!(benches);
