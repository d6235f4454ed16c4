// SPDX-License-Identifier: GPL-2.0
/* From a flower rule, as tc, nft and the flowtable hand it to a driver, to a
 * rule of the chip.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <net/pkt_cls.h>

#include "compat.h"
#include "fault.h"
#include "nic.h"

#define FG_MATCHES (BIT_ULL(FLOW_DISSECTOR_KEY_META) |			\
		    BIT_ULL(FLOW_DISSECTOR_KEY_CONTROL) |		\
		    BIT_ULL(FLOW_DISSECTOR_KEY_BASIC) |			\
		    BIT_ULL(FLOW_DISSECTOR_KEY_ETH_ADDRS) |		\
		    BIT_ULL(FLOW_DISSECTOR_KEY_IPV4_ADDRS) |		\
		    BIT_ULL(FLOW_DISSECTOR_KEY_IPV6_ADDRS) |		\
		    BIT_ULL(FLOW_DISSECTOR_KEY_PORTS) |			\
		    BIT_ULL(FLOW_DISSECTOR_KEY_TCP) |			\
		    BIT_ULL(FLOW_DISSECTOR_KEY_VLAN) |			\
		    BIT_ULL(FLOW_DISSECTOR_KEY_CVLAN))

/* -ENODEV: no frame on this port can match. */
static int match_port(const struct fg_port *port, const struct flow_rule *flow,
		      struct netlink_ext_ack *extack)
{
	struct flow_match_meta meta;
	const struct net_device *dev = port->dev;

	if (!flow_rule_match_key(flow, FLOW_DISSECTOR_KEY_META))
		return 0;
	flow_rule_match_meta(flow, &meta);
	if (fg_asks_l2_miss(meta.mask)) {
		NL_SET_ERR_MSG_MOD(extack, "no match on l2_miss");
		return -EOPNOTSUPP;
	}
	if ((meta.key->ingress_ifindex ^ dev->ifindex) &
	    meta.mask->ingress_ifindex)
		return -ENODEV;
	if ((meta.key->ingress_iftype ^ dev->type) & meta.mask->ingress_iftype)
		return -ENODEV;
	return 0;
}

/* Fragments never hit, so a rule must not want them. */
static int match_control(const struct flow_rule *flow, u16 *addr_type,
			 struct netlink_ext_ack *extack)
{
	struct flow_match_control control;

	if (!flow_rule_match_key(flow, FLOW_DISSECTOR_KEY_CONTROL))
		return 0;
	flow_rule_match_control(flow, &control);
	*addr_type = control.key->addr_type;
	if (control.mask->flags &
	    (control.key->flags |
	     ~(FLOW_DIS_IS_FRAGMENT | FLOW_DIS_FIRST_FRAG))) {
		NL_SET_ERR_MSG_MOD(extack, "no match on fragments");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void match_tag(struct fg_key *key, struct fg_key *mask, unsigned int i,
		      const struct flow_match_vlan *tag)
{
	key->tag_proto[i] = tag->key->vlan_tpid;
	mask->tag_proto[i] = tag->mask->vlan_tpid;
	key->tag_tci[i] = htons(tag->key->vlan_id | tag->key->vlan_dei << 12 |
				tag->key->vlan_priority << 13);
	mask->tag_tci[i] = htons(tag->mask->vlan_id |
				 tag->mask->vlan_dei << 12 |
				 tag->mask->vlan_priority << 13);
}

/* The flowtable fills in the VLAN of a tagged flow but does not list it among
 * the used keys (nf_flow_rule_match()). Without it two VLANs with the same
 * addresses would share rules.
 */
static bool has_tag(const struct flow_rule *flow, enum fg_kind kind,
		    enum flow_dissector_key_id id)
{
	return flow_rule_match_key(flow, id) ||
	       (kind == FG_FT && flow->match.dissector->offset[id]);
}

static void match_l2(struct fg_key *key, struct fg_key *mask,
		     const struct flow_rule *flow, enum fg_kind kind)
{
	struct flow_match_eth_addrs eth;
	struct flow_match_basic basic;
	struct flow_match_vlan tag;
	unsigned int tags = 0;

	if (flow_rule_match_key(flow, FLOW_DISSECTOR_KEY_ETH_ADDRS)) {
		flow_rule_match_eth_addrs(flow, &eth);
		memcpy(key->eth_dst, eth.key->dst, ETH_ALEN);
		memcpy(key->eth_src, eth.key->src, ETH_ALEN);
		memcpy(mask->eth_dst, eth.mask->dst, ETH_ALEN);
		memcpy(mask->eth_src, eth.mask->src, ETH_ALEN);
	}
	if (flow_rule_match_key(flow, FLOW_DISSECTOR_KEY_BASIC)) {
		flow_rule_match_basic(flow, &basic);
		if (!mask->n_proto) {
			key->n_proto = basic.key->n_proto;
			mask->n_proto = basic.mask->n_proto;
		}
		key->ip_proto = basic.key->ip_proto;
		mask->ip_proto = basic.mask->ip_proto;
	}
	if (has_tag(flow, kind, FLOW_DISSECTOR_KEY_VLAN)) {
		flow_rule_match_vlan(flow, &tag);
		match_tag(key, mask, tags++, &tag);
	}
	if (has_tag(flow, kind, FLOW_DISSECTOR_KEY_CVLAN)) {
		flow_rule_match_cvlan(flow, &tag);
		match_tag(key, mask, tags++, &tag);
	}
	/* Who names the protocol means it to follow right after these tags. */
	if (mask->n_proto && tags < FG_MAX_TAGS)
		mask->tag_proto[tags] = htons(0xffff);
}

static void match_addresses(struct fg_key *key, struct fg_key *mask,
			    const struct flow_rule *flow, u16 addr_type)
{
	struct flow_match_ipv4_addrs v4;
	struct flow_match_ipv6_addrs v6;

	if (addr_type != FLOW_DISSECTOR_KEY_IPV6_ADDRS &&
	    flow_rule_match_key(flow, FLOW_DISSECTOR_KEY_IPV4_ADDRS)) {
		flow_rule_match_ipv4_addrs(flow, &v4);
		key->src[0] = v4.key->src;
		key->dst[0] = v4.key->dst;
		mask->src[0] = v4.mask->src;
		mask->dst[0] = v4.mask->dst;
		key->n_proto = htons(ETH_P_IP);
		mask->n_proto = htons(0xffff);
	} else if (addr_type != FLOW_DISSECTOR_KEY_IPV4_ADDRS &&
		   flow_rule_match_key(flow, FLOW_DISSECTOR_KEY_IPV6_ADDRS)) {
		flow_rule_match_ipv6_addrs(flow, &v6);
		memcpy(key->src, &v6.key->src, sizeof(key->src));
		memcpy(key->dst, &v6.key->dst, sizeof(key->dst));
		memcpy(mask->src, &v6.mask->src, sizeof(mask->src));
		memcpy(mask->dst, &v6.mask->dst, sizeof(mask->dst));
		key->n_proto = htons(ETH_P_IPV6);
		mask->n_proto = htons(0xffff);
	}
}

static int match_transport(struct fg_key *key, struct fg_key *mask,
			   const struct flow_rule *flow,
			   struct netlink_ext_ack *extack)
{
	struct flow_match_ports ports;
	struct flow_match_tcp tcp;

	if (flow_rule_match_key(flow, FLOW_DISSECTOR_KEY_PORTS)) {
		flow_rule_match_ports(flow, &ports);
		key->src_port = ports.key->src;
		key->dst_port = ports.key->dst;
		mask->src_port = ports.mask->src;
		mask->dst_port = ports.mask->dst;
	}
	if (flow_rule_match_key(flow, FLOW_DISSECTOR_KEY_TCP)) {
		flow_rule_match_tcp(flow, &tcp);
		if (ntohs(tcp.mask->flags) & 0xff00) {
			NL_SET_ERR_MSG_MOD(extack, "no match on reserved TCP flags");
			return -EOPNOTSUPP;
		}
		key->tcp_flags = ntohs(tcp.key->flags);
		mask->tcp_flags = ntohs(tcp.mask->flags);
	}
	return 0;
}

static int match_all(const struct fg_port *port, enum fg_kind kind,
		     const struct flow_rule *flow, struct fg_key *key,
		     struct fg_key *mask, struct netlink_ext_ack *extack)
{
	u16 addr_type = 0;
	int err;

	memset(key, 0, sizeof(*key));
	memset(mask, 0, sizeof(*mask));
	err = match_port(port, flow, extack);
	if (err)
		return err;
	if (flow->match.dissector->used_keys & ~FG_MATCHES) {
		NL_SET_ERR_MSG_MOD(extack, "no match on one of the rule's fields");
		return -EOPNOTSUPP;
	}
	err = match_control(flow, &addr_type, extack);
	if (err)
		return err;
	match_addresses(key, mask, flow, addr_type);
	match_l2(key, mask, flow, kind);
	return match_transport(key, mask, flow, extack);
}

static bool refused_by_fault(const struct fg_port *port,
			     const struct fg_key *key,
			     const struct fg_action *action)
{
	unsigned int bits = fg_fault(refuse_match);

	if (fg_fault(refuse_direction) == port->index + 1)
		return true;
	return (bits & FG_REFUSE_IPV6 && key->n_proto == htons(ETH_P_IPV6)) ||
	       (bits & FG_REFUSE_UDP && key->ip_proto == IPPROTO_UDP) ||
	       (bits & FG_REFUSE_TCP && key->ip_proto == IPPROTO_TCP) ||
	       (bits & FG_REFUSE_VLAN && (key->tag_proto[0] || action->pops ||
					   action->pushes)) ||
	       (bits & FG_REFUSE_NAT && action->nat);
}

/* A frame that hits has the headers that are to be edited. */
static bool edits_fit(const struct fg_action *action,
		      const struct fg_edit *edit, const struct fg_key *key,
		      const struct fg_key *mask)
{
	__be16 proto = mask->n_proto == htons(0xffff) ? key->n_proto : 0;
	u8 ip_proto = mask->ip_proto == 0xff ? key->ip_proto : 0;
	unsigned int i;

	for (i = 0; i < action->edits; i++) {
		if (edit[i].header == FG_IP4 && proto != htons(ETH_P_IP))
			return false;
		if (edit[i].header == FG_IP6 && proto != htons(ETH_P_IPV6))
			return false;
		if (edit[i].header == FG_L4 &&
		    ((proto != htons(ETH_P_IP) && proto != htons(ETH_P_IPV6)) ||
		     (ip_proto != IPPROTO_TCP && ip_proto != IPPROTO_UDP)))
			return false;
	}
	return true;
}

/* A rule that is not yet in the table, and its mask. ERR_PTR(-ENODEV): no
 * frame on @port can match; -EOPNOTSUPP: the extack says what is missing.
 */
struct fg_rule *fg_rule_create(struct fg_port *port, enum fg_kind kind,
			       struct flow_cls_offload *cls,
			       struct fg_key *mask)
{
	struct netlink_ext_ack *extack = cls->common.extack;
	struct fg_edit edit[FG_MAX_EDITS];
	struct fg_action action;
	struct fg_rule *rule;
	struct fg_key key;
	int err;

	err = match_all(port, kind, cls->rule, &key, mask, extack);
	if (!err)
		err = fg_action_parse(&action, edit, kind, cls->rule, extack);
	if (err)
		return ERR_PTR(err);
	if (!edits_fit(&action, edit, &key, mask)) {
		NL_SET_ERR_MSG_MOD(extack, "edits of a header that is not matched on");
		return ERR_PTR(-EOPNOTSUPP);
	}
	if (refused_by_fault(port, &key, &action)) {
		NL_SET_ERR_MSG_MOD(extack, "refused by a fault that is switched on");
		return ERR_PTR(-EOPNOTSUPP);
	}
	rule = kzalloc(struct_size(rule, edit, action.edits), GFP_KERNEL);
	if (!rule)
		return ERR_PTR(-ENOMEM);
	rule->key = key;
	rule->port = port;
	rule->cookie = cls->cookie;
	rule->priority = cls->common.prio;
	rule->kind = kind;
	rule->last_used = jiffies;
	rule->installed_ns = ktime_get_ns();
	rule->action = action;
	memcpy(rule->edit, edit, flex_array_size(rule, edit, action.edits));
	return rule;
}
