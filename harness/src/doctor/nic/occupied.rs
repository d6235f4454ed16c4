//! Whether a port's offload is in somebody's use. It is read, never changed.

use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use crate::nft::{self, ReadBack};
use crate::witnesses::netlink::{Conversation, NETLINK_ROUTE, NetlinkError, Question, attributes};

const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;
/// Length of `struct tcmsg` (include/uapi/linux/rtnetlink.h); the interface index is its second word.
const TCMSG: usize = 20;
const TCA_KIND: u16 = 1;
const TCA_HW_OFFLOAD: u16 = 12;

/// Who uses the offload of `port` in `netns`; empty where nobody does.
pub(super) fn users(netns: &Netns, port: &str, ifindex: u32) -> Result<Vec<String>, nft::NftError> {
    let mut users = of_nft(&nft::list_everything(netns)?, port);
    users.extend(of_tc(netns, ifindex)?);
    Ok(users)
}

fn of_nft(read: &ReadBack, port: &str) -> Vec<String> {
    let offloads = |flags: &[String]| flags.iter().any(|flag| flag == "offload");
    // A name that ends in a star takes every port that begins like it (from about 6.16).
    let is_port = |name: &String| name == port || name.strip_suffix('*').is_some_and(|head| port.starts_with(head));
    let flowtables = read.flowtables.iter().filter(|f| offloads(&f.flags) && f.devices.iter().any(is_port));
    let flowtables = flowtables.map(|f| format!("nft flowtable {} (flags offload)", f.name));
    let quoted = format!("\"{port}\"");
    let names = |hook: &str| hook.split([' ', ',']).any(|word| word == quoted || word == port);
    let chains = read.chains.iter().filter(|chain| offloads(&chain.flags) && names(&chain.hook));
    flowtables.chain(chains.map(|chain| format!("nft chain {} (flags offload)", chain.name))).collect()
}

/// An ingress or clsact qdisc holds the same block that an offloaded chain would bind; other qdiscs say so themselves.
/// mq does not count: it is the default of every NIC with several queues, and some drivers take note of it.
fn of_tc(netns: &Netns, ifindex: u32) -> Result<Vec<String>, NetlinkError> {
    let mut payload = [0; TCMSG];
    payload[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    let question = Question { doing: "listing the qdiscs", message_type: RTM_GETQDISC, dump: true, payload: &payload };
    let collect = |users: &mut Vec<String>, kind: u16, payload: &[u8]| {
        if kind == RTM_NEWQDISC {
            users.extend(qdisc(payload, ifindex)?);
        }
        Ok(())
    };
    match Conversation::open(netns, NETLINK_ROUTE)?.ask(question, Vec::new, collect) {
        // A kernel without traffic control has none in use.
        Err(error) if error.errno() == Some(libc::EOPNOTSUPP) => Ok(Vec::new()),
        outcome => outcome,
    }
}

fn qdisc(payload: &[u8], ifindex: u32) -> Result<Option<String>, DecodeError> {
    let here = payload.get(4..8).is_some_and(|index| index == ifindex.to_ne_bytes());
    let (mut name, mut offloaded) = (String::new(), false);
    for attribute in attributes(payload.get(TCMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind() {
            TCA_KIND => name = String::from_utf8_lossy(attribute.value()).trim_end_matches('\0').to_owned(),
            TCA_HW_OFFLOAD => offloaded = attribute.value().first().is_some_and(|on| *on != 0),
            _ => {}
        }
    }
    let blocks = match name.as_str() {
        "ingress" | "clsact" => true,
        "mq" => false,
        _ => offloaded,
    };
    Ok((here && blocks).then(|| format!("tc qdisc {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowtables_and_chains_with_flags_offload_use_their_ports_alone() {
        let read = nft::parse(
            "table inet t {\n\tflowtable f {\n\t\tdevices = { p0, q* }\n\t\tflags offload\n\t}\n\
             \tflowtable soft {\n\t\tdevices = { p1 }\n\t}\n}\ntable netdev n {\n\tchain c {\n\
             \t\ttype filter hook ingress device \"p2\" priority 1; flags offload; policy accept;\n\t}\n}\n",
        );
        assert_eq!(of_nft(&read, "p0"), ["nft flowtable f (flags offload)"]);
        assert_eq!(of_nft(&read, "q7"), ["nft flowtable f (flags offload)"]);
        assert_eq!(of_nft(&read, "p2"), ["nft chain c (flags offload)"]);
        assert!(of_nft(&read, "p1").is_empty() && of_nft(&read, "p").is_empty());
    }

    #[test]
    fn ingress_and_offloaded_qdiscs_count_on_their_own_port() {
        let message = |ifindex: u32, name: &str, offloaded: u8| {
            let mut bytes = vec![0; TCMSG];
            bytes[4..8].copy_from_slice(&ifindex.to_ne_bytes());
            crate::witnesses::netlink::push_string(&mut bytes, TCA_KIND, name);
            bytes.extend_from_slice(&[5, 0, TCA_HW_OFFLOAD as u8, 0, offloaded, 0, 0, 0]);
            bytes
        };
        let found = |bytes: &[u8]| qdisc(bytes, 7).unwrap();
        assert_eq!(found(&message(7, "clsact", 0)).as_deref(), Some("tc qdisc clsact"));
        assert_eq!(found(&message(7, "mqprio", 1)).as_deref(), Some("tc qdisc mqprio"));
        assert_eq!(found(&message(7, "mq", 1)), None);
        assert_eq!(found(&message(7, "fq_codel", 0)), None);
        assert_eq!(found(&message(8, "clsact", 0)), None);
        assert_eq!(found(&[]), None);
    }
}
