//! What a 64-byte frame costs the sender before the kernel sees it.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowgauge::generators::raw::course::Course;
use flowgauge::generators::raw::sender::Stream;
use flowgauge::generators::raw::stamp::Stamp;
use flowgauge::generators::raw::wire::Macs;
use flowgauge::generators::raw::{Path, Side};
use flowgauge_scenarios::{Direction, Families, Frame, Load, Opening, Protocol, Traffic};

fn stamping(criterion: &mut Criterion) {
    let macs = Macs { own: [2, 0, 0, 0, 0, 1], gateway: [2, 0, 0, 0, 0, 2] };
    let mut group = criterion.benchmark_group("frame");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(30);
    group.throughput(Throughput::Elements(64));
    for (name, protocol, families, size) in [
        ("udp-ipv4-64", Protocol::Udp, Families::Ipv4, 64),
        ("tcp-ipv6-96", Protocol::Tcp, Families::Ipv6, 96),
        ("udp-ipv4-1518", Protocol::Udp, Families::Ipv4, 1518),
    ] {
        let (direction, load, opening) = (Direction::Upstream, Load::Max, Opening::Full);
        let frame = Frame::Fixed(size);
        let traffic = Traffic { protocol, families, frame, flows: 1000, direction, load, opening };
        let course = Course { side: Side::Client, traffic: &traffic, path: Path::DIRECT, learned: None, run: 1 };
        let mut stream = Stream::new(course, macs);
        group.bench_function(format!("batch-of-64/{name}"), |bencher| {
            let mut batch = stream.batch();
            bencher.iter(|| {
                batch.clear();
                for _ in 0..64 {
                    black_box(stream.push(&mut batch, 1));
                }
            });
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("stamp", |bencher| {
        let mut seq = 0;
        bencher.iter(|| {
            seq += 1;
            black_box(Stamp { run: 1, direction: Direction::Upstream, flow: 7, seq, sent_ns: 9 }.to_bytes())
        });
    });
    group.finish();
}

criterion_group!(benches, stamping);
criterion_main!(benches);
