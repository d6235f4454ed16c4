//! An accepting rule of an offloaded netdev chain counts twice: in hardware, and again in software.

use super::super::finding::{Finding, Reading, Verdict};
use super::FindingError;
use super::bed::Bed;
use super::packets::{TO_PORT, destination};

/// Packets sent past each rule.
const PACKETS: u64 = 10;

/// The same packets past four chains: accept and drop, each with `flags offload` and without.
pub(super) fn finding(bed: &mut Bed) -> Result<Finding, FindingError> {
    let mut readings = Vec::new();
    for (offload, verdict) in [(true, "accept"), (true, "drop"), (false, "accept"), (false, "drop")] {
        let counted = count(bed, offload, verdict)?;
        let what = format!("counter of `counter {verdict}`, {}", if offload { "flags offload" } else { "in software" });
        readings.push(match (offload, verdict) {
            (true, "accept") => Reading::telling(what, counted.rule, PACKETS, 2 * PACKETS),
            _ => Reading::control(what, counted.rule, PACKETS),
        });
        if offload && verdict == "accept" {
            readings.push(Reading::control(
                "the same packets, as the NIC handed them to the CPU",
                counted.cpu,
                PACKETS,
            ));
        }
    }
    Ok(Finding {
        name: "counted-twice".to_owned(),
        claim: "a rule `counter accept` in a netdev chain with flags offload counts each packet twice".to_owned(),
        done: vec![format!(
            "sent {PACKETS} packets past one rule of a netdev ingress chain and listed it, for accept and drop, with and \
             without flags offload"
        )],
        verdict: Verdict::of(&readings),
        readings,
        means: "do not bill or alarm by counters of offloaded chains whose packets go on to the CPU: hardware counts the \
                packet, then the same rule in software counts it again. Rules that drop or forward in hardware count right"
            .to_owned(),
        source: vec![
            "net/netfilter/nft_counter.c: nft_counter_offload_stats adds the hardware's count to the counter that \
             nft_counter_do_eval counts in"
                .to_owned(),
            "net/netfilter/nf_tables_offload.c: nft_flow_rule_stats, at each listing of the rule".to_owned(),
        ],
    })
}

struct Counted {
    rule: u64,
    cpu: u64,
}

fn count(bed: &mut Bed, offload: bool, verdict: &str) -> Result<Counted, FindingError> {
    bed.apply(&ruleset(bed, offload, verdict))?;
    let before = bed.counters()?;
    bed.send(1, PACKETS)?;
    // What is accepted is routed on, so it has passed the rule when it is sent; a drop in software shows in the counter
    // alone.
    let through = match (offload, verdict) {
        (_, "accept") => "cpu_tx_packets",
        (true, _) => "hw_rule_drops",
        (false, _) => "cpu_rx_packets",
    };
    bed.wait("the packets were through", PACKETS, |bed| Ok(bed.counters()?.since(&before, through)))?;
    bed.wait("the rule counted", PACKETS, |bed| Ok(packets_in(&bed.listing()?)))?;
    let cpu = bed.counters()?.since(&before, "cpu_rx_packets");
    let rule = packets_in(&bed.listing()?);
    bed.remove()?;
    Ok(Counted { rule, cpu })
}

fn ruleset(bed: &Bed, offload: bool, verdict: &str) -> String {
    let (lan, flags) = (bed.lan(), if offload { " flags offload;" } else { "" });
    format!(
        "table netdev flowgauge {{\n\tchain lan {{\n\t\ttype filter hook ingress device \"{lan}\" priority 10;{flags} policy \
         accept;\n\t\tip daddr {} udp dport {TO_PORT} counter {verdict}\n\t}}\n}}\n",
        destination()
    )
}

/// The packets of the only counter in a listing: `counter packets 20 bytes 920`.
fn packets_in(listing: &str) -> u64 {
    let mut words = listing.split_ascii_whitespace().skip_while(|word| *word != "counter");
    match (words.nth(1), words.next()) {
        (Some("packets"), Some(count)) => count.parse().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_found_in_a_listing() {
        assert_eq!(packets_in("ip daddr 198.19.128.1 udp dport 9 counter packets 20 bytes 920 accept"), 20);
        assert_eq!(packets_in("table netdev t {\n}\n"), 0);
    }
}
