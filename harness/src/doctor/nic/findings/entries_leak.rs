//! Entries leak when a flowtable is deleted: the kernel unbinds the driver before it takes the flows down.

use std::thread::sleep;
use std::time::Duration;

use flowgauge_scenarios::Fault;

use super::super::finding::{Finding, Reading, Verdict};
use super::FindingError;
use super::bed::{Bed, Counters};

/// Flows of each round.
const FLOWS: u16 = 8;
/// Packets that open a flow: the first makes the conntrack entry, the second finds it confirmed and is offered to the
/// flowtable, the third is for good measure.
const OPENING: u64 = 3;
/// Packets of each flow that the hardware is given afterwards.
const PACKETS: u64 = 10;
/// An order that never comes has no event: so long after the flowtable is gone it counts as never. Work queues and the
/// flowtable's garbage collection (1 s) have run by then.
const SETTLED: Duration = Duration::from_millis(2500);

/// What one round came to.
struct Round {
    installed: u64,
    destroyed: u64,
    purged: u64,
    remaining: u64,
    /// Packets forwarded by the hardware when neither flowtable nor ruleset was there any more.
    forwarded: u64,
}

/// Three rounds: the flows deleted first (a control), the flowtable deleted under its flows, and the same with a driver
/// that relies on the kernel to delete what it installed.
pub(super) fn finding(bed: &mut Bed) -> Result<Finding, FindingError> {
    let control = round(bed, true)?;
    let stock = round(bed, false)?;
    bed.fault(Fault::LeakAtUnbind, 1)?;
    let relying = round(bed, false);
    bed.fault(Fault::LeakAtUnbind, 0)?;
    let relying = relying?;
    let sent = u64::from(FLOWS) * PACKETS;
    let readings = vec![
        Reading::control("flows deleted first: rules destroyed by the kernel", control.destroyed, control.installed),
        Reading::control("flows deleted first: rules the driver had to purge", control.purged, 0),
        Reading::telling("flowtable deleted: rules destroyed by the kernel", stock.destroyed, stock.installed, 0),
        Reading::telling("flowtable deleted: rules the driver had to purge", stock.purged, 0, stock.installed),
        Reading::control("flowtable deleted: rules left, as the driver purges", stock.remaining, 0),
        Reading::telling("driver that does not purge: rules left", relying.remaining, 0, relying.installed),
        Reading::telling("driver that does not purge: packets forwarded by them", relying.forwarded, 0, sent),
    ];
    Ok(Finding {
        name: "entries-leak".to_owned(),
        claim: "when a flowtable with flags offload is deleted, the kernel never tells the driver to delete its entries"
            .to_owned(),
        done: vec![
            format!(
                "put {FLOWS} UDP flows into hardware ({} rules, both directions), deleted the flowtable, waited {:.1} s",
                stock.installed,
                SETTLED.as_secs_f64()
            ),
            format!(
                "the same with a driver that does not purge at unbind (fault-leak-at-unbind), then sent {PACKETS} packets of \
                 each flow through a DUT without any ruleset"
            ),
            "control: deleted the flows first (conntrack), and the flowtable when the hardware was empty".to_owned(),
        ],
        verdict: Verdict::of(&readings),
        readings,
        means: "a driver must purge at FLOW_BLOCK_UNBIND by itself. One that does not keeps forwarding flows past every \
                rule that is installed later, until the NIC is reset, and its table fills up. Delete flows before \
                flowtables (conntrack -F, wait for the hardware to be empty), and test drivers with this"
            .to_owned(),
        source: vec![
            "net/netfilter/nf_tables_api.c: __nft_unregister_flowtable_net_hooks sends FLOW_BLOCK_UNBIND at commit".to_owned(),
            "net/netfilter/nf_flow_table_offload.c: nf_flow_table_block_setup frees the callbacks with it".to_owned(),
            "net/netfilter/nf_flow_table_core.c: nf_flow_table_free tears the flows down afterwards; FLOW_CLS_DESTROY finds \
             no callback"
                .to_owned(),
        ],
    })
}

/// Puts flows into hardware and deletes the flowtable; `flows_first` deletes the flows before.
fn round(bed: &mut Bed, flows_first: bool) -> Result<Round, FindingError> {
    bed.flush_conntrack()?;
    let began = bed.counters()?;
    bed.apply(&ruleset(bed))?;
    bed.send(FLOWS, OPENING)?;
    // A flow is a rule for each direction.
    let whole = began.get("rules") + 2 * u64::from(FLOWS);
    bed.wait("every flow was in hardware", whole, |bed| Ok(bed.counters()?.get("rules")))?;
    let loaded = bed.counters()?;
    let installed = loaded.get("rules").saturating_sub(began.get("rules"));
    bed.send(FLOWS, PACKETS)?;
    let sent = u64::from(FLOWS) * PACKETS;
    bed.wait("the hardware forwarded", sent, |bed| Ok(bed.counters()?.since(&loaded, "hw_rx_packets")))?;
    if flows_first {
        bed.flush_conntrack()?;
        let empty = |now: &Counters| installed.saturating_sub(now.get("rules").saturating_sub(began.get("rules")));
        bed.wait("the flowtable dropped the deleted flows", installed, |bed| Ok(empty(&bed.counters()?)))?;
    }
    bed.remove()?;
    sleep(SETTLED);
    let gone = bed.counters()?;
    bed.send(FLOWS, PACKETS)?;
    // What hardware does not forward, the stack sees: either way every packet is counted.
    let counted = |now: &Counters| now.since(&gone, "hw_rx_packets") + now.since(&gone, "cpu_rx_packets");
    bed.wait("every packet was counted", sent, |bed| Ok(counted(&bed.counters()?)))?;
    let forwarded = bed.counters()?.since(&gone, "hw_rx_packets");
    Ok(Round {
        installed,
        destroyed: gone.since(&began, "rules_deleted"),
        purged: gone.since(&began, "rules_purged"),
        remaining: gone.get("rules").saturating_sub(began.get("rules")),
        forwarded,
    })
}

fn ruleset(bed: &Bed) -> String {
    let (lan, wan) = (bed.lan(), bed.wan());
    format!(
        "table ip flowgauge {{\n\tflowtable fast {{\n\t\thook ingress priority 0\n\t\tdevices = {{ {lan}, {wan} }}\n\
         \t\tflags offload\n\t}}\n\tchain forward {{\n\t\ttype filter hook forward priority 0; policy accept;\n\
         \t\tip protocol udp flow add @fast\n\t}}\n}}\n"
    )
}
