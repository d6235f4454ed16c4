//! What an interval costs: the report of a run has some dozens of them.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use flowgauge_reports::stats::interval;

fn bootstrap(c: &mut Criterion) {
    let mut group = c.benchmark_group("bootstrap of the median");
    for trials in [10_u32, 100, 1000] {
        let sample: Vec<f64> = (0..trials).map(|i| f64::from(i.wrapping_mul(2_654_435_761) % 10_007)).collect();
        group.bench_with_input(BenchmarkId::from_parameter(trials), &sample, |b, s| b.iter(|| interval(black_box(s))));
    }
    group.finish();
}

criterion_group!(benches, bootstrap);
criterion_main!(benches);
