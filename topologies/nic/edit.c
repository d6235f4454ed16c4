// SPDX-License-Identifier: GPL-2.0
/* What a rule changes in a frame: addresses, ports, tags, TTL. Checksums are
 * updated incrementally with the stack's own functions, so that the bits are
 * those that software would have sent.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>

#include "fault.h"
#include "nic.h"

/* NULL: none, or a UDP checksum that was never made and so stays zero. */
static __sum16 *transport_checksum(struct sk_buff *skb,
				   const struct fg_frame *frame)
{
	struct udphdr *udp = (void *)skb->data + frame->l4;
	struct tcphdr *tcp = (void *)udp;

	switch (frame->key.ip_proto) {
	case IPPROTO_TCP:
		return &tcp->check;
	case IPPROTO_UDP:
		return udp->check ? &udp->check : NULL;
	default:
		return NULL;
	}
}

static u32 new_word(const struct fg_edit *edit, u32 old)
{
	union {
		u32 word;
		__be16 port[2];
	} word = { .word = (old & edit->mask) | edit->value }, kept = {
		.word = edit->mask
	};
	unsigned int i;

	if (edit->header == FG_L4 && unlikely(fg_fault(wrong_nat_port)))
		for (i = 0; i < 2; i++)
			if (!kept.port[i])
				be16_add_cpu(&word.port[i], 1);
	return word.word;
}

static void apply(struct sk_buff *skb, const struct fg_edit *edit,
		  const struct fg_frame *frame, __sum16 *check)
{
	const unsigned int start[] = {
		[FG_ETH] = 0,
		[FG_IP4] = frame->l3,
		[FG_IP6] = frame->l3,
		[FG_L4] = frame->l4,
	};
	u8 *at = skb->data + start[edit->header] + edit->offset;
	struct iphdr *ip = (void *)skb->data + frame->l3;
	__be32 old, new;

	memcpy(&old, at, sizeof(old));
	new = (__force __be32)new_word(edit, (__force u32)old);
	memcpy(at, &new, sizeof(new));
	if (edit->header == FG_IP4)
		csum_replace4(&ip->check, old, new);
	/* Addresses are in the pseudo header, ports in the header itself. */
	if (check && edit->header != FG_ETH)
		inet_proto_csum_replace4(check, skb, old, new,
					 edit->header != FG_L4);
}

static void decrement_ttl(struct sk_buff *skb, const struct fg_frame *frame)
{
	if (frame->key.n_proto == htons(ETH_P_IP))
		ip_decrease_ttl((void *)skb->data + frame->l3);
	else
		((struct ipv6hdr *)(skb->data + frame->l3))->hop_limit--;
}

static void spoil_checksum(struct sk_buff *skb, const struct fg_frame *frame,
			   __sum16 *check)
{
	struct iphdr *ip = (void *)skb->data + frame->l3;

	if (!check && frame->key.n_proto == htons(ETH_P_IP))
		check = &ip->check;
	if (check)
		*check ^= (__force __sum16)htons(0x0001);
	if (check && !*check)
		*check = (__force __sum16)htons(0x0002);
}

/* The tags as the rule wants them: popped from the outside, then pushed. */
static bool retag(struct sk_buff *skb, const struct fg_action *action)
{
	unsigned int i;
	u16 tci;

	for (i = 0; i < action->pops; i++) {
		skb_reset_mac_header(skb);
		skb_set_network_header(skb, ETH_HLEN);
		skb_reset_mac_len(skb);
		/* Expects data behind the Ethernet header it came with. */
		if (__skb_vlan_pop(skb, &tci))
			return false;
	}
	for (i = 0; i < action->pushes; i++) {
		skb_reset_mac_header(skb);
		if (__vlan_insert_tag(skb, action->push_proto[i],
				      action->push_tci[i]))
			return false;
	}
	return true;
}

/* False if there was no memory; the frame is then to be dropped. */
bool fg_edit(struct sk_buff *skb, const struct fg_rule *rule,
	     const struct fg_frame *frame)
{
	const struct fg_action *action = &rule->action;
	__sum16 *check = NULL;
	unsigned int i;

	if (skb_ensure_writable(skb, skb->len))
		return false;
	if (frame->l4)
		check = transport_checksum(skb, frame);
	for (i = 0; i < action->edits; i++)
		apply(skb, &rule->edit[i], frame, check);
	/* Zero would say that there is none (RFC 768). */
	if (check && frame->key.ip_proto == IPPROTO_UDP && !*check)
		*check = CSUM_MANGLED_0;
	if (rule->kind == FG_FT && !fg_fault(forget_ttl))
		decrement_ttl(skb, frame);
	if (unlikely(fg_fault(wrong_checksum)) && frame->l4)
		spoil_checksum(skb, frame, check);
	return !(action->pops || action->pushes) || retag(skb, action);
}
