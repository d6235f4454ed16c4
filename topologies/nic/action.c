// SPDX-License-Identifier: GPL-2.0
/* From flower's list of actions to what the chip does with a frame: copy, edit
 * and one verdict.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/pkt_cls.h>

#include "nic.h"

/* Says what the chip lacks, and is the error to return. */
#define FG_REFUSAL(extack, text)					\
	({ NL_SET_ERR_MSG_MOD(extack, text); -EOPNOTSUPP; })

/* Only words whose change the chip carries on into the checksums. */
static int parse_edit(struct fg_action *action, struct fg_edit *edit,
		      const struct flow_action_entry *entry,
		      struct netlink_ext_ack *extack)
{
	u32 offset = entry->mangle.offset;
	bool known = false;

	if (action->edits == FG_MAX_EDITS)
		return FG_REFUSAL(extack, "too many header edits");
	switch (entry->mangle.htype) {
	case FLOW_ACT_MANGLE_HDR_TYPE_ETH:
		edit->header = FG_ETH;
		known = offset == 0 || offset == 4 || offset == 8;
		break;
	case FLOW_ACT_MANGLE_HDR_TYPE_IP4:
		edit->header = FG_IP4;
		known = offset == offsetof(struct iphdr, saddr) ||
			offset == offsetof(struct iphdr, daddr);
		break;
	case FLOW_ACT_MANGLE_HDR_TYPE_IP6:
		edit->header = FG_IP6;
		known = offset >= offsetof(struct ipv6hdr, saddr) &&
			offset < sizeof(struct ipv6hdr) && !(offset & 3);
		break;
	case FLOW_ACT_MANGLE_HDR_TYPE_TCP:
	case FLOW_ACT_MANGLE_HDR_TYPE_UDP:
		edit->header = FG_L4;
		known = offset == 0;
		break;
	default:
		break;
	}
	if (!known)
		return FG_REFUSAL(extack, "edits are for MAC and IP addresses and ports only");
	edit->offset = offset;
	edit->mask = entry->mangle.mask;
	edit->value = entry->mangle.val & ~entry->mangle.mask;
	action->nat |= edit->header != FG_ETH;
	action->edits++;
	return 0;
}

static int parse_push(struct fg_action *action,
		      const struct flow_action_entry *entry,
		      struct netlink_ext_ack *extack)
{
	if (action->pushes == FG_MAX_TAGS)
		return FG_REFUSAL(extack, "too many VLAN tags to push");
	if (!eth_type_vlan(entry->vlan.proto))
		return FG_REFUSAL(extack, "not a protocol of VLAN tags");
	action->push_proto[action->pushes] = entry->vlan.proto;
	action->push_tci[action->pushes] =
		entry->vlan.vid | entry->vlan.prio << VLAN_PRIO_SHIFT;
	action->pushes++;
	return 0;
}

/* Copies are made of the frame as it arrived. */
static int parse_mirror(struct fg_action *action,
			const struct flow_action_entry *entry,
			struct netlink_ext_ack *extack)
{
	if (action->mirror || action->edits || action->pops || action->pushes)
		return FG_REFUSAL(extack, "one copy per rule, and before any edit");
	action->mirror = fg_nic_of(entry->dev);
	if (!action->mirror)
		return FG_REFUSAL(extack, "copies go to ports of this card only");
	return 0;
}

static int parse_redirect(struct fg_action *action,
			  const struct flow_action_entry *entry,
			  struct netlink_ext_ack *extack)
{
	action->out = fg_nic_of(entry->dev);
	if (!action->out)
		return FG_REFUSAL(extack, "redirect is to ports of this card only");
	action->verdict = FG_REDIRECT;
	return 0;
}

static int parse_entry(struct fg_action *action, struct fg_edit *edit,
		       const struct flow_action_entry *entry, bool *decided,
		       struct netlink_ext_ack *extack)
{
	if (*decided)
		return FG_REFUSAL(extack, "an action after the verdict");
	switch (entry->id) {
	case FLOW_ACTION_ACCEPT:
	case FLOW_ACTION_TRAP:
		action->verdict = FG_ACCEPT;
		*decided = true;
		return 0;
	case FLOW_ACTION_DROP:
		action->verdict = FG_DROP;
		*decided = true;
		return 0;
	case FLOW_ACTION_REDIRECT:
		*decided = true;
		return parse_redirect(action, entry, extack);
	case FLOW_ACTION_MIRRED:
		return parse_mirror(action, entry, extack);
	case FLOW_ACTION_MANGLE:
		return parse_edit(action, edit + action->edits, entry, extack);
	case FLOW_ACTION_CSUM:
		/* Checksums are always kept right. */
		return 0;
	case FLOW_ACTION_VLAN_POP:
		if (action->pops == FG_MAX_TAGS || action->pushes)
			return FG_REFUSAL(extack, "pops come before pushes, two at most");
		action->pops++;
		return 0;
	case FLOW_ACTION_VLAN_PUSH:
		return parse_push(action, entry, extack);
	default:
		return FG_REFUSAL(extack, "an action that the chip does not have");
	}
}

/* 0, or -EOPNOTSUPP with the reason in @extack. */
int fg_action_parse(struct fg_action *action,
		    struct fg_edit edit[FG_MAX_EDITS], enum fg_kind kind,
		    const struct flow_rule *flow,
		    struct netlink_ext_ack *extack)
{
	const struct flow_action_entry *entry;
	bool decided = false;
	int i, err;

	memset(action, 0, sizeof(*action));
	if (!flow_action_has_entries(&flow->action))
		return FG_REFUSAL(extack, "a rule without an action");
	if (!flow_action_basic_hw_stats_check(&flow->action, extack))
		return -EOPNOTSUPP;
	flow_action_for_each(i, entry, &flow->action) {
		err = parse_entry(action, edit, entry, &decided, extack);
		if (err)
			return err;
	}
	/* A copy and nothing else leaves the frame to the host. */
	if (!decided && !action->mirror)
		return FG_REFUSAL(extack, "a rule without a verdict");
	if (action->verdict != FG_REDIRECT &&
	    (action->edits || action->pops || action->pushes))
		return FG_REFUSAL(extack, "edits are for redirected frames only");
	if (kind == FG_BLOCK)
		return 0;
	if (action->verdict != FG_REDIRECT)
		return FG_REFUSAL(extack, "a flow without a redirect");
	/* tc lists tags in the order of pushing, the flowtable from the
	 * outermost inwards (flow_offload_fill_route()).
	 */
	if (action->pushes == 2) {
		swap(action->push_proto[0], action->push_proto[1]);
		swap(action->push_tci[0], action->push_tci[1]);
	}
	return 0;
}
