/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FG_FAULT_H
#define FG_FAULT_H

#include <linux/compiler.h>
#include <linux/types.h>

enum { /* fault_refuse_match */
	FG_REFUSE_IPV6 = 1,
	FG_REFUSE_UDP = 2,
	FG_REFUSE_TCP = 4,
	FG_REFUSE_VLAN = 8,
	FG_REFUSE_NAT = 16,
};

struct fg_faults {
	unsigned int refuse_match;
	unsigned int refuse_at;
	unsigned int refuse_direction;
	unsigned int install_delay_ms;
	unsigned int freeze_counters;
	unsigned int double_counters;
	unsigned int count_l2;
	unsigned int no_aging;
	unsigned int leak_at_unbind;
	unsigned int forget_ttl;
	unsigned int wrong_checksum;
	unsigned int wrong_nat_port;
	unsigned int stale_after_delete;
	unsigned int drop_every;
	unsigned int reorder_every;
};

extern struct fg_faults fg_faults;

/* Each may change at any time: read once per decision. */
#define fg_fault(name) READ_ONCE(fg_faults.name)

bool fg_is_nth(atomic_t *count, unsigned int every);

/* What one hardware packet adds to a counter. */
static inline unsigned int fg_counted(void)
{
	if (fg_fault(freeze_counters))
		return 0;
	return fg_fault(double_counters) ? 2 : 1;
}

#endif
