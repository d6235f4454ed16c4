//! Bulk TCP by iperf3, between the testers of a testbed.

use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge_reports::offered::BulkReport;
use flowgauge_scenarios::{Families, Scenario};
use flowgauge_topologies::Testbed;

use crate::generators::{BulkRequest, GeneratorError, Iperf3};

/// The port that iperf3's server listens on.
const PORT: u16 = 5201;

/// Offers the scenario's bulk traffic for `duration`.
pub(super) fn run(
    bed: &Testbed,
    scenario: &Scenario,
    duration: Duration,
    stop: &AtomicBool,
) -> Result<BulkReport, GeneratorError> {
    let server = match scenario.traffic.families {
        Families::Ipv6 => IpAddr::V6(bed.server.port.ipv6),
        _ => IpAddr::V4(bed.server.port.ipv4),
    };
    let engine = Iperf3 { client: bed.client.netns.fd(), server: bed.server.netns.fd() };
    let request = BulkRequest {
        server,
        port: PORT,
        streams: scenario.traffic.flows,
        direction: scenario.traffic.direction,
        duration,
    };
    engine.run(&request, stop)
}
