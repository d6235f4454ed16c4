//! Bulk TCP by iperf3.

use flowgauge_scenarios::Datapath;

use super::super::*;
use super::*;

#[test]
fn bulk_transfer_is_judged_by_its_goodput_and_not_by_marks_that_closing_took_away() {
    use crate::observation::Reading;
    use crate::offered::{BulkDirection, BulkReport};
    use flowgauge_scenarios::{Direction, Scenario};

    let mut result = sample::result();
    let name = result.plan.scenarios[2].name.clone();
    result.plan.scenarios[2] = Scenario { name, ..Scenario::load("tcp-bulk").unwrap() };
    result.calibrations.clear();
    for trial in result.trials.iter_mut().filter(|t| result.plan.cells[t.cell].scenario == 2) {
        let received_bps = if trial.datapath == Datapath::Flowtable { 9e9 } else { 6e9 };
        let side = BulkDirection {
            direction: Direction::Upstream,
            sent_bps: received_bps,
            received_bps,
            sent_bytes: 0,
            received_bytes: 0,
            retransmits: None,
            rtt_mean_us: None,
        };
        trial.offered = Offered::Bulk(BulkReport {
            version: "iperf 3.12".to_owned(),
            direction: Direction::Upstream,
            streams: 4,
            seconds: 3.0,
            sides: vec![side],
            client_cpu_percent: 50.0,
            server_cpu_percent: 50.0,
        });
        for observation in [&mut trial.before, &mut trial.after] {
            if let Reading::Seen(conntrack) = &mut observation.conntrack {
                conntrack.offload = 0;
            }
        }
    }
    let judgement = again(&result);
    let row = judgement.rows_of(2).find(|r| r.datapath == Datapath::Flowtable).unwrap();
    assert_eq!((row.throughput.unwrap().unit, row.verdict.clone()), (crate::stats::Unit::BitsPerSecond, Verdict::Good));
    assert_eq!(
        (row.gain.unwrap().throughput.unwrap().median, row.cost, row.loss, row.totals.clone()),
        (1.5, None, None, None)
    );
    assert!(warned(&judgement, "counters count skbs"));
    crate::html::render(&RunResult { judgement, ..result }).unwrap();
}
