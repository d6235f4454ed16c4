// SPDX-License-Identifier: GPL-2.0
/* From the bytes of a frame to the key that rules match on. */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "nic.h"

static void *at(struct sk_buff *skb, unsigned int offset, unsigned int bytes)
{
	return offset + bytes <= skb->len ? skb->data + offset : NULL;
}

/* Ports and flags, if all of the header is there. */
static bool transport(struct sk_buff *skb, struct fg_frame *frame)
{
	const struct tcphdr *tcp;
	const struct udphdr *udp;
	unsigned int bytes;

	switch (frame->key.ip_proto) {
	case IPPROTO_TCP:
		bytes = sizeof(*tcp);
		break;
	case IPPROTO_UDP:
		bytes = sizeof(*udp);
		break;
	default:
		return true;
	}
	if (frame->l4 - frame->l3 + bytes > frame->l3_bytes)
		return false;
	udp = at(skb, frame->l4, bytes);
	if (!udp)
		return false;
	/* Both begin with the ports. */
	frame->key.src_port = udp->source;
	frame->key.dst_port = udp->dest;
	if (frame->key.ip_proto == IPPROTO_TCP)
		frame->key.tcp_flags = ((const u8 *)udp)[13];
	return true;
}

/* Fragments, options and lengths that are not true go to the stack. */
static bool ipv4(struct sk_buff *skb, struct fg_frame *frame)
{
	const struct iphdr *ip = at(skb, frame->l3, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl != 5 || ip_is_fragment(ip))
		return false;
	frame->l3_bytes = ntohs(ip->tot_len);
	if (frame->l3_bytes < sizeof(*ip) ||
	    frame->l3 + frame->l3_bytes > skb->len)
		return false;
	frame->l4 = frame->l3 + sizeof(*ip);
	frame->key.ip_proto = ip->protocol;
	frame->key.src[0] = ip->saddr;
	frame->key.dst[0] = ip->daddr;
	frame->routable = ip->ttl > 1 && !ip_fast_csum(ip, ip->ihl);
	return transport(skb, frame);
}

static bool ipv6(struct sk_buff *skb, struct fg_frame *frame)
{
	const struct ipv6hdr *ip = at(skb, frame->l3, sizeof(*ip));

	if (!ip || ip->version != 6 || ipv6_ext_hdr(ip->nexthdr))
		return false;
	frame->l3_bytes = sizeof(*ip) + ntohs(ip->payload_len);
	if (frame->l3 + frame->l3_bytes > skb->len)
		return false;
	frame->l4 = frame->l3 + sizeof(*ip);
	frame->key.ip_proto = ip->nexthdr;
	memcpy(frame->key.src, &ip->saddr, sizeof(frame->key.src));
	memcpy(frame->key.dst, &ip->daddr, sizeof(frame->key.dst));
	frame->routable = ip->hop_limit > 1;
	return transport(skb, frame);
}

/* False for a frame without a full Ethernet header and tags. */
bool fg_dissect(struct sk_buff *skb, struct fg_frame *frame)
{
	const struct ethhdr *eth = at(skb, 0, sizeof(*eth));
	const struct vlan_hdr *tag;

	memset(frame, 0, sizeof(*frame));
	if (!eth)
		return false;
	memcpy(frame->key.eth_dst, eth->h_dest, ETH_ALEN);
	memcpy(frame->key.eth_src, eth->h_source, ETH_ALEN);
	frame->key.n_proto = eth->h_proto;
	frame->l3 = sizeof(*eth);
	while (eth_type_vlan(frame->key.n_proto)) {
		if (frame->tags == FG_MAX_TAGS) {
			frame->no_rule = true;
			return true;
		}
		tag = at(skb, frame->l3, sizeof(*tag));
		if (!tag)
			return false;
		frame->key.tag_proto[frame->tags] = frame->key.n_proto;
		frame->key.tag_tci[frame->tags] = tag->h_vlan_TCI;
		frame->key.n_proto = tag->h_vlan_encapsulated_proto;
		frame->l3 += sizeof(*tag);
		frame->tags++;
	}
	frame->l3_bytes = skb->len - frame->l3;
	if (frame->key.n_proto == htons(ETH_P_IP))
		frame->no_rule = !ipv4(skb, frame);
	else if (frame->key.n_proto == htons(ETH_P_IPV6))
		frame->no_rule = !ipv6(skb, frame);
	return true;
}
