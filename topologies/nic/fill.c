// SPDX-License-Identifier: GPL-2.0
/* debugfs flowgauge_nic/fill: synthetic flows, to measure the table with.
 *
 * Writing N leaves N of them, inserting or removing what is to change: IPv4 UDP
 * flows into nic0, as a flowtable would write them and by the same way into the
 * table, so that they share its mask. No traffic hits them: their sources are
 * in 10/8. ENOSPC: the table was full; what had room stays. Whatever ends
 * nic0's flowtable purges them too, unnoticed here until 0 is written.
 */
#include <linux/debugfs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/pkt_cls.h>

#include "nic.h"

#define FG_FILL_EDITS	4	/* both MAC addresses, as a route has it */

/* What a flow_rule points at. */
struct fg_fill_key {
	struct flow_dissector_key_meta meta;
	struct flow_dissector_key_control control;
	struct flow_dissector_key_basic basic;
	struct flow_dissector_key_ipv4_addrs ipv4;
	struct flow_dissector_key_ports tp;
};

static struct {
	struct mutex lock;
	u32 rules;
	u32 inserted;	/* by the last write */
	u64 insert_ns;	/* of all those together */
} filled = { .lock = __MUTEX_INITIALIZER(filled.lock) };

static void dissects(struct flow_dissector *dissector)
{
	static const struct {
		enum flow_dissector_key_id id;
		unsigned short offset;
	} parts[] = {
		{ FLOW_DISSECTOR_KEY_META, offsetof(struct fg_fill_key, meta) },
		{ FLOW_DISSECTOR_KEY_CONTROL, offsetof(struct fg_fill_key, control) },
		{ FLOW_DISSECTOR_KEY_BASIC, offsetof(struct fg_fill_key, basic) },
		{ FLOW_DISSECTOR_KEY_IPV4_ADDRS, offsetof(struct fg_fill_key, ipv4) },
		{ FLOW_DISSECTOR_KEY_PORTS, offsetof(struct fg_fill_key, tp) },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		dissector->used_keys |= BIT_ULL(parts[i].id);
		dissector->offset[parts[i].id] = parts[i].offset;
	}
}

static void acts(struct flow_action *action, struct net_device *out)
{
	unsigned int i;

	for (i = 0; i < FG_FILL_EDITS; i++) {
		/* Words 0, 4, 4 and 8 of the header, as the flowtable does. */
		action->entries[i].id = FLOW_ACTION_MANGLE;
		action->entries[i].mangle.htype = FLOW_ACT_MANGLE_HDR_TYPE_ETH;
		action->entries[i].mangle.offset = (i + 1) / 2 * 4;
	}
	action->entries[i].id = FLOW_ACTION_REDIRECT;
	action->entries[i].dev = out;
}

static int insert(struct fg_port *port, struct flow_rule *flow,
		  struct fg_fill_key *key, u32 number)
{
	struct flow_cls_offload cls = { .cookie = number + 1, .rule = flow };
	struct fg_rule *rule;
	struct fg_key mask;
	int err;

	key->ipv4.src = htonl(0x0a000000 | number);
	rule = fg_rule_create(port, FG_FT, &cls, &mask);
	if (IS_ERR(rule))
		return PTR_ERR(rule);
	err = fg_table_replace(rule, &mask, NULL);
	if (err)
		kfree(rule);
	return err;
}

static int fill(struct fg_port *port, u32 rules)
{
	struct flow_dissector dissector = {};
	struct fg_fill_key key = {}, mask = {};
	struct flow_rule *flow;
	u64 start_ns;
	int err = 0;

	flow = flow_rule_alloc(FG_FILL_EDITS + 1);
	if (!flow)
		return -ENOMEM;
	dissects(&dissector);
	memset(&mask.control.addr_type, 0xff, sizeof(mask.control.addr_type));
	memset(&mask.meta.ingress_ifindex, 0xff, sizeof(mask.meta.ingress_ifindex));
	memset(&mask.basic.n_proto, 0xff, sizeof(mask.basic.n_proto));
	memset(&mask.basic.ip_proto, 0xff, sizeof(mask.basic.ip_proto));
	memset(&mask.ipv4, 0xff, sizeof(mask.ipv4));
	memset(&mask.tp, 0xff, sizeof(mask.tp));
	key.control.addr_type = FLOW_DISSECTOR_KEY_IPV4_ADDRS;
	key.meta.ingress_ifindex = port->dev->ifindex;
	key.basic.n_proto = htons(ETH_P_IP);
	key.basic.ip_proto = IPPROTO_UDP;
	key.ipv4.dst = htonl(0x0a000001);
	key.tp.src = htons(1024);
	key.tp.dst = htons(9);
	flow->match.dissector = &dissector;
	flow->match.key = &key;
	flow->match.mask = &mask;
	acts(&flow->action, port->dev);

	filled.inserted = 0;
	start_ns = ktime_get_ns();
	while (filled.rules < rules && !err) {
		err = insert(port, flow, &key, filled.rules);
		if (!err) {
			filled.rules++;
			filled.inserted++;
		}
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	filled.insert_ns = ktime_get_ns() - start_ns;
	kfree(flow);
	return err;
}

static int trim(struct fg_port *port, u32 rules)
{
	for (; filled.rules > rules; filled.rules--) {
		if (fatal_signal_pending(current))
			return -EINTR;
		/* Gone already if its block was unbound. */
		fg_table_remove(port, FG_FT, filled.rules);
		cond_resched();
	}
	return 0;
}

static ssize_t fill_write(struct file *file, const char __user *text,
			  size_t bytes, loff_t *pos)
{
	struct fg_port *port = file_inode(file)->i_private;
	u32 rules;
	int err;

	err = kstrtou32_from_user(text, bytes, 0, &rules);
	if (err)
		return err;
	if (rules > FG_MAX_RULES)
		return -ERANGE;
	if (mutex_lock_killable(&filled.lock))
		return -EINTR;
	err = trim(port, rules);
	if (!err)
		err = fill(port, rules);
	mutex_unlock(&filled.lock);
	return err ?: bytes;
}

static int fill_show(struct seq_file *out, void *data)
{
	size_t bytes = offsetof(struct fg_rule, edit) +
		       FG_FILL_EDITS * sizeof(struct fg_edit);

	mutex_lock(&filled.lock);
	seq_printf(out, "rules=%u inserted=%u insert_ns=%llu rule_bytes=%zu\n",
		   filled.rules, filled.inserted, filled.insert_ns,
		   kmalloc_size_roundup(bytes));
	mutex_unlock(&filled.lock);
	return 0;
}

static int fill_open(struct inode *inode, struct file *file)
{
	return single_open(file, fill_show, inode->i_private);
}

static const struct file_operations fill_fops = {
	.owner		= THIS_MODULE,
	.open		= fill_open,
	.read		= seq_read,
	.write		= fill_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

/* Beside the other files, and removed with them. */
void fg_fill_create(struct fg_port *port)
{
	struct dentry *folder = debugfs_lookup(FG_DRIVER, NULL);

	if (!folder)
		return;
	debugfs_create_file("fill", 0600, folder, port, &fill_fops);
	dput(folder);
}
