//! A generator without a network: its answers follow from its fields, and no time passes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowgauge_reports::offered::{Damage, DirectionReport, Latency, Pacing, time_histogram};
use flowgauge_scenarios::{Direction, Opening, Traffic};

use super::{Generator, GeneratorError, Mark, Opened};

/// What the testers would see of a DUT that forwards up to a rate and drops the rest.
#[derive(Clone, Debug)]
pub struct FakeGenerator {
    /// Frames per second that the generator reaches flat out.
    pub generator_pps: f64,
    /// Frames per second and direction that the DUT forwards.
    pub capacity_pps: f64,
    /// Latency of every forwarded frame in nanoseconds.
    pub latency_ns: u64,
    /// Flows that refuse to open, from this one on; none: all open.
    pub closed_from: Option<u32>,
    /// How often `open` and `drive` were called.
    pub calls: (u32, u32),
}

impl Default for FakeGenerator {
    fn default() -> Self {
        let (generator_pps, capacity_pps) = (1_000_000.0, 500_000.0);
        FakeGenerator { generator_pps, capacity_pps, latency_ns: 10_000, closed_from: None, calls: (0, 0) }
    }
}

impl Generator for FakeGenerator {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn open(&mut self, traffic: &Traffic) -> Result<Opened, GeneratorError> {
        self.calls.0 += 1;
        let wanted = traffic.flows;
        match self.closed_from {
            _ if traffic.opening == Opening::None => Ok(Opened::default()),
            Some(first_missing) if first_missing < wanted => Err(GeneratorError::FlowsNotOpened {
                wanted,
                opened: first_missing,
                first_missing,
                last_step: "nothing",
            }),
            _ => Ok(Opened { flows: wanted.into(), packets: 4 * u64::from(wanted), ..Opened::default() }),
        }
    }

    fn drive_marked(
        &mut self,
        traffic: &Traffic,
        duration: Duration,
        cancel: &AtomicBool,
        mark: &mut dyn FnMut(Mark),
    ) -> Result<Vec<DirectionReport>, GeneratorError> {
        self.calls.1 += 1;
        mark(Mark::Begin);
        mark(Mark::End);
        if cancel.load(Ordering::Relaxed) {
            return Err(GeneratorError::Cancelled);
        }
        let sends = [
            (Direction::Upstream, traffic.direction.client_sends()),
            (Direction::Downstream, traffic.direction.server_sends()),
        ];
        Ok(sends.iter().filter(|s| s.1).map(|s| self.report(s.0, traffic, duration)).collect())
    }
}

impl FakeGenerator {
    fn report(&self, direction: Direction, traffic: &Traffic, duration: Duration) -> DirectionReport {
        let mean = traffic.mean_size(traffic.families.of_flow(0));
        let intended_pps = traffic.load.pps(mean);
        let offered_pps = intended_pps.unwrap_or(f64::INFINITY).min(self.generator_pps);
        let sent = (offered_pps * duration.as_secs_f64()) as u64;
        let received = (offered_pps.min(self.capacity_pps) * duration.as_secs_f64()) as u64;
        let mut latency = time_histogram();
        latency.saturating_record_n(self.latency_ns, received);
        // Round robin: what is lost is lost at the end, from flow `received % flows` on.
        let flows = u64::from(traffic.flows).min(sent);
        DirectionReport {
            direction,
            intended_pps,
            offered_pps,
            sent,
            sent_bytes_l2: (sent as f64 * mean) as u64,
            send_duration_ns: duration.as_nanos() as u64,
            send_errors: 0,
            received,
            lost: sent - received,
            duplicated: 0,
            reordered: 0,
            corrupted: 0,
            damage: Damage::default(),
            uncaptured: 0,
            foreign: 0,
            unverified: 0,
            flows,
            flows_with_loss: (sent - received).min(flows),
            flows_silent: flows.saturating_sub(received),
            received_duration_ns: duration.as_nanos() as u64,
            latency: Latency::of(&latency),
            pacing: intended_pps.map(|_| Pacing { p50_ns: 1, p99_ns: 1, max_ns: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowgauge_scenarios::{Families, Frame, Load, Protocol};

    #[test]
    fn the_fake_keeps_its_books() {
        let mut traffic = Traffic {
            protocol: Protocol::Udp,
            families: Families::Ipv4,
            frame: Frame::Fixed(64),
            flows: 10,
            direction: Direction::Both,
            load: Load::Max,
            opening: Opening::Full,
        };
        let mut fake = FakeGenerator::default();
        let (second, go) = (Duration::from_secs(1), AtomicBool::new(false));
        let mut marks = Vec::new();
        let reports = fake.drive_marked(&traffic, second, &go, &mut |m| marks.push(m)).unwrap();
        assert_eq!((reports.len(), reports[0].sent, reports[1].lost), (2, 1_000_000, 500_000));
        assert_eq!(marks, [Mark::Begin, Mark::End]);
        traffic.load = Load::Pps(1_000);
        assert_eq!(fake.drive(&traffic, second, &go).unwrap()[0].lost, 0);
        fake.closed_from = Some(4);
        assert!(fake.open(&traffic).unwrap_err().to_string().contains("only 4 of 10 flows"));
        assert_eq!(fake.calls, (1, 2));
    }
}
