// SPDX-License-Identifier: GPL-2.0
/* Where rules come from: blocks of the flowtable (TC_SETUP_FT), and of tc and
 * nft's netdev chains (TC_SETUP_BLOCK). A port takes one of each.
 */
#include <linux/delay.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <net/pkt_cls.h>

#include "fault.h"
#include "nic.h"

/* Protects block_cbs of every port: tc comes with RTNL held, nft without. */
static DEFINE_MUTEX(bound_lock);

/* Blocks whose owner forgot to unbind them; freed when the module goes. */
static LIST_HEAD(orphans);

/* Read by commands that change rules, and written to wait for those under way:
 * an nft commit, which holds no RTNL, may be in one while the port goes.
 */
static DECLARE_RWSEM(commands);

/* RTNL may have to wait for one command. */
#define FG_MAX_DELAY_MS	10000U

static int may_install(struct fg_port *port, enum fg_kind kind,
		       struct netlink_ext_ack *extack)
{
	if (!(READ_ONCE(port->dev->features) & NETIF_F_HW_TC)) {
		NL_SET_ERR_MSG_MOD(extack, "hw-tc-offload is off");
		return -EOPNOTSUPP;
	}
	if (list_empty(&port->block_cbs[kind])) {
		NL_SET_ERR_MSG_MOD(extack, "the block is not bound any more");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int install(struct fg_port *port, enum fg_kind kind,
		   struct flow_cls_offload *cls)
{
	struct netlink_ext_ack *extack = cls->common.extack;
	unsigned int delay_ms = min(fg_fault(install_delay_ms), FG_MAX_DELAY_MS);
	struct fg_rule *rule;
	struct fg_key mask;
	int err;

	err = may_install(port, kind, extack);
	if (err)
		return err;
	if (cls->common.chain_index) {
		NL_SET_ERR_MSG_MOD(extack, "only chain 0");
		return -EOPNOTSUPP;
	}
	rule = fg_rule_create(port, kind, cls, &mask);
	if (IS_ERR(rule))
		return PTR_ERR(rule);
	if (delay_ms) {
		msleep(delay_ms);
		rule->installed_ns = ktime_get_ns();
		err = may_install(port, kind, extack);
	}
	if (!err)
		err = fg_table_replace(rule, &mask, extack);
	if (err)
		kfree(rule);
	return err;
}

static int replace(struct fg_port *port, enum fg_kind kind,
		   struct flow_cls_offload *cls)
{
	int err = install(port, kind, cls);

	/* Every block callback is shown the flows of both directions and must
	 * fail for the foreign one: the flowtable takes one success as enough.
	 * In a chain on several ports a failure would end the transaction.
	 */
	if (err == -ENODEV)
		return kind == FG_FT ? -EOPNOTSUPP : 0;
	if (err)
		fg_table_refused(port);
	return err;
}

static int command(struct fg_port *port, enum fg_kind kind,
		   enum tc_setup_type type, void *data)
{
	struct flow_cls_offload *cls = data;
	int err;

	if (type != TC_SETUP_CLSFLOWER)
		return -EOPNOTSUPP;
	switch (cls->command) {
	case FLOW_CLS_REPLACE:
		down_read(&commands);
		err = replace(port, kind, cls);
		up_read(&commands);
		return err;
	case FLOW_CLS_DESTROY:
		down_read(&commands);
		err = fg_table_remove(port, kind, cls->cookie);
		up_read(&commands);
		break;
	case FLOW_CLS_STATS:
		/* nft's dump holds rcu_read_lock(): no sleep here. */
		err = fg_table_stats(port, kind, cls);
		break;
	default:
		return -EOPNOTSUPP;
	}
	/* A rule of a chain that can match on another port only. */
	return kind == FG_BLOCK ? 0 : err;
}

static int ft_command(enum tc_setup_type type, void *data, void *port)
{
	return command(port, FG_FT, type, data);
}

static int block_command(enum tc_setup_type type, void *data, void *port)
{
	return command(port, FG_BLOCK, type, data);
}

/* The block is gone for good. The flowtable does not delete its flows first;
 * tc and nft do so between UNBIND and here, so theirs are gone already.
 */
static void ft_released(void *port)
{
	if (!fg_fault(leak_at_unbind))
		fg_table_purge(port, FG_FT);
}

static void block_released(void *port)
{
	if (!fg_fault(leak_at_unbind))
		fg_table_purge(port, FG_BLOCK);
}

static int bind(struct fg_port *port, struct flow_block_offload *offload,
		struct list_head *bound, flow_setup_cb_t *cb,
		void (*released)(void *port))
{
	struct flow_block_cb *block_cb;

	lockdep_assert_held(&bound_lock);
	if (!(port->dev->features & NETIF_F_HW_TC)) {
		NL_SET_ERR_MSG_MOD(offload->extack, "hw-tc-offload is off");
		return -EOPNOTSUPP;
	}
	if (flow_block_cb_is_busy(cb, port, bound)) {
		NL_SET_ERR_MSG_MOD(offload->extack,
				   "the port has a block of this kind already");
		return -EBUSY;
	}
	block_cb = flow_block_cb_alloc(cb, port, port, released);
	if (IS_ERR(block_cb))
		return PTR_ERR(block_cb);
	flow_block_cb_add(block_cb, offload);
	list_add_tail(&block_cb->driver_list, bound);
	return 0;
}

static int unbind(struct fg_port *port, struct flow_block_offload *offload,
		  flow_setup_cb_t *cb)
{
	struct flow_block_cb *block_cb;

	block_cb = flow_block_cb_lookup(offload->block, cb, port);
	if (!block_cb)
		return -ENOENT;
	flow_block_cb_remove(block_cb, offload);
	list_del(&block_cb->driver_list);
	return 0;
}

static int setup_block(struct fg_port *port, enum fg_kind kind,
		       struct flow_block_offload *offload)
{
	flow_setup_cb_t *cb = kind == FG_FT ? ft_command : block_command;
	int err;

	if (offload->binder_type != FLOW_BLOCK_BINDER_TYPE_CLSACT_INGRESS) {
		NL_SET_ERR_MSG_MOD(offload->extack, "only ingress");
		return -EOPNOTSUPP;
	}
	offload->driver_block_list = &port->block_cbs[kind];
	mutex_lock(&bound_lock);
	switch (offload->command) {
	case FLOW_BLOCK_BIND:
		err = bind(port, offload, &port->block_cbs[kind], cb,
			   kind == FG_FT ? ft_released : block_released);
		break;
	case FLOW_BLOCK_UNBIND:
		err = unbind(port, offload, cb);
		break;
	default:
		err = -EOPNOTSUPP;
	}
	mutex_unlock(&bound_lock);
	return err;
}

/* Unbinds what the port's owner forgot. nft does so with a netdev chain when
 * the device goes: nf_tables_netdev_event() takes it off the chain, and
 * nft_offload_netdev_event(), which comes second, does not find it any more.
 * A commit may be walking the list this entry is on, so the entry keeps its
 * pointers, and its memory until the module goes.
 */
static void disown(struct fg_port *port, enum fg_kind kind)
{
	struct flow_block_cb *block_cb, *next;

	mutex_lock(&bound_lock);
	if (list_empty(&port->block_cbs[kind]))
		goto out;
	down_write(&commands);
	list_for_each_entry_safe(block_cb, next, &port->block_cbs[kind],
				 driver_list) {
		__list_del_entry(&block_cb->list);
		list_move_tail(&block_cb->driver_list, &orphans);
		if (!fg_fault(leak_at_unbind))
			fg_table_purge(port, kind);
	}
	up_write(&commands);
out:
	mutex_unlock(&bound_lock);
}

static int device_event(struct notifier_block *notifier, unsigned long event,
			void *info)
{
	struct fg_port *port = fg_nic_of(netdev_notifier_info_to_dev(info));
	enum fg_kind kind;

	if (event == NETDEV_UNREGISTER && port)
		for (kind = 0; kind < FG_KINDS; kind++)
			disown(port, kind);
	return NOTIFY_DONE;
}

/* Last, when everybody else has had the chance to unbind. */
static struct notifier_block device_notifier = {
	.notifier_call	= device_event,
	.priority	= INT_MIN,
};

int fg_bind_init(void)
{
	return register_netdevice_notifier(&device_notifier);
}

/* No port is registered any more. Who found an orphan before it was taken off
 * its list may still be in a command (it waits for those) or in a dump of
 * statistics (under RCU).
 */
void fg_bind_exit(void)
{
	struct flow_block_cb *block_cb, *next;

	unregister_netdevice_notifier(&device_notifier);
	down_write(&commands);
	up_write(&commands);
	synchronize_rcu();
	list_for_each_entry_safe(block_cb, next, &orphans, driver_list)
		flow_block_cb_free(block_cb);
}

int fg_setup_tc(struct net_device *dev, enum tc_setup_type type, void *data)
{
	struct fg_port *port = netdev_priv(dev);

	switch (type) {
	case TC_SETUP_FT:
		return setup_block(port, FG_FT, data);
	case TC_SETUP_BLOCK:
		return setup_block(port, FG_BLOCK, data);
	default:
		return -EOPNOTSUPP;
	}
}
