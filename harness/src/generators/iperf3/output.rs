//! The parts of iperf3's JSON that are used.

use flowgauge_reports::offered::{BulkDirection, BulkReport};
use flowgauge_scenarios::Direction;
use serde::Deserialize;

use crate::generators::GeneratorError;

#[derive(Deserialize)]
struct Output {
    error: Option<String>,
    #[serde(default)]
    start: Start,
    end: Option<End>,
}

#[derive(Deserialize, Default)]
struct Start {
    #[serde(default)]
    version: String,
    #[serde(default)]
    test_start: TestStart,
}

#[derive(Deserialize, Default)]
struct TestStart {
    #[serde(default)]
    num_streams: u64,
}

/// iperf3 leaves out what it did not measure: after an error `end` is an empty object.
#[derive(Deserialize)]
struct End {
    #[serde(default)]
    streams: Vec<StreamPair>,
    sum_sent: Option<Sum>,
    sum_received: Option<Sum>,
    sum_sent_bidir_reverse: Option<Sum>,
    sum_received_bidir_reverse: Option<Sum>,
    cpu_utilization_percent: Option<Cpu>,
}

#[derive(Deserialize)]
struct StreamPair {
    sender: StreamEnd,
}

/// The sending end of one connection. `sender` says whether the client sent.
#[derive(Deserialize)]
struct StreamEnd {
    mean_rtt: Option<f64>,
    sender: Option<bool>,
}

#[derive(Deserialize)]
struct Sum {
    seconds: f64,
    bytes: u64,
    bits_per_second: f64,
    retransmits: Option<u64>,
}

#[derive(Deserialize)]
struct Cpu {
    host_total: f64,
    remote_total: f64,
}

/// Reads the client's JSON.
pub fn parse(text: &str, direction: Direction) -> Result<BulkReport, GeneratorError> {
    let unreadable =
        |reason: String| GeneratorError::Output { program: "iperf3", reason, start: text.chars().take(60).collect() };
    let output: Output = serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
    if let Some(reason) = output.error {
        return Err(GeneratorError::Program { command: "iperf3 --client".to_owned(), reason });
    }
    let lacks = |what: &str| unreadable(format!("it lacks {what}"));
    let end = output.end.ok_or_else(|| lacks("end"))?;
    let side = |direction: Direction, sent: Option<Sum>, received: Option<Sum>, names: [&str; 2]| {
        let (sent, received) = (sent.ok_or_else(|| lacks(names[0]))?, received.ok_or_else(|| lacks(names[1]))?);
        let up = direction == Direction::Upstream;
        let rtts = end.streams.iter().filter(|s| s.sender.sender.is_none_or(|sender| sender == up));
        let rtts: Vec<f64> = rtts.filter_map(|s| s.sender.mean_rtt).filter(|rtt| *rtt > 0.0).collect();
        let report = BulkDirection {
            direction,
            sent_bps: sent.bits_per_second,
            received_bps: received.bits_per_second,
            sent_bytes: sent.bytes,
            received_bytes: received.bytes,
            retransmits: sent.retransmits,
            rtt_mean_us: (!rtts.is_empty()).then(|| rtts.iter().sum::<f64>() / rtts.len() as f64),
        };
        Ok((report, sent.seconds))
    };
    let first = if direction == Direction::Downstream { Direction::Downstream } else { Direction::Upstream };
    let (report, seconds) = side(first, end.sum_sent, end.sum_received, ["end.sum_sent", "end.sum_received"])?;
    let mut sides = vec![report];
    if direction == Direction::Both {
        let names = ["end.sum_sent_bidir_reverse", "end.sum_received_bidir_reverse"];
        let reverse = (end.sum_sent_bidir_reverse, end.sum_received_bidir_reverse);
        sides.push(side(Direction::Downstream, reverse.0, reverse.1, names)?.0);
    }
    let cpu = end.cpu_utilization_percent.ok_or_else(|| lacks("end.cpu_utilization_percent"))?;
    Ok(BulkReport {
        version: output.start.version,
        direction,
        streams: output.start.test_start.num_streams,
        seconds,
        sides,
        client_cpu_percent: cpu.host_total,
        server_cpu_percent: cpu.remote_total,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: u64, retransmits: &str) -> String {
        format!(r#"{{"start":0,"end":2.0,"seconds":2.0,"bytes":{bytes},"bits_per_second":{}{retransmits}}}"#, bytes * 4)
    }

    fn json(more: &str) -> String {
        format!(
            r#"{{"start":{{"version":"iperf 3.12","test_start":{{"protocol":"TCP","num_streams":2}}}},"intervals":[],
            "end":{{"streams":[{{"sender":{{"socket":5,"mean_rtt":100,"sender":true}},"receiver":{{"socket":5}}}},
                               {{"sender":{{"socket":7,"mean_rtt":300,"sender":true}},"receiver":{{"socket":7}}}},
                               {{"sender":{{"socket":9,"mean_rtt":900,"sender":false}},"receiver":{{"socket":9}}}}],
            "sum_sent":{},"sum_received":{}{more},
            "cpu_utilization_percent":{{"host_total":12.5,"host_user":1,"remote_total":50.0}}}}}}"#,
            sum(5_000_000_000, r#","retransmits":7"#),
            sum(4_999_000_000, "")
        )
    }

    #[test]
    fn the_parts_used_are_read() {
        let report = parse(&json(""), Direction::Upstream).unwrap();
        assert_eq!((report.version.as_str(), report.streams, report.seconds), ("iperf 3.12", 2, 2.0));
        assert_eq!((report.client_cpu_percent, report.server_cpu_percent), (12.5, 50.0));
        let [up] = report.sides[..] else { panic!("{report:?}") };
        assert_eq!((up.sent_bytes, up.retransmits, up.rtt_mean_us), (5_000_000_000, Some(7), Some(200.0)));
        assert_eq!(up.received_bps, 4_999_000_000.0 * 4.0);
    }

    #[test]
    fn both_directions_are_kept_apart() {
        let more = format!(
            r#","sum_sent_bidir_reverse":{},"sum_received_bidir_reverse":{}"#,
            sum(3_000, r#","retransmits":1"#),
            sum(2_000, "")
        );
        let report = parse(&json(&more), Direction::Both).unwrap();
        let [up, down] = report.sides[..] else { panic!("{report:?}") };
        assert_eq!((up.direction, down.direction), (Direction::Upstream, Direction::Downstream));
        assert_eq!((up.rtt_mean_us, down.rtt_mean_us), (Some(200.0), Some(900.0)));
        assert_eq!((down.sent_bytes, down.received_bytes, down.retransmits), (3_000, 2_000, Some(1)));
        let error = parse(&json(""), Direction::Both).unwrap_err().to_string();
        assert!(error.contains("sum_sent_bidir_reverse"), "{error}");
    }

    #[test]
    fn errors_are_told_clearly() {
        let refused =
            r#"{"start":{},"intervals":[],"end":{},"error":"unable to connect to server: Connection refused"}"#;
        assert!(parse(refused, Direction::Upstream).unwrap_err().to_string().contains("Connection refused"));
        for text in ["", "iperf3: parameter error", "{\"end\":[]}", "{}", r#"{"end":{}}"#] {
            let error = parse(text, Direction::Upstream).unwrap_err();
            assert!(matches!(error, GeneratorError::Output { .. }), "{text}: {error}");
        }
    }
}
