//! What a frame costs the receiver: parsing, checksums, payload, sequence, histogram.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowgauge::generators::Depth;
use flowgauge::generators::raw::course::Course;
use flowgauge::generators::raw::endpoint::{Endpoint, Side};
use flowgauge::generators::raw::inspect::{Inspector, Verdict};
use flowgauge::generators::raw::path::Path;
use flowgauge::generators::raw::receiver::Seen;
use flowgauge::generators::raw::ring::RxMeta;
use flowgauge::generators::raw::stamp::Stamp;
use flowgauge::generators::raw::template::{HEADERS_MAX, Segment, Tail, Template, pattern};
use flowgauge::generators::raw::wire::Macs;
use flowgauge_reports::offered::time_histogram;
use flowgauge_scenarios::{Direction, Families, Family, Frame, Load, Opening, Protocol, Traffic};

const CLIENT: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SERVER: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// Sound frames of sequence 0 to 63, without FCS.
fn frames(size: u16) -> Vec<Vec<u8>> {
    let template = Template::new(Family::Ipv4, Protocol::Udp, CLIENT, SERVER, 0, 0);
    let ends = [Side::Client, Side::Server].map(|side| Endpoint::of(side, Family::Ipv4, 0));
    let tail = Tail::new(size - 64);
    let frame = |seq| {
        let mut buffer = [0; HEADERS_MAX];
        template.prepare(&mut buffer);
        let stamp = Stamp { run: 1, direction: Direction::Upstream, flow: 0, seq, sent_ns: 1 };
        let segment = Segment { sequence: 0, acknowledgement: 0 };
        let len = template.write(&mut buffer, &ends[0], &ends[1], segment, Some(&stamp), tail);
        [&buffer[..len], &pattern(tail.len.into())].concat()
    };
    (0..64).map(frame).collect()
}

fn receiving(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(30);
    group.throughput(Throughput::Elements(64));
    for size in [64, 512, 1518] {
        let (direction, load, opening) = (Direction::Upstream, Load::Max, Opening::None);
        let (protocol, families, frame) = (Protocol::Udp, Families::Ipv4, Frame::Fixed(size));
        let traffic = Traffic { protocol, families, frame, flows: 1, direction, load, opening };
        let macs = Macs { own: SERVER, gateway: CLIENT };
        let course = Course { side: Side::Client, traffic: &traffic, path: Path::DIRECT, learned: None, run: 1 };
        let mut inspector = Inspector::new(course, macs, 0);
        let frames = frames(size);
        assert!(frames.iter().all(|f| matches!(inspector.judge(f, false), Verdict::Intact(_))));
        group.bench_function(format!("judge-64-frames/{size}"), |bencher| {
            bencher.iter(|| {
                for frame in &frames {
                    black_box(inspector.judge(black_box(frame), false));
                }
            });
        });
        group.bench_function(format!("account-64-frames/{size}"), |bencher| {
            let mut seen = Seen::new(1);
            let meta = RxMeta { realtime_ns: 5_000, checksum_pending: false };
            bencher.iter(|| {
                seen.tally = flowgauge::generators::raw::tally::Tally::new(1);
                frames.iter().for_each(|f| seen.take(&mut inspector, Depth::Verify, black_box(f), meta, 0));
            });
            assert_eq!((seen.tally.received, seen.damage.total()), (64, 0));
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("histogram-record", |bencher| {
        let (mut histogram, mut ns) = (time_histogram(), 1);
        bencher.iter(|| {
            ns = ns * 17 % 1_000_003;
            histogram.saturating_record(black_box(ns));
        });
    });
    group.finish();
}

criterion_group!(benches, receiving);
criterion_main!(benches);
