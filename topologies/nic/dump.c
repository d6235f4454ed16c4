// SPDX-License-Identifier: GPL-2.0
/* debugfs flowgauge_nic/rules: the table, a line a rule. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "nic.h"

static struct dentry *folder;

static void show_address(struct seq_file *out, const char *name, __be16 proto,
			 const __be32 *key, const __be32 *mask)
{
	static const __be32 any[4];

	if (!memcmp(mask, any, sizeof(any)))
		seq_printf(out, " %s=-", name);
	else if (proto == htons(ETH_P_IPV6) && mask[3] == ~(__be32)0)
		seq_printf(out, " %s=%pI6c", name, key);
	else if (proto == htons(ETH_P_IPV6))
		seq_printf(out, " %s=%pI6c/%pI6c", name, key, mask);
	else if (mask[0] == ~(__be32)0)
		seq_printf(out, " %s=%pI4", name, key);
	else
		seq_printf(out, " %s=%pI4/%pI4", name, key, mask);
}

static void show_port(struct seq_file *out, const char *name, __be16 key,
		      __be16 mask)
{
	if (!mask)
		seq_printf(out, " %s=-", name);
	else if (mask == htons(0xffff))
		seq_printf(out, " %s=%u", name, ntohs(key));
	else
		seq_printf(out, " %s=%u/0x%04x", name, ntohs(key), ntohs(mask));
}

static void show_proto(struct seq_file *out, const struct fg_rule *rule)
{
	const struct fg_key *mask = &rule->mask->mask;

	if (!mask->ip_proto)
		seq_puts(out, " proto=-");
	else if (rule->key.ip_proto == IPPROTO_TCP)
		seq_puts(out, " proto=tcp");
	else if (rule->key.ip_proto == IPPROTO_UDP)
		seq_puts(out, " proto=udp");
	else
		seq_printf(out, " proto=%u", rule->key.ip_proto);
}

static void show_rule(struct seq_file *out, const struct fg_rule *rule)
{
	static const char * const verdicts[] = { "accept", "drop", "redirect" };
	const struct fg_action *action = &rule->action;
	const struct fg_key *key = &rule->key;
	const struct fg_key *mask = &rule->mask->mask;
	u64 first_ns = atomic64_read(&rule->first_hit_ns);
	unsigned long age = jiffies - READ_ONCE(rule->last_used);

	seq_printf(out, "cookie=%lx kind=%s in=%s out=%s", rule->cookie,
		   rule->kind == FG_FT ? "ft" : "block", rule->port->dev->name,
		   action->out ? action->out->dev->name : "-");
	show_proto(out, rule);
	show_address(out, "src", key->n_proto, key->src, mask->src);
	show_address(out, "dst", key->n_proto, key->dst, mask->dst);
	show_port(out, "sport", key->src_port, mask->src_port);
	show_port(out, "dport", key->dst_port, mask->dst_port);
	seq_printf(out, " nat=%d action=%s packets=%llu bytes=%llu age_ms=%u",
		   action->nat, verdicts[action->verdict],
		   (u64)atomic64_read(&rule->packets),
		   (u64)atomic64_read(&rule->bytes), jiffies_to_msecs(age));
	seq_printf(out, " installed_us=%llu first_hit_us=",
		   rule->installed_ns / NSEC_PER_USEC);
	if (first_ns)
		seq_printf(out, "%llu\n", first_ns / NSEC_PER_USEC);
	else
		seq_puts(out, "-\n");
}

/* A position is a bucket; the table is locked from start to stop. */
static void *filled_from(loff_t *pos)
{
	struct hlist_head *bucket;

	while ((bucket = fg_table_bucket(*pos)) && hlist_empty(bucket))
		++*pos;
	return bucket;
}

static void *rules_start(struct seq_file *out, loff_t *pos)
{
	fg_table_lock();
	return filled_from(pos);
}

static void *rules_next(struct seq_file *out, void *bucket, loff_t *pos)
{
	++*pos;
	return filled_from(pos);
}

static void rules_stop(struct seq_file *out, void *bucket)
{
	fg_table_unlock();
}

static int rules_show(struct seq_file *out, void *data)
{
	struct hlist_head *bucket = data;
	struct fg_rule *rule;

	hlist_for_each_entry(rule, bucket, by_cookie)
		show_rule(out, rule);
	return 0;
}

static const struct seq_operations rules_sops = {
	.start	= rules_start,
	.next	= rules_next,
	.stop	= rules_stop,
	.show	= rules_show,
};

DEFINE_SEQ_ATTRIBUTE(rules);

void fg_dump_create(void)
{
	folder = debugfs_create_dir(FG_DRIVER, NULL);
	debugfs_create_file("rules", 0444, folder, NULL, &rules_fops);
}

void fg_dump_destroy(void)
{
	debugfs_remove_recursive(folder);
}
