//! What the driver says that the CPU saw and sent, from RTM_GETSTATS.
//!
//! The counters of a port are those of its cable, the hardware's packets among them. A driver that can tell them apart
//! gives the CPU's share as IFLA_OFFLOAD_XSTATS_CPU_HIT (include/uapi/linux/if_link.h).

use flowgauge_reports::observation::{CpuHit, PortCounters};
use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use super::netlink::{Conversation, NETLINK_ROUTE, NetlinkError, Question, attributes};
use super::ports::{PortNames, counters_of, ifindex};
use super::witness::{Witness, WitnessError};

const RTM_NEWSTATS: u16 = 92;
const RTM_GETSTATS: u16 = 94;
/// Length of `struct if_stats_msg`: family, padding, ifindex, filter.
const IF_STATS_MSG: usize = 12;
const IFLA_STATS_LINK_OFFLOAD_XSTATS: u16 = 4;
const CPU_HIT: u16 = 1;
const HW_S_INFO: u16 = 2;
/// In HW_S_INFO, what is said of the L3 statistics.
const L3_STATS: u16 = 3;
const HW_S_INFO_REQUEST: u16 = 1;
const HW_S_INFO_USED: u16 = 2;

/// Reads the CPU's share of the counters of the DUT's ports.
#[derive(Debug)]
pub struct CpuHitWitness {
    dut: Conversation,
    names: [String; 2],
}

impl CpuHitWitness {
    /// Opens rtnetlink inside `dut`.
    pub fn open(dut: &Netns, names: &PortNames) -> Result<Self, NetlinkError> {
        Ok(CpuHitWitness {
            dut: Conversation::open(dut, NETLINK_ROUTE)?,
            names: [names.lan.clone(), names.wan.clone()],
        })
    }
}

impl Witness<CpuHit> for CpuHitWitness {
    fn read(&mut self) -> Result<CpuHit, WitnessError> {
        let [lan, wan] = &self.names;
        let (lan, wan) = (ask(&mut self.dut, lan)?, ask(&mut self.dut, wan)?);
        match (lan.cpu, wan.cpu) {
            (None, None) => Err(WitnessError::Absent),
            (Some(lan_cpu), Some(wan_cpu)) => {
                Ok(CpuHit { lan: lan_cpu, wan: wan_cpu, hardware_statistics: lan.in_use.or(wan.in_use) })
            }
            (lan_cpu, _) => {
                let [told, silent] = if lan_cpu.is_some() { [0, 1] } else { [1, 0] };
                let [told, silent] = [told, silent].map(|port| &self.names[port]);
                Err(WitnessError::Unavailable(format!(
                    "the driver of {told} tells what its CPU saw and that of {silent} does not: is one of them another device?"
                )))
            }
        }
    }
}

/// What the driver says of one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    cpu: Option<PortCounters>,
    in_use: Option<bool>,
}

fn ask(socket: &mut Conversation, name: &str) -> Result<Said, WitnessError> {
    // A port may get another index when it moves between namespaces, so it is asked for by name each time.
    let index = ifindex(socket, name)?;
    let filter = 1u32 << (IFLA_STATS_LINK_OFFLOAD_XSTATS - 1);
    let payload = [&[0; 4][..], &index.to_ne_bytes(), &filter.to_ne_bytes()].concat();
    let question = Question {
        doing: "reading the offload statistics of a port",
        message_type: RTM_GETSTATS,
        dump: false,
        payload: &payload,
    };
    let collect = |said: &mut Said, kind: u16, payload: &[u8]| {
        if kind == RTM_NEWSTATS {
            *said = parse(payload)?;
        }
        Ok(())
    };
    socket.ask(question, Said::default, collect).map_err(|source| WitnessError::Port { name: name.to_owned(), source })
}

fn parse(message: &[u8]) -> Result<Said, DecodeError> {
    let mut said = Said::default();
    for attribute in attributes(message.get(IF_STATS_MSG..).unwrap_or_default()) {
        let attribute = attribute?;
        if attribute.kind() != IFLA_STATS_LINK_OFFLOAD_XSTATS {
            continue;
        }
        for field in attributes(attribute.value()) {
            let field = field?;
            match field.kind() {
                CPU_HIT => said.cpu = Some(counters_of(field.value())?),
                HW_S_INFO => said.in_use = in_use(field.value())?,
                _ => {}
            }
        }
    }
    Ok(said)
}

/// Whether the hardware counts at L3, where it was asked to (`ip stats set dev PORT l3_stats on`).
fn in_use(info: &[u8]) -> Result<Option<bool>, DecodeError> {
    let (mut requested, mut used) = (false, false);
    for kind in attributes(info) {
        let kind = kind?;
        if kind.kind() != L3_STATS {
            continue;
        }
        for field in attributes(kind.value()) {
            let field = field?;
            match field.kind() {
                HW_S_INFO_REQUEST => requested = field.value() == [1],
                HW_S_INFO_USED => used = field.value() == [1],
                _ => {}
            }
        }
    }
    Ok(requested.then_some(used))
}

#[cfg(test)]
mod tests {
    use super::super::netlink::{push, push_nested};
    use super::*;

    fn message(request: u8, used: u8, cpu: Option<&[u8]>) -> Vec<u8> {
        let (mut l3, mut info, mut xstats, mut message) = (Vec::new(), Vec::new(), Vec::new(), vec![0; IF_STATS_MSG]);
        push(&mut l3, HW_S_INFO_REQUEST, &[request]);
        push(&mut l3, HW_S_INFO_USED, &[used]);
        push_nested(&mut info, L3_STATS, &l3);
        if let Some(cpu) = cpu {
            push(&mut xstats, CPU_HIT, cpu);
        }
        push_nested(&mut xstats, HW_S_INFO, &info);
        push_nested(&mut message, IFLA_STATS_LINK_OFFLOAD_XSTATS, &xstats);
        message
    }

    #[test]
    fn the_cpus_share_and_the_hardwares_word_are_read() {
        let fields: Vec<u8> = (1..=24u64).flat_map(|n| (n << 33).to_ne_bytes()).collect();
        let said = parse(&message(1, 0, Some(&fields))).unwrap();
        assert_eq!(said.cpu.map(|cpu| (cpu.rx_packets, cpu.tx_packets)), Some((1 << 33, 2 << 33)));
        assert_eq!(said.in_use, Some(false));
        assert_eq!(parse(&message(1, 1, None)).unwrap(), Said { cpu: None, in_use: Some(true) });
        assert_eq!(parse(&message(0, 0, None)).unwrap(), Said::default(), "nobody asked the hardware to count");
    }

    #[test]
    fn what_is_cut_is_refused() {
        assert!(parse(&message(1, 1, Some(&[0; 40]))).is_err());
        let whole = message(1, 1, Some(&[0; 192]));
        for length in 0..whole.len() {
            let _ = parse(&whole[..length]);
        }
        assert!(parse(&whole[..whole.len() - 30]).is_err());
    }
}
