// SPDX-License-Identifier: GPL-2.0
/* The chip's rule table: a tuple-space search. Rules of a port that look at
 * the same fields share a mask; a lookup tries each mask of its port with one
 * probe. One array of buckets serves all masks (their seeds keep them apart)
 * and is sized for the full table at once, so that nothing is ever rehashed.
 *
 * Lookups run under RCU only, and so do statistics: nft asks for them where it
 * must not sleep. Everything else holds the table's mutex.
 */
#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/pkt_cls.h>

#include "fault.h"
#include "nic.h"

static struct {
	struct mutex lock;	/* of all here but the lookups */
	spinlock_t told;	/* of what rules have told, and who tells it */
	struct hlist_head *by_key;
	struct hlist_head *by_cookie;
	u32 last_bucket;
	u32 size;
	u32 rules;
	u32 seed;
	u64 order;
} table = {
	.lock = __MUTEX_INITIALIZER(table.lock),
	.told = __SPIN_LOCK_UNLOCKED(table.told),
};

unsigned int fg_table_size(void)
{
	return table.size;
}

int fg_table_create(unsigned int size)
{
	size_t buckets = max(1024UL, roundup_pow_of_two((unsigned long)size));

	table.by_key = kvcalloc(buckets, sizeof(*table.by_key), GFP_KERNEL);
	table.by_cookie = kvcalloc(buckets, sizeof(*table.by_cookie),
				   GFP_KERNEL);
	if (!table.by_key || !table.by_cookie) {
		kvfree(table.by_key);
		kvfree(table.by_cookie);
		return -ENOMEM;
	}
	table.last_bucket = buckets - 1;
	table.size = size;
	return 0;
}

static struct hlist_head *key_bucket(const struct fg_key *key, u32 seed)
{
	u32 hash = jhash2(key->words, ARRAY_SIZE(key->words), seed);

	return &table.by_key[hash & table.last_bucket];
}

static struct hlist_head *cookie_bucket(unsigned long cookie)
{
	u32 hash = jhash(&cookie, sizeof(cookie), 0);

	return &table.by_cookie[hash & table.last_bucket];
}

static void apply_mask(struct fg_key *out, const struct fg_key *key,
		       const struct fg_key *mask)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(out->words); i++)
		out->words[i] = key->words[i] & mask->words[i];
}

static bool comes_before(const struct fg_rule *a, const struct fg_rule *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->order < b->order;
}

/* The first rule in the order of the chain that @key matches. Flowtable rules
 * never overlap: the first hit is the only one. Under rcu_read_lock().
 */
struct fg_rule *fg_table_lookup(struct fg_port *port, enum fg_kind kind,
				const struct fg_key *key)
{
	struct fg_rule *rule, *best = NULL;
	struct fg_mask *mask;
	struct fg_key masked;

	list_for_each_entry_rcu(mask, &port->masks[kind], node) {
		apply_mask(&masked, key, &mask->mask);
		hlist_for_each_entry_rcu(rule, key_bucket(&masked, mask->seed),
					 by_key) {
			if (rule->mask != mask ||
			    memcmp(&rule->key, &masked, sizeof(masked)))
				continue;
			if (kind == FG_FT)
				return rule;
			if (!best || comes_before(rule, best))
				best = rule;
		}
	}
	return best;
}

/* Under rcu_read_lock() or the table's mutex. */
static struct fg_rule *find(struct fg_port *port, enum fg_kind kind,
			    unsigned long cookie)
{
	struct fg_rule *rule;

	hlist_for_each_entry_rcu(rule, cookie_bucket(cookie), by_cookie,
				 lockdep_is_held(&table.lock))
		if (rule->cookie == cookie && rule->port == port &&
		    rule->kind == kind)
			return rule;
	return NULL;
}

static struct fg_mask *get_mask(struct list_head *masks,
				const struct fg_key *wanted)
{
	struct fg_mask *mask;

	list_for_each_entry(mask, masks, node)
		if (!memcmp(&mask->mask, wanted, sizeof(*wanted)))
			goto found;
	mask = kzalloc(sizeof(*mask), GFP_KERNEL);
	if (!mask)
		return NULL;
	mask->mask = *wanted;
	mask->seed = ++table.seed;
	list_add_tail_rcu(&mask->node, masks);
found:
	mask->rules++;
	return mask;
}

static void put_mask(struct fg_mask *mask)
{
	if (--mask->rules)
		return;
	list_del_rcu(&mask->node);
	kfree_rcu(mask, rcu);
}

static void unlink_rule(struct fg_rule *rule)
{
	hlist_del_rcu(&rule->by_key);
	hlist_del_rcu(&rule->by_cookie);
	put_mask(rule->mask);
	rule->port->rules--;
	table.rules--;
	kfree_rcu(rule, rcu);
}

/* A rule that is asked for again goes on counting where it was. */
static void inherit(struct fg_rule *rule, const struct fg_rule *old)
{
	atomic64_set(&rule->packets, atomic64_read(&old->packets));
	atomic64_set(&rule->bytes, atomic64_read(&old->bytes));
	atomic64_set(&rule->first_hit_ns, atomic64_read(&old->first_hit_ns));
	rule->told_packets = old->told_packets;
	rule->told_bytes = old->told_bytes;
	rule->installed_ns = old->installed_ns;
	rule->order = old->order;
}

/* Adds @rule, or puts it in place of the one with its cookie. Takes @rule if
 * it succeeds.
 */
int fg_table_replace(struct fg_rule *rule, const struct fg_key *mask,
		     struct netlink_ext_ack *extack)
{
	unsigned int limit = fg_fault(refuse_at);
	struct fg_port *port = rule->port;
	struct fg_rule *old;
	int err = 0;

	mutex_lock(&table.lock);
	old = find(port, rule->kind, rule->cookie);
	if (!old && (table.rules >= table.size ||
		     (limit && table.rules >= limit))) {
		NL_SET_ERR_MSG_MOD(extack, "the rule table is full");
		err = -ENOSPC;
		goto out;
	}
	rule->mask = get_mask(&port->masks[rule->kind], mask);
	if (!rule->mask) {
		err = -ENOMEM;
		goto out;
	}
	apply_mask(&rule->key, &rule->key, mask);
	rule->order = ++table.order;
	/* Statistics see the old rule or the new one, never a bit of both. */
	spin_lock(&table.told);
	if (old)
		inherit(rule, old);
	else
		port->rules_added++;
	port->rules++;
	table.rules++;
	hlist_add_head_rcu(&rule->by_cookie, cookie_bucket(rule->cookie));
	hlist_add_head_rcu(&rule->by_key,
			   key_bucket(&rule->key, rule->mask->seed));
	if (old)
		unlink_rule(old);
	spin_unlock(&table.told);
out:
	mutex_unlock(&table.lock);
	return err;
}

int fg_table_remove(struct fg_port *port, enum fg_kind kind,
		    unsigned long cookie)
{
	struct fg_rule *rule;

	mutex_lock(&table.lock);
	rule = find(port, kind, cookie);
	if (rule && !fg_fault(stale_after_delete)) {
		port->rules_deleted++;
		unlink_rule(rule);
	}
	mutex_unlock(&table.lock);
	return rule ? 0 : -ENOENT;
}

/* What was counted since the last call. Does not sleep. */
int fg_table_stats(struct fg_port *port, enum fg_kind kind,
		   struct flow_cls_offload *cls)
{
	struct fg_rule *rule;
	u64 packets, bytes;
	unsigned long used;

	rcu_read_lock();
	spin_lock(&table.told);
	rule = find(port, kind, cls->cookie);
	if (rule) {
		packets = atomic64_read(&rule->packets);
		bytes = atomic64_read(&rule->bytes);
		used = fg_fault(no_aging) ? jiffies
					  : READ_ONCE(rule->last_used);
		flow_stats_update(&cls->stats, bytes - rule->told_bytes,
				  packets - rule->told_packets, 0, used,
				  FLOW_ACTION_HW_STATS_IMMEDIATE);
		rule->told_packets = packets;
		rule->told_bytes = bytes;
	}
	spin_unlock(&table.told);
	rcu_read_unlock();
	return rule ? 0 : -ENOENT;
}

void fg_table_refused(struct fg_port *port)
{
	mutex_lock(&table.lock);
	port->rules_refused++;
	mutex_unlock(&table.lock);
}

static void purge(struct fg_port *port, enum fg_kind kind)
{
	struct hlist_node *next;
	struct fg_rule *rule;
	u32 bucket;

	for (bucket = 0; bucket <= table.last_bucket; bucket++) {
		hlist_for_each_entry_safe(rule, next, &table.by_cookie[bucket],
					  by_cookie) {
			if (port && (rule->port != port || rule->kind != kind))
				continue;
			rule->port->rules_purged++;
			unlink_rule(rule);
		}
		cond_resched();
	}
}

/* Removes all rules of @kind for frames arriving at @port. */
void fg_table_purge(struct fg_port *port, enum fg_kind kind)
{
	mutex_lock(&table.lock);
	if (!list_empty(&port->masks[kind]))
		purge(port, kind);
	mutex_unlock(&table.lock);
}

/* No port may be in use any more. */
void fg_table_destroy(void)
{
	mutex_lock(&table.lock);
	if (table.rules)
		purge(NULL, 0);
	mutex_unlock(&table.lock);
	kvfree(table.by_key);
	kvfree(table.by_cookie);
}

void fg_table_lock(void)
{
	mutex_lock(&table.lock);
}

void fg_table_unlock(void)
{
	mutex_unlock(&table.lock);
}

/* Rules linked by_cookie, for a holder of the lock; NULL after the last. */
struct hlist_head *fg_table_bucket(loff_t bucket)
{
	return bucket <= table.last_bucket ? &table.by_cookie[bucket] : NULL;
}
