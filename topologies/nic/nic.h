/* SPDX-License-Identifier: GPL-2.0 */
/* The reference NIC: one card with pairs of ports. nicN is what the host sees
 * of a port, wireN is the far end of its cable. The card's chip holds a table
 * of flow rules and forwards by it between the cables, without the host.
 */
#ifndef FG_NIC_H
#define FG_NIC_H

#include <linux/atomic.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#define FG_DRIVER	"flowgauge_nic"
#define FG_MAX_PAIRS	8
#define FG_QUEUE_LENGTH	1024	/* frames nicN takes before it drops */
#define FG_WIRE_LENGTH	32768	/* wireN: testers must not lose frames */
#define FG_MAX_RULES	BIT(24)
#define FG_MAX_EDITS	32
#define FG_MAX_TAGS	2

struct flow_block_offload;
struct flow_cls_offload;
struct flow_rule;
struct netlink_ext_ack;

/* What rules match on, in network order as on the cable. Absent fields are
 * zero; a frame's tags count from the outside.
 */
struct fg_key {
	union {
		struct {
			u8 eth_dst[ETH_ALEN];
			u8 eth_src[ETH_ALEN];
			__be16 tag_proto[FG_MAX_TAGS];
			__be16 tag_tci[FG_MAX_TAGS];
			__be16 n_proto;		/* after the tags */
			u8 ip_proto;
			u8 tcp_flags;
			__be16 src_port;
			__be16 dst_port;
			__be32 src[4];		/* IPv4 in the first word */
			__be32 dst[4];
			u32 unused;
		};
		u32 words[16];
	};
};

/* A frame, dissected once at the port it arrives on. */
struct fg_frame {
	struct fg_key key;
	u16 l3;			/* offset of the network header */
	u16 l4;			/* offset of the transport header, 0: none */
	u32 l3_bytes;		/* IP total length, else what follows L2 */
	u8 tags;
	bool no_rule;		/* IP, but nothing the chip handles */
	bool routable;		/* IP with TTL > 1 and a good header */
};

enum fg_kind { FG_FT, FG_BLOCK, FG_KINDS };

enum fg_verdict { FG_ACCEPT, FG_DROP, FG_REDIRECT };

enum fg_header { FG_ETH, FG_IP4, FG_IP6, FG_L4 };

/* One 32-bit word of a header: new = (old & mask) | value. */
struct fg_edit {
	u32 mask;
	u32 value;
	u8 header;
	u8 offset;
};

struct fg_action {
	struct fg_port *out;	/* FG_REDIRECT */
	struct fg_port *mirror;	/* copy to here first, or NULL */
	u8 verdict;
	u8 pops;
	u8 pushes;
	u8 edits;
	bool nat;		/* edits beyond the Ethernet header */
	__be16 push_proto[FG_MAX_TAGS];
	u16 push_tci[FG_MAX_TAGS];
};

/* Rules of one port with the same mask: one space of the tuple-space search. */
struct fg_mask {
	struct list_head node;
	struct fg_key mask;
	u32 seed;
	u32 rules;
	struct rcu_head rcu;
};

struct fg_rule {
	struct hlist_node by_key;
	struct hlist_node by_cookie;
	struct fg_key key;
	struct fg_mask *mask;
	struct fg_port *port;	/* frames arriving here */
	unsigned long cookie;
	u64 order;
	u32 priority;
	u8 kind;

	atomic64_t packets;
	atomic64_t bytes;
	unsigned long last_used;	/* jiffies */
	u64 told_packets;		/* reported by FLOW_CLS_STATS */
	u64 told_bytes;
	u64 installed_ns;		/* CLOCK_MONOTONIC */
	atomic64_t first_hit_ns;

	struct rcu_head rcu;
	struct fg_action action;
	struct fg_edit edit[];		/* action.edits of them */
};

enum fg_counter {
	FG_HW_RX_PACKETS,
	FG_HW_RX_BYTES,
	FG_HW_TX_PACKETS,
	FG_HW_TX_BYTES,
	FG_CPU_RX_PACKETS,
	FG_CPU_RX_BYTES,
	FG_CPU_TX_PACKETS,
	FG_CPU_TX_BYTES,
	FG_HW_RULE_DROPS,
	FG_HW_FAULT_DROPS,
	FG_RX_QUEUE_DROPS,
	FG_LOOKUPS,
	FG_LOOKUP_HITS,
	FG_LOOKUP_NS,
	FG_SHOWN_COUNTERS,	/* by ethtool -S; those below are not */
	FG_HW_DROP_BYTES = FG_SHOWN_COUNTERS,
	FG_RX_LENGTH_ERRORS,
	FG_TX_DROPS,
	FG_SIZES,		/* a histogram by size, received, then sent */
	FG_SIZE_BUCKETS = 7,
	FG_COUNTERS = FG_SIZES + 2 * FG_SIZE_BUCKETS,
};

struct fg_percpu {
	u64_stats_t counter[FG_COUNTERS];
	struct u64_stats_sync syncp;
};

struct fg_port {
	struct net_device *dev;
	struct fg_port *peer;		/* the other end of the cable */
	bool wire;
	unsigned int index;
	struct fg_percpu __percpu *percpu;

	/* What has arrived and waits for the receiver. */
	struct napi_struct napi;
	struct sk_buff_head queue;
	bool up;			/* under queue.lock */

	/* fault_reorder_every: a frame that lets its successor pass. */
	struct sk_buff_head held;
	struct delayed_work release;

	/* The table's part for this port, under the table's lock. */
	struct list_head masks[FG_KINDS];
	struct list_head block_cbs[FG_KINDS];
	u64 rules;
	u64 rules_added;
	u64 rules_deleted;
	u64 rules_refused;
	u64 rules_purged;
};

/* main.c */
struct fg_port *fg_nic_of(const struct net_device *dev);

/* port.c */
struct net_device *fg_port_create(unsigned int index, bool wire);
void fg_port_destroy(struct net_device *dev);

/* cable.c */
void fg_cable_init(struct fg_port *port);
void fg_cable_destroy(struct fg_port *port);
void fg_cable_open(struct fg_port *port);
void fg_cable_close(struct fg_port *port);
void fg_arrive(struct fg_port *port, struct sk_buff *skb);
void fg_wipe(struct sk_buff *skb);

/* dissect.c */
bool fg_dissect(struct sk_buff *skb, struct fg_frame *frame);

/* table.c */
int fg_table_create(unsigned int size);
void fg_table_destroy(void);
unsigned int fg_table_size(void);
struct fg_rule *fg_table_lookup(struct fg_port *port, enum fg_kind kind,
				const struct fg_key *key);
int fg_table_replace(struct fg_rule *rule, const struct fg_key *mask,
		     struct netlink_ext_ack *extack);
int fg_table_remove(struct fg_port *port, enum fg_kind kind,
		    unsigned long cookie);
int fg_table_stats(struct fg_port *port, enum fg_kind kind,
		   struct flow_cls_offload *cls);
void fg_table_purge(struct fg_port *port, enum fg_kind kind);
void fg_table_refused(struct fg_port *port);
void fg_table_lock(void);
void fg_table_unlock(void);
struct hlist_head *fg_table_bucket(loff_t bucket);

/* rule.c, action.c */
struct fg_rule *fg_rule_create(struct fg_port *port, enum fg_kind kind,
			       struct flow_cls_offload *cls,
			       struct fg_key *mask);
int fg_action_parse(struct fg_action *action,
		    struct fg_edit edit[FG_MAX_EDITS], enum fg_kind kind,
		    const struct flow_rule *flow,
		    struct netlink_ext_ack *extack);

/* bind.c */
int fg_bind_init(void);
void fg_bind_exit(void);
int fg_setup_tc(struct net_device *dev, enum tc_setup_type type, void *data);

/* forward.c, edit.c */
void fg_forward(struct fg_port *nic, struct sk_buff *skb);
bool fg_edit(struct sk_buff *skb, const struct fg_rule *rule,
	     const struct fg_frame *frame);

/* counter.c */
void fg_count(struct fg_port *port, enum fg_counter counter, u64 by);
void fg_count_frame(struct fg_port *port, enum fg_counter packets, u64 bytes);
void fg_count_hardware(struct fg_port *port, enum fg_counter packets,
		       u64 bytes);
void fg_counters(struct fg_port *port, u64 sum[FG_COUNTERS]);
void fg_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats);
bool fg_has_offload_stats(const struct net_device *dev, int attr);
int fg_get_offload_stats(int attr, const struct net_device *dev, void *stats);

/* ethtool.c */
extern const struct ethtool_ops fg_nic_ethtool_ops;
extern const struct ethtool_ops fg_wire_ethtool_ops;

/* dump.c */
void fg_dump_create(void);
void fg_dump_destroy(void);

/* fill.c */
void fg_fill_create(struct fg_port *port);

#endif
