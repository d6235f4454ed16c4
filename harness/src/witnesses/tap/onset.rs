//! From what was sent and what the CPU saw of it to when each flow got into the hardware.

use flowgauge_reports::trial::FlowOnset;

use super::record::{Seen, TapRecord};

/// What was sent: packets round robin over all flows from flow 0 on, as
/// [`crate::generators::RawEngine::drive_new`] sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How many flows there are.
    pub flows: u32,
    /// Packets of all flows.
    pub packets: u64,
    /// Nanoseconds from one packet to the next, of whatever flow.
    pub interval_ns: u64,
}

impl Sent {
    /// How many packets of `flow` were sent.
    fn of(&self, flow: u32) -> u64 {
        let flows = u64::from(self.flows.max(1));
        self.packets / flows + u64::from(u64::from(flow) < self.packets % flows)
    }
}

/// When each flow of which a packet was sent got into the hardware, by flow number.
///
/// The first packet that was sent and that the CPU did not see is the first that the hardware forwarded, as long as
/// nothing was lost: let the receiver's report say that. Times are those of the stamps where the CPU saw the packet
/// before, so a generator that lags behind its schedule does not make the hardware look slow; the last step, to a packet
/// that the CPU did not see, is the schedule's distance between two packets of a flow.
pub fn onsets(sent: &Sent, record: &TapRecord) -> Vec<FlowOnset> {
    let seen_from_the_first = |seen: &&Seen| seen.unbroken > 0;
    let origin_ns = record.flows.iter().filter(seen_from_the_first).map(|seen| seen.first_sent_ns).min();
    let onset = |flow: u32| {
        let (seen, packets) = (record.flow(flow), sent.of(flow));
        let unbroken = u64::from(seen.unbroken).min(packets);
        let begun_ns = match origin_ns {
            Some(origin_ns) if unbroken > 0 => seen.first_sent_ns - origin_ns,
            _ => sent.interval_ns * u64::from(flow),
        };
        let first_hit_ns = match unbroken {
            all if all == packets => None,
            0 => Some(0),
            _ => Some(seen.unbroken_sent_ns - seen.first_sent_ns + sent.interval_ns * u64::from(sent.flows)),
        };
        FlowOnset { begun_ns, software_packets: unbroken, first_hit_ns }
    };
    (0..sent.flows).filter(|flow| sent.of(*flow) > 0).map(onset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(unbroken: u32, first_sent_ns: u64, unbroken_sent_ns: u64) -> Seen {
        Seen { packets: unbroken, unbroken, first_sent_ns, unbroken_sent_ns, ..Seen::default() }
    }

    fn record(flows: &[Seen]) -> TapRecord {
        TapRecord { flows: flows.to_vec(), ..TapRecord::default() }
    }

    #[test]
    fn what_is_sent_round_robin_is_known_per_flow() {
        let sent = Sent { flows: 4, packets: 10, interval_ns: 1_000 };
        assert_eq!([0, 1, 2, 3].map(|flow| sent.of(flow)), [3, 3, 2, 2]);
        let few = Sent { packets: 2, ..sent };
        assert_eq!(onsets(&few, &record(&[])).len(), 2);
        assert!(onsets(&Sent { packets: 0, ..sent }, &record(&[])).is_empty());
    }

    #[test]
    fn a_flow_is_in_hardware_from_the_first_packet_that_the_cpu_did_not_see() {
        let record = record(&[
            // Three packets in software, the third late against the schedule.
            seen(3, 5_000, 14_500),
            // All in software.
            seen(5, 6_000, 22_000),
            // None in software.
            Seen::default(),
            // The CPU saw a later packet only: the hardware had the first.
            Seen { packets: 1, first_seq: 2, first_sent_ns: 16_000, ..Seen::default() },
        ]);
        let found = onsets(&Sent { flows: 4, packets: 20, interval_ns: 1_000 }, &record);
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
        let found = onsets(&Sent { flows: 1, packets: 4, interval_ns: 10 }, &record(&[seen(9, 0, 80)]));
        assert_eq!(found, [FlowOnset { begun_ns: 0, software_packets: 4, first_hit_ns: None }]);
    }
}
