// SPDX-License-Identifier: GPL-2.0
/* A reference NIC: a virtual card that takes flow rules as real drivers do
 * and forwards by them without the network stack.
 *
 * All ports live exactly as long as the module. Rules therefore point at ports
 * without holding references: nothing that names a port survives the purge at
 * module exit, which follows the unregistration of all of them.
 */
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "nic.h"

static unsigned int pairs = 2;
module_param(pairs, uint, 0444);
MODULE_PARM_DESC(pairs, "pairs of nicN and wireN, 1 to 8");

static unsigned int table_size = 1048576;
module_param(table_size, uint, 0444);
MODULE_PARM_DESC(table_size, "rules that the table has room for");

static struct net_device *nics[FG_MAX_PAIRS];
static struct net_device *wires[FG_MAX_PAIRS];

/* The card's port that @dev is, or NULL: rules can send to no other device. */
struct fg_port *fg_nic_of(const struct net_device *dev)
{
	unsigned int i;

	for (i = 0; i < pairs; i++)
		if (nics[i] == dev)
			return netdev_priv(nics[i]);
	return NULL;
}

static void unregister_ports(void)
{
	LIST_HEAD(leaving);
	unsigned int i;

	rtnl_lock();
	for (i = 0; i < pairs; i++) {
		if (nics[i] && nics[i]->reg_state == NETREG_REGISTERED)
			unregister_netdevice_queue(nics[i], &leaving);
		if (wires[i] && wires[i]->reg_state == NETREG_REGISTERED)
			unregister_netdevice_queue(wires[i], &leaving);
	}
	unregister_netdevice_many(&leaving);
	rtnl_unlock();
}

static void free_ports(void)
{
	unsigned int i;

	for (i = 0; i < pairs; i++) {
		if (nics[i])
			fg_port_destroy(nics[i]);
		if (wires[i])
			fg_port_destroy(wires[i]);
	}
}

static int create_pair(unsigned int index)
{
	struct fg_port *nic, *wire;

	nics[index] = fg_port_create(index, false);
	wires[index] = fg_port_create(index, true);
	if (!nics[index] || !wires[index])
		return -ENOMEM;
	nic = netdev_priv(nics[index]);
	wire = netdev_priv(wires[index]);
	nic->peer = wire;
	wire->peer = nic;
	return 0;
}

static int register_pair(unsigned int index)
{
	int err = register_netdev(nics[index]);

	return err ?: register_netdev(wires[index]);
}

static int __init fg_init(void)
{
	unsigned int i;
	int err;

	if (!pairs || pairs > FG_MAX_PAIRS || !table_size ||
	    table_size > FG_MAX_RULES) {
		pr_err(FG_DRIVER ": pairs=%u table_size=%u: want 1 to %u pairs, 1 to %lu rules\n",
		       pairs, table_size, FG_MAX_PAIRS, FG_MAX_RULES);
		return -EINVAL;
	}
	err = fg_table_create(table_size);
	if (err)
		return err;
	err = fg_bind_init();
	if (err) {
		fg_table_destroy();
		return err;
	}
	for (i = 0; i < pairs && !err; i++)
		err = create_pair(i);
	for (i = 0; i < pairs && !err; i++)
		err = register_pair(i);
	if (err) {
		unregister_ports();
		fg_bind_exit();
		free_ports();
		fg_table_destroy();
		return err;
	}
	fg_dump_create();
	fg_fill_create(netdev_priv(nics[0]));
	return 0;
}

static void __exit fg_exit(void)
{
	fg_dump_destroy();
	/* Unbinds every block, and waits for all who transmit. */
	unregister_ports();
	fg_bind_exit();
	/* What is left: rules that a fault kept. */
	fg_table_destroy();
	free_ports();
}

module_init(fg_init);
module_exit(fg_exit);

MODULE_DESCRIPTION("flowgauge's reference NIC: flow offload without the hardware");
MODULE_LICENSE("GPL");
