//! From what was sent and what the CPU saw of it to when each flow got into the hardware.

use flowgauge_reports::trial::FlowOnset;

use super::record::{Seen, TapRecord};

/// What was sent of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentFlow {
    /// Its number.
    pub flow: u32,
    /// When its first packet was due, in nanoseconds since the first packet of all.
    pub begun_ns: u64,
    /// How many packets of it were sent.
    pub packets: u64,
    /// Nanoseconds between two of them.
    pub interval_ns: u64,
}

/// What was sent of each flow when `frames` frames went round robin over `flows` flows at `pps` frames per second in
/// all, as [`crate::generators::RawEngine::drive_new`] sends them. Flows of which nothing was sent are left out.
pub fn round_robin(frames: u64, flows: u32, pps: f64) -> impl Iterator<Item = SentFlow> {
    let (frame_ns, flows) = (1e9 / pps.max(f64::MIN_POSITIVE), u64::from(flows.max(1)));
    let interval_ns = (frame_ns * flows as f64) as u64;
    (0..flows.min(frames)).map(move |flow| SentFlow {
        flow: flow as u32,
        begun_ns: (frame_ns * flow as f64) as u64,
        packets: frames / flows + u64::from(flow < frames % flows),
        interval_ns,
    })
}

/// When each flow got into the hardware.
///
/// The first packet that was sent and that the CPU did not see is the first that the hardware forwarded, as long as
/// nothing was lost: let the receiver's report say that. Times are those of the stamps where the CPU saw the packet
/// before, so a generator that lags behind its schedule does not make the hardware look slow; the last step, to a packet
/// that the CPU did not see, is one interval of the schedule.
pub fn onsets(sent: impl IntoIterator<Item = SentFlow>, record: &TapRecord) -> Vec<FlowOnset> {
    let started = |seen: &&Seen| seen.unbroken > 0;
    let origin_ns = record.flows.iter().filter(started).map(|seen| seen.first_sent_ns).min();
    let onset = |sent: SentFlow| {
        let seen = record.flows.get(sent.flow as usize).copied().unwrap_or_default();
        let unbroken = u64::from(seen.unbroken).min(sent.packets);
        let begun_ns = match origin_ns {
            Some(origin_ns) if seen.unbroken > 0 => seen.first_sent_ns - origin_ns,
            _ => sent.begun_ns,
        };
        let last_ns = seen.unbroken_sent_ns.saturating_sub(seen.first_sent_ns);
        let first_hit_ns = match unbroken {
            all if all == sent.packets => None,
            0 => Some(0),
            _ => Some(last_ns + sent.interval_ns),
        };
        FlowOnset { begun_ns, software_packets: unbroken, first_hit_ns }
    };
    sent.into_iter().filter(|sent| sent.packets > 0).map(onset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(unbroken: u32, first_sent_ns: u64, unbroken_sent_ns: u64) -> Seen {
        Seen { packets: unbroken, unbroken, first_sent_ns, unbroken_sent_ns, ..Seen::default() }
    }

    #[test]
    fn what_is_sent_round_robin_is_known_per_flow() {
        let sent: Vec<SentFlow> = round_robin(10, 4, 1e6).collect();
        assert_eq!(sent.iter().map(|flow| flow.packets).collect::<Vec<_>>(), [3, 3, 2, 2]);
        assert_eq!(sent[3], SentFlow { flow: 3, begun_ns: 3_000, packets: 2, interval_ns: 4_000 });
        assert_eq!(round_robin(2, 4, 1e6).count(), 2);
        assert_eq!(round_robin(0, 4, 1e6).count(), 0);
    }

    #[test]
    fn a_flow_is_in_hardware_from_the_first_packet_that_the_cpu_did_not_see() {
        let record = TapRecord {
            flows: vec![
                // Three packets in software, the third late against the schedule.
                seen(3, 5_000, 14_500),
                // All in software.
                seen(5, 6_000, 22_000),
                // None in software.
                Seen::default(),
                // The CPU saw a later packet only: the hardware had the first.
                Seen { packets: 1, first_seq: 2, first_sent_ns: 16_000, ..Seen::default() },
            ],
            ..TapRecord::default()
        };
        let found = onsets(round_robin(20, 4, 1e6), &record);
        let onset = |begun_ns, software_packets, first_hit_ns| FlowOnset { begun_ns, software_packets, first_hit_ns };
        let expected = [
            onset(0, 3, Some(9_500 + 4_000)),
            onset(1_000, 5, None),
            onset(2_000, 0, Some(0)),
            onset(3_000, 0, Some(0)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_record_that_knows_more_than_was_sent_claims_no_hit() {
        let record = TapRecord { flows: vec![seen(9, 0, 80)], ..TapRecord::default() };
        assert_eq!(onsets(round_robin(4, 1, 1e8), &record)[0].first_hit_ns, None);
        assert!(onsets([SentFlow { flow: 7, begun_ns: 0, packets: 0, interval_ns: 1 }], &record).is_empty());
    }
}
