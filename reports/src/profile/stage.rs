//! The stages of the way of a packet through the kernel, and which functions belong to which.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Frame;

/// A part of the way of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// From the driver to the protocol: `__netif_receive_skb`, `ip_rcv`.
    Receive,
    /// Connection tracking and address translation.
    Conntrack,
    /// Netfilter's hooks and the rules of nftables.
    Nft,
    /// The lookup and the hand-over of a flowtable.
    Flowtable,
    /// Which way a packet takes: the FIB, rules, forwarding.
    Route,
    /// The next hop's link address.
    Neighbour,
    /// From the protocol to the driver: queueing disciplines, `dev_queue_xmit`.
    Transmit,
    /// The generator, which is no part of the device under test.
    Generator,
    /// A driver: veth, dummy, the reference NIC.
    Driver,
    /// Everything else: timers, the scheduler, system calls.
    Other,
}

impl Stage {
    /// All of them, in the order of a packet's way.
    pub const ALL: [Stage; 10] = [
        Stage::Generator,
        Stage::Driver,
        Stage::Receive,
        Stage::Flowtable,
        Stage::Conntrack,
        Stage::Nft,
        Stage::Route,
        Stage::Neighbour,
        Stage::Transmit,
        Stage::Other,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Receive => "receive",
            Stage::Conntrack => "conntrack",
            Stage::Nft => "nft",
            Stage::Flowtable => "flowtable",
            Stage::Route => "route",
            Stage::Neighbour => "neighbour",
            Stage::Transmit => "transmit",
            Stage::Generator => "generator",
            Stage::Driver => "driver",
            Stage::Other => "other",
        }
    }

    /// The stage of a stack, its leaf first. A function that serves all (`memcpy`, `kmem_cache_free`) counts for its
    /// nearest caller that has a stage.
    pub fn of<'a>(stack: impl IntoIterator<Item = &'a Frame>) -> Stage {
        stack.into_iter().find_map(Stage::of_function).unwrap_or(Stage::Other)
    }

    /// The stage of a function by itself; none where only its callers can tell.
    pub fn of_function(frame: &Frame) -> Option<Stage> {
        let name = frame.function.as_str();
        let by_name = FUNCTIONS.iter().find(|(pattern, _)| matches(pattern, name));
        let by_module = || {
            let module = frame.module.as_deref()?;
            MODULES.iter().find(|(pattern, _)| matches(pattern, module))
        };
        by_name.or_else(by_module).map(|&(_, stage)| stage)
    }
}

/// A name, or its beginning and an asterisk.
fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// Which functions belong to which stage; the first pattern that fits decides. Names of Linux 6.1 to 7.x. Functions that
/// serve several stages (skb_*, kfree_skb*, memory, locks) are left out on purpose: their callers tell.
const FUNCTIONS: &[(&str, Stage)] = &[
    // arch/x86/include/asm/idtentry.h: what an interrupt does is not for the packet that it came upon
    ("asm_sysvec_*", Stage::Other),
    ("asm_common_interrupt", Stage::Other),
    ("asm_exc_*", Stage::Other),
    // net/netfilter/nf_flow_table_*.c, net/netfilter/nft_flow_offload.c
    ("nf_flow_*", Stage::Flowtable),
    ("flow_offload_*", Stage::Flowtable),
    ("nft_flow_offload_*", Stage::Flowtable),
    ("rhashtable_lookup_flow*", Stage::Flowtable),
    // net/netfilter/nf_conntrack_*.c, nf_nat_*.c
    ("nf_conntrack_*", Stage::Conntrack),
    ("__nf_conntrack_*", Stage::Conntrack),
    ("nf_ct_*", Stage::Conntrack),
    ("__nf_ct_*", Stage::Conntrack),
    ("ipv4_conntrack_*", Stage::Conntrack),
    ("ipv6_conntrack_*", Stage::Conntrack),
    ("nf_confirm", Stage::Conntrack),
    ("hash_conntrack*", Stage::Conntrack),
    ("resolve_normal_ct", Stage::Conntrack),
    ("init_conntrack*", Stage::Conntrack),
    ("get_l4proto", Stage::Conntrack),
    ("nf_nat_*", Stage::Conntrack),
    ("__nf_nat_*", Stage::Conntrack),
    // net/netfilter/nf_tables_*.c, nft_*.c, core.c
    ("nft_*", Stage::Nft),
    ("__nft_*", Stage::Nft),
    ("nf_tables_*", Stage::Nft),
    ("nf_hook_*", Stage::Nft),
    ("nf_hook", Stage::Nft),
    ("nf_ingress*", Stage::Nft),
    ("nf_egress*", Stage::Nft),
    // net/core/neighbour.c, net/ipv4/arp.c, net/ipv6/ndisc.c
    ("neigh_*", Stage::Neighbour),
    ("__neigh_*", Stage::Neighbour),
    ("___neigh_*", Stage::Neighbour),
    ("ip_neigh_*", Stage::Neighbour),
    ("arp_*", Stage::Neighbour),
    ("ndisc_*", Stage::Neighbour),
    ("eth_header*", Stage::Neighbour),
    // net/ipv4/{fib_*,route,ip_forward}.c, net/ipv6/{ip6_fib,route}.c, net/core/{dst,fib_rules}.c
    ("fib_*", Stage::Route),
    ("__fib_*", Stage::Route),
    ("fib4_*", Stage::Route),
    ("fib6_*", Stage::Route),
    ("ip_route_*", Stage::Route),
    ("ip6_route_*", Stage::Route),
    ("ip6_pol_route*", Stage::Route),
    ("rt6_*", Stage::Route),
    ("rt_*", Stage::Route),
    ("__mkroute_*", Stage::Route),
    ("ip_mkroute_*", Stage::Route),
    ("ip_forward*", Stage::Route),
    ("ip6_forward*", Stage::Route),
    ("ipv4_mtu", Stage::Route),
    ("ip_dst_mtu*", Stage::Route),
    ("ip6_mtu", Stage::Route),
    ("ipv4_dst_*", Stage::Route),
    ("ip6_dst_*", Stage::Route),
    ("dst_*", Stage::Route),
    ("inet_addr_type*", Stage::Route),
    ("inet_lookup_ifaddr*", Stage::Route),
    // the generator, before the driver's and the receive path's names: net/core/pktgen.c, net/packet/af_packet.c
    ("pktgen_*", Stage::Generator),
    ("packet_sendmsg*", Stage::Generator),
    ("packet_snd*", Stage::Generator),
    ("packet_xmit*", Stage::Generator),
    ("tpacket_*", Stage::Generator),
    // drivers
    ("veth_*", Stage::Driver),
    ("dummy_*", Stage::Driver),
    ("loopback_*", Stage::Driver),
    // net/core/dev.c going out, net/sched, net/ipv4/ip_output.c
    ("dev_queue_xmit*", Stage::Transmit),
    ("__dev_queue_xmit*", Stage::Transmit),
    ("__dev_direct_xmit*", Stage::Transmit),
    ("dev_direct_xmit*", Stage::Transmit),
    ("dev_hard_start_xmit*", Stage::Transmit),
    ("netdev_start_xmit*", Stage::Transmit),
    ("validate_xmit_*", Stage::Transmit),
    ("netdev_core_pick_tx*", Stage::Transmit),
    ("netdev_pick_tx*", Stage::Transmit),
    ("netif_skb_features*", Stage::Transmit),
    ("netif_tx_*", Stage::Transmit),
    ("sch_direct_xmit*", Stage::Transmit),
    ("__qdisc_*", Stage::Transmit),
    ("qdisc_*", Stage::Transmit),
    ("pfifo_*", Stage::Transmit),
    ("fq_codel_*", Stage::Transmit),
    ("noqueue_*", Stage::Transmit),
    ("ip_output*", Stage::Transmit),
    ("ip_finish_output*", Stage::Transmit),
    ("__ip_finish_output*", Stage::Transmit),
    ("ip_local_out*", Stage::Transmit),
    ("ip6_output*", Stage::Transmit),
    ("ip6_finish_output*", Stage::Transmit),
    ("__ip6_finish_output*", Stage::Transmit),
    // net/core/{dev,gro}.c coming in, net/ipv4/ip_input.c, net/ipv6/ip6_input.c
    ("netif_receive_skb*", Stage::Receive),
    ("__netif_receive_skb*", Stage::Receive),
    ("netif_rx*", Stage::Receive),
    ("__netif_rx*", Stage::Receive),
    ("enqueue_to_backlog*", Stage::Receive),
    ("process_backlog*", Stage::Receive),
    ("net_rx_action*", Stage::Receive),
    ("napi_gro_*", Stage::Receive),
    ("napi_complete*", Stage::Receive),
    ("napi_threaded_*", Stage::Receive),
    ("napi_schedule*", Stage::Receive),
    ("__napi_schedule*", Stage::Receive),
    ("__napi_poll", Stage::Receive),
    ("gro_*", Stage::Receive),
    ("dev_gro_receive*", Stage::Receive),
    ("inet_gro_*", Stage::Receive),
    ("ipv6_gro_*", Stage::Receive),
    ("tcp_gro_*", Stage::Receive),
    ("tcp4_gro_*", Stage::Receive),
    ("tcp6_gro_*", Stage::Receive),
    ("udp_gro_*", Stage::Receive),
    ("udp4_gro_*", Stage::Receive),
    ("udp6_gro_*", Stage::Receive),
    ("eth_type_trans", Stage::Receive),
    ("deliver_skb*", Stage::Receive),
    ("packet_rcv*", Stage::Receive),
    ("ip_rcv*", Stage::Receive),
    ("ip_list_rcv*", Stage::Receive),
    ("ip_sublist_rcv*", Stage::Receive),
    ("ip_local_deliver*", Stage::Receive),
    ("ip_protocol_deliver_rcu", Stage::Receive),
    ("ipv6_rcv*", Stage::Receive),
    ("ip6_rcv*", Stage::Receive),
    ("ip6_input*", Stage::Receive),
    ("ip6_protocol_deliver_rcu", Stage::Receive),
    ("tc_run*", Stage::Receive),
    ("sch_handle_ingress*", Stage::Receive),
];

/// What is left, by module.
const MODULES: &[(&str, Stage)] = &[
    ("nf_flow_table*", Stage::Flowtable),
    ("nft_flow_offload", Stage::Flowtable),
    ("nf_conntrack*", Stage::Conntrack),
    ("nf_nat*", Stage::Conntrack),
    ("nf_defrag_*", Stage::Conntrack),
    ("nf_tables", Stage::Nft),
    ("nft_*", Stage::Nft),
    ("pktgen", Stage::Generator),
    ("veth", Stage::Driver),
    ("dummy", Stage::Driver),
    ("flowgauge_nic", Stage::Driver),
    ("virtio_net", Stage::Driver),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_caller_with_a_stage_tells() {
        let names = |names: &[&str]| -> Stage {
            let frames: Vec<Frame> = names.iter().map(|name| Frame::kernel(name)).collect();
            Stage::of(&frames)
        };
        assert_eq!(names(&["memcpy", "nft_do_chain", "nf_hook_slow", "ip_forward"]), Stage::Nft);
        assert_eq!(names(&["_raw_spin_lock", "kmem_cache_alloc", "pktgen_thread_worker"]), Stage::Generator);
        assert_eq!(names(&["fib_table_lookup", "ip_route_input_slow", "ip_rcv_finish"]), Stage::Route);
        assert_eq!(names(&["clear_page_erms"]), Stage::Other);
        let timer = ["run_timer_softirq", "irq_exit_rcu", "asm_sysvec_apic_timer_interrupt", "pktgen_xmit"];
        assert_eq!(names(&timer), Stage::Other, "an interrupt upon the generator");
        assert_eq!(names(&["memcpy", "net_rx_action", "asm_common_interrupt", "pktgen_xmit"]), Stage::Receive);
        assert_eq!(names(&[]), Stage::Other);
    }

    #[test]
    fn a_module_tells_what_a_name_does_not() {
        assert_eq!(Stage::of_function(&Frame::of_module("fill_packet", "pktgen")), Some(Stage::Generator));
        assert_eq!(Stage::of_function(&Frame::kernel("fill_packet")), None);
        // By its name, though the file lies in another module's folder.
        let lookup = Frame::of_module("nft_flow_offload_eval", "nft_flow_offload");
        assert_eq!(Stage::of_function(&lookup), Some(Stage::Flowtable));
    }

    #[test]
    fn no_pattern_hides_behind_an_earlier_one() {
        for table in [FUNCTIONS, MODULES] {
            for (at, (pattern, stage)) in table.iter().enumerate() {
                let sample = pattern.trim_end_matches('*');
                let hider = table[..at].iter().find(|(earlier, _)| matches(earlier, sample));
                assert_eq!(hider, None, "{pattern} for {stage:?} is never reached");
            }
        }
        assert_eq!(Stage::ALL.iter().collect::<std::collections::BTreeSet<_>>().len(), Stage::ALL.len());
    }
}
