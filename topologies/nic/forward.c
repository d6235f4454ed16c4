// SPDX-License-Identifier: GPL-2.0
/* The chip's path of a frame: from a cable through the rules to another cable,
 * or on to the host.
 */
#include <linux/etherdevice.h>
#include <linux/in.h>
#include <linux/ktime.h>

#include "fault.h"
#include "nic.h"

static atomic_t since_drop = ATOMIC_INIT(0);
static atomic_t since_reorder = ATOMIC_INIT(0);

/* Block rules come first, as the ingress hook comes before the forward path.
 * Flowtable rules route, so they take only what the router was sent.
 */
static struct fg_rule *find_rule(struct fg_port *nic,
				 const struct fg_frame *frame)
{
	const struct net_device *dev = nic->dev;
	struct fg_rule *rule;

	rule = fg_table_lookup(nic, FG_BLOCK, &frame->key);
	if (rule)
		return rule;
	if (!frame->routable || is_multicast_ether_addr(frame->key.eth_dst))
		return NULL;
	if (!ether_addr_equal(frame->key.eth_dst, dev->dev_addr) &&
	    !(READ_ONCE(dev->flags) & IFF_PROMISC))
		return NULL;
	return fg_table_lookup(nic, FG_FT, &frame->key);
}

/* Whether no checksum but those that the chip updates can depend on addresses:
 * UDP-Lite's and ICMPv6's do, by the pseudo header, ICMP's does not.
 */
static bool translatable(const struct fg_frame *frame)
{
	switch (frame->key.ip_proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return true;
	case IPPROTO_ICMP:
		return frame->key.n_proto == htons(ETH_P_IP);
	default:
		return false;
	}
}

/* Whether the chip can do it. If not, the host knows what to do: with a frame
 * that is too big, has no tag to pop, is of a protocol whose checksum the chip
 * does not know, or was to leave by a port that has since been moved to another
 * namespace.
 */
static bool applies(const struct fg_port *nic, const struct fg_rule *rule,
		    const struct fg_frame *frame)
{
	const struct fg_action *action = &rule->action;
	const struct net_device *out;

	if (action->mirror &&
	    !net_eq(dev_net(action->mirror->dev), dev_net(nic->dev)))
		return false;
	if (action->verdict != FG_REDIRECT)
		return true;
	out = action->out->dev;
	return (!action->nat || translatable(frame)) &&
	       net_eq(dev_net(out), dev_net(nic->dev)) &&
	       frame->l3_bytes <= READ_ONCE(out->mtu) &&
	       frame->tags >= action->pops;
}

static void count_hit(struct fg_rule *rule, const struct fg_frame *frame,
		      unsigned int frame_bytes, u64 now_ns)
{
	u64 bytes = fg_fault(count_l2) ? frame_bytes : frame->l3_bytes;
	unsigned int n = fg_counted();

	if (n) {
		atomic64_add(n, &rule->packets);
		atomic64_add(n * bytes, &rule->bytes);
	}
	WRITE_ONCE(rule->last_used, jiffies);
	if (unlikely(!atomic64_read(&rule->first_hit_ns)))
		atomic64_cmpxchg(&rule->first_hit_ns, 0, now_ns);
}

/* Onto the cable of @nic. */
static void send(struct fg_port *nic, struct sk_buff *skb)
{
	unsigned int every = fg_fault(reorder_every);
	struct sk_buff *late = NULL;

	fg_count_hardware(nic, FG_HW_TX_PACKETS, skb->len);
	if (unlikely(every || !skb_queue_empty_lockless(&nic->held))) {
		spin_lock(&nic->held.lock);
		late = __skb_dequeue(&nic->held);
		if (!late && fg_is_nth(&since_reorder, every)) {
			__skb_queue_tail(&nic->held, skb);
			skb = NULL;
		}
		spin_unlock(&nic->held.lock);
		if (!skb) {
			schedule_delayed_work(&nic->release, HZ / 50);
			return;
		}
	}
	fg_arrive(nic->peer, skb);
	if (late)
		fg_arrive(nic->peer, late);
}

static void mirror(const struct fg_rule *rule, struct sk_buff *skb)
{
	struct sk_buff *copy;

	if (!rule->action.mirror)
		return;
	copy = skb_copy(skb, GFP_ATOMIC);
	if (copy)
		send(rule->action.mirror, copy);
	else
		fg_count(rule->action.mirror, FG_TX_DROPS, 1);
}

static void drop(struct fg_port *nic, enum fg_counter why, struct sk_buff *skb)
{
	fg_count(nic, why, fg_counted());
	fg_count(nic, FG_HW_DROP_BYTES, (u64)fg_counted() * skb->len);
	kfree_skb(skb);
}

/* Takes @skb, which arrived on the cable of @nic. Bottom halves off. */
void fg_forward(struct fg_port *nic, struct sk_buff *skb)
{
	u64 start_ns = ktime_get_ns();
	unsigned int bytes = skb->len;
	struct fg_port *out = NULL;
	struct fg_rule *rule = NULL;
	struct fg_frame frame;
	bool edited = true;

	if (unlikely(!netif_running(nic->dev)) ||
	    !(nic->dev->features & NETIF_F_HW_TC))
		goto to_host;

	rcu_read_lock();
	if (fg_dissect(skb, &frame) && !frame.no_rule)
		rule = find_rule(nic, &frame);
	if (rule && !applies(nic, rule, &frame))
		rule = NULL;
	if (rule) {
		out = rule->action.out;
		count_hit(rule, &frame, bytes, start_ns);
		fg_count(nic, FG_LOOKUP_HITS, 1);
		mirror(rule, skb);
		if (rule->action.verdict == FG_REDIRECT)
			edited = fg_edit(skb, rule, &frame);
	}
	fg_count(nic, FG_LOOKUPS, 1);
	fg_count(nic, FG_LOOKUP_NS, ktime_get_ns() - start_ns);

	if (!rule || rule->action.verdict == FG_ACCEPT) {
		rcu_read_unlock();
		goto to_host;
	}
	if (rule->action.verdict == FG_DROP) {
		drop(nic, FG_HW_RULE_DROPS, skb);
	} else if (!edited || !netif_running(out->dev)) {
		fg_count(out, FG_TX_DROPS, 1);
		kfree_skb(skb);
	} else if (fg_is_nth(&since_drop, fg_fault(drop_every))) {
		drop(nic, FG_HW_FAULT_DROPS, skb);
	} else {
		fg_count_hardware(nic, FG_HW_RX_PACKETS, bytes);
		send(out, skb);
	}
	rcu_read_unlock();
	return;

to_host:
	fg_arrive(nic, skb);
}
