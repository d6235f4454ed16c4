//! Figures that others published, set beside ours where a scenario repeats their measurement.

use flowgauge_scenarios::Datapath;

use crate::judge::{Row, Verdict};
use crate::numbers::digits;

/// A measurement that was published: the scenario that repeats it, where it is from, and its rates.
struct Published {
    scenario: &'static str,
    source: &'static str,
    /// Millions of packets per second on one CPU of a real machine, the generator's part in them.
    mpps: [(Datapath, f64); 4],
}

const PUBLISHED: [Published; 1] = [Published {
    scenario: "westphal-forwarding",
    source: "F. Westphal on netfilter-devel: pktgen into the receive path, routed to a dummy port, on hardware",
    mpps: [(Datapath::Forward, 1.33), (Datapath::Nft, 1.24), (Datapath::Conntrack, 0.95), (Datapath::Flowtable, 5.77)],
}];

/// A sentence with the published ratios to conntrack and ours, both with the generator's part in them; none for a scenario
/// that repeats nobody's, and where conntrack was not measured.
pub(crate) fn beside(scenario: &str, rows: &[&Row]) -> Option<String> {
    let published = PUBLISHED.iter().find(|p| p.scenario == scenario)?;
    // A row that is bad measured something else.
    let sound = |row: &&&Row| !matches!(row.verdict, Verdict::Bad { .. });
    let gross =
        |datapath: Datapath| rows.iter().filter(sound).find(|r| r.datapath == datapath)?.gross.map(|e| e.median);
    let rate = |datapath: Datapath| published.mpps.iter().find(|(d, _)| *d == datapath).map(|(_, mpps)| *mpps);
    let (ours, theirs) = (gross(Datapath::BASELINE)?, rate(Datapath::BASELINE)?);
    let compared = published.mpps.iter().filter(|(datapath, _)| *datapath != Datapath::BASELINE);
    let said: Vec<String> = compared
        .filter_map(|&(datapath, mpps)| {
            let own = ours / gross(datapath)?;
            Some(format!("{} {}x (published {}x)", datapath.name(), digits(own), digits(mpps / theirs)))
        })
        .collect();
    (!said.is_empty()).then(|| {
        format!(
            "packets in the time of one of conntrack, the generator included: {}; published: {}. An instruction \
             clock sees neither caches nor memory nor devices",
            said.join(", "),
            published.source
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::stats::{Estimate, Unit};

    #[test]
    fn ratios_stand_beside_those_that_were_published() {
        let result = sample::result();
        let mut rows: Vec<Row> = result.judgement.rows_of(0).cloned().collect();
        let instructions = [(Datapath::Forward, 3870.0), (Datapath::Conntrack, 5542.0), (Datapath::Flowtable, 3269.0)];
        for (datapath, gross) in instructions {
            let row = rows.iter_mut().find(|row| row.datapath == datapath).unwrap();
            row.gross = Estimate::of(&[gross], Unit::InstructionsPerPacket);
        }
        let rows: Vec<&Row> = rows.iter().collect();
        let said = beside("westphal-forwarding", &rows).unwrap();
        assert!(
            said.contains("forward 1.43x (published 1.40x)") && said.contains("flowtable 1.70x (published 6.07x)"),
            "{said}"
        );
        assert_eq!(beside("udp-ipv4", &rows), None);
        assert_eq!(beside("westphal-forwarding", &rows[..1]), None);
    }
}
