//! What a generator offered and what came back, per sending direction.

use flowgauge_scenarios::Direction;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::damage::Damage;

/// One direction of a trial of [`flowgauge_scenarios::MethodKind::Cost`]: frames that pktgen handed to the DUT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountedReport {
    /// `upstream` or `downstream`, never `both`.
    pub direction: Direction,
    /// Frames handed over.
    pub sent: u64,
    /// Their bytes at L2, with the 4-byte FCS.
    pub sent_bytes_l2: u64,
    /// Frames that the receive path did not report as received (pktgen's `errors`): those that a hook at ingress took, as a
    /// flowtable does, and those that were dropped.
    pub errors: u64,
    /// How long pktgen's thread ran for it by the guest's clock, in nanoseconds; under the instruction clock that many
    /// instructions. The generator's own part is in it, and so are interrupts.
    pub elapsed_ns: u64,
    /// How long other tasks had the CPU meanwhile (pktgen's `idle`), in nanoseconds; not in `elapsed_ns`. 0 in results of
    /// versions that had both in one.
    #[serde(default)]
    pub others_ns: u64,
    /// The parts it was handed over in, one after the other; empty where there was one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
}

/// A part of what [`CountedReport`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// Frames handed over.
    pub sent: u64,
    /// How long it took, as [`CountedReport::elapsed_ns`].
    pub elapsed_ns: u64,
}

impl CountedReport {
    /// Nanoseconds per frame: the mean of the slices without the quarter that took least and the quarter that took most,
    /// so that what comes now and then, by 150,000 instructions at a time, is not in it. Without slices, the mean of all
    /// frames; none where no frame was handed over.
    pub fn per_packet(&self) -> Option<f64> {
        let per_frame = |sent: u64, elapsed: u64| (sent > 0).then(|| elapsed as f64 / sent as f64);
        let mut slices: Vec<f64> = self.slices.iter().filter_map(|s| per_frame(s.sent, s.elapsed_ns)).collect();
        if slices.is_empty() {
            return per_frame(self.sent, self.elapsed_ns);
        }
        slices.sort_by(f64::total_cmp);
        let quarter = slices.len() / 4;
        let middle = &slices[quarter..slices.len() - quarter];
        Some(middle.iter().sum::<f64>() / middle.len() as f64)
    }
}

/// One sending direction of one trial, every frame accounted for.
///
/// Frames are wire frames, one skb each: segmentation and receive offloads are off at the testers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionReport {
    /// Who sent: `upstream` or `downstream`, never `both`.
    pub direction: Direction,
    /// Frames per second asked for; none when flat out.
    pub intended_pps: Option<f64>,
    /// Frames per second truly reached over the time of sending.
    pub offered_pps: f64,
    /// Frames that the kernel took for transmission.
    pub sent: u64,
    /// Their bytes at L2, with the 4-byte FCS that software never sees, without preamble and gap.
    pub sent_bytes_l2: u64,
    /// From the first frame to the last one, in nanoseconds; at a fixed rate at least the schedule's length.
    pub send_duration_ns: u64,
    /// Times that the kernel refused a frame for want of buffers (ENOBUFS, EAGAIN); each was tried again.
    pub send_errors: u64,
    /// Frames that arrived intact, first copies only.
    pub received: u64,
    /// `sent` less `received`: what the DUT dropped, what arrived corrupted, and what was uncaptured.
    pub lost: u64,
    /// Further copies of frames that had arrived already.
    pub duplicated: u64,
    /// First copies whose sequence is lower than the highest seen of their flow (RFC 4737 section 3.3).
    pub reordered: u64,
    /// Frames of this trial with a wrong header, checksum, address or payload: the total of `damage`.
    pub corrupted: u64,
    /// What was wrong with them. All 0 in results of versions that did not tell.
    #[serde(default)]
    pub damage: Damage,
    /// Frames that the receiving ring had no room for. The fault is the tester's, not the DUT's: a trial with any is void.
    pub uncaptured: u64,
    /// Frames that are not of this trial: other senders' and late ones of earlier trials. With any, some of the
    /// uncaptured frames may have been theirs.
    pub foreign: u64,
    /// Received frames whose L4 checksum was left to an offload and so could not be verified.
    pub unverified: u64,
    /// Flows that this direction sent on.
    pub flows: u64,
    /// Flows of which at least one frame was lost.
    pub flows_with_loss: u64,
    /// Flows of which no frame arrived.
    pub flows_silent: u64,
    /// From the first frame received to the last one, in nanoseconds of the kernel's receive timestamps.
    pub received_duration_ns: u64,
    /// One-way latency; none when nothing arrived.
    pub latency: Option<Latency>,
    /// How well the schedule was kept; none when flat out.
    pub pacing: Option<Pacing>,
}

impl DirectionReport {
    /// Frames that the DUT lost: those that neither arrived, nor arrived corrupted, nor were missed by the receiver.
    ///
    /// Uncaptured frames are nobody's in particular. Where foreign frames arrived they may have been foreign, and
    /// are then not taken off the loss: it is never said to be less than it was.
    pub fn lost_in_dut(&self) -> u64 {
        let missed = if self.foreign == 0 { self.uncaptured } else { 0 };
        self.lost.saturating_sub(self.corrupted).saturating_sub(missed)
    }
}

/// One-way latency in nanoseconds: from handing a frame's batch to the kernel until the kernel's receive timestamp.
///
/// Flat out a batch is 64 frames, so the time a frame waits behind its own batch is included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Frames measured.
    pub count: u64,
    /// The least, in nanoseconds.
    pub min_ns: u64,
    /// Median, in nanoseconds.
    pub p50_ns: u64,
    /// 90th percentile, in nanoseconds.
    pub p90_ns: u64,
    /// 99th percentile, in nanoseconds.
    pub p99_ns: u64,
    /// 99.9th percentile, in nanoseconds.
    pub p999_ns: u64,
    /// The most, in nanoseconds.
    pub max_ns: u64,
    /// Mean, in nanoseconds.
    pub mean_ns: f64,
    /// The whole distribution: an HDR histogram of 3 significant digits, V2 with deflate, in base64.
    pub histogram: String,
}

/// By how much frames were sent after their time on the schedule, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pacing {
    /// Median lateness in nanoseconds.
    pub p50_ns: u64,
    /// 99th percentile of lateness in nanoseconds.
    pub p99_ns: u64,
    /// Greatest lateness in nanoseconds.
    pub max_ns: u64,
}

/// Bulk TCP by the testers' own stacks, as iperf3 reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkReport {
    /// Version of iperf3 as it calls itself.
    pub version: String,
    /// Who sent.
    pub direction: Direction,
    /// Parallel connections of each direction.
    pub streams: u64,
    /// How long it sent, in seconds.
    pub seconds: f64,
    /// One entry for each direction that sent, upstream first.
    pub sides: Vec<BulkDirection>,
    /// CPU of the client's iperf3 process in percent of one CPU.
    pub client_cpu_percent: f64,
    /// CPU of the server's iperf3 process in percent of one CPU.
    pub server_cpu_percent: f64,
}

/// One direction of bulk TCP.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BulkDirection {
    /// Who sent: `upstream` or `downstream`.
    pub direction: Direction,
    /// TCP payload bits per second that the sender wrote.
    pub sent_bps: f64,
    /// TCP payload bits per second that the receiver read: goodput.
    pub received_bps: f64,
    /// TCP payload bytes that the sender wrote.
    pub sent_bytes: u64,
    /// TCP payload bytes that the receiver read.
    pub received_bytes: u64,
    /// Segments that the sender transmitted again; none where its system does not tell.
    pub retransmits: Option<u64>,
    /// Mean of the streams' round trip times in microseconds, as the sender's TCP measured them.
    pub rtt_mean_us: Option<f64>,
}

/// The greatest time that a histogram of this crate tells apart, in nanoseconds (one minute).
pub const MAX_NS: u64 = 60_000_000_000;

/// An empty histogram for times in nanoseconds up to [`MAX_NS`], 3 significant digits.
pub fn time_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_NS, 3).unwrap_or_else(|_| unreachable!("constant bounds are valid"))
}

impl Latency {
    /// The summary of a histogram of nanoseconds; none when it is empty.
    pub fn of(histogram: &Histogram<u64>) -> Option<Latency> {
        if histogram.is_empty() {
            return None;
        }
        let mut bytes = Vec::new();
        // Writing into a Vec cannot fail, and a histogram of one minute is far below the format's 2 GiB.
        V2DeflateSerializer::new().serialize(histogram, &mut bytes).ok()?;
        Some(Latency {
            count: histogram.len(),
            min_ns: histogram.min(),
            p50_ns: histogram.value_at_quantile(0.5),
            p90_ns: histogram.value_at_quantile(0.9),
            p99_ns: histogram.value_at_quantile(0.99),
            p999_ns: histogram.value_at_quantile(0.999),
            max_ns: histogram.max(),
            mean_ns: histogram.mean(),
            histogram: base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes),
        })
    }

    /// The whole distribution, to merge trials or to draw it. The error says what is wrong with the text.
    pub fn distribution(&self) -> Result<Histogram<u64>, String> {
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &self.histogram)
            .map_err(|e| format!("the latency histogram is not base64: {e}"))?;
        Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|e| format!("the latency histogram is not in HDR's V2 format: {e:?}"))
    }
}

impl Pacing {
    /// The summary of a histogram of nanoseconds; none when it is empty.
    pub fn of(histogram: &Histogram<u64>) -> Option<Pacing> {
        (!histogram.is_empty()).then(|| Pacing {
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_survives_the_report() {
        let mut histogram = time_histogram();
        assert_eq!(Latency::of(&histogram), None);
        for ns in [900, 1_100, 1_100, 40_000, 2 * MAX_NS] {
            histogram.saturating_record(ns);
        }
        let latency = Latency::of(&histogram).unwrap();
        assert_eq!((latency.count, latency.min_ns, latency.p50_ns), (5, 900, 1_100));
        assert_eq!(latency.distribution().unwrap(), histogram);
    }

    #[test]
    fn a_damaged_distribution_is_told() {
        let mut histogram = time_histogram();
        histogram.saturating_record(7);
        let mut latency = Latency::of(&histogram).unwrap();
        latency.histogram.insert(0, '*');
        assert!(latency.distribution().unwrap_err().contains("base64"));
        latency.histogram = "AAAA".to_owned();
        assert!(latency.distribution().unwrap_err().contains("HDR"));
    }

    #[test]
    fn what_happens_now_and_then_is_not_in_the_cost_of_a_packet() {
        let report = |slices: &[u64]| CountedReport {
            direction: Direction::Upstream,
            sent: 100 * slices.len() as u64,
            sent_bytes_l2: 0,
            errors: 0,
            elapsed_ns: slices.iter().sum(),
            others_ns: 0,
            slices: slices.iter().map(|&elapsed_ns| Slice { sent: 100, elapsed_ns }).collect(),
        };
        let close =
            |r: CountedReport, expected: f64| assert!((r.per_packet().unwrap() - expected).abs() < 1e-9, "{r:?}");
        close(report(&[1000, 1002, 1001, 1003]), 10.015);
        close(report(&[1000, 1002, 9001, 1003]), 10.025);
        close(report(&[1000, 1000, 1000, 1000, 9000, 1000, 1000, 9000]), 10.0);
        close(report(&[1000, 2000]), 15.0);
        close(CountedReport { slices: Vec::new(), ..report(&[1000, 1000, 1000, 9000]) }, 30.0);
        assert_eq!(report(&[]).per_packet(), None);
    }
}
