// SPDX-License-Identifier: GPL-2.0
/* Faults that can be switched on: each stands for a class of bug that drivers
 * have had, so that a measurement can prove that it would notice one. They are
 * written at /sys/module/flowgauge_nic/parameters; 0 is off.
 */
#include <linux/atomic.h>
#include <linux/module.h>

#include "fault.h"

struct fg_faults fg_faults;

#define FG_FAULT(name, text)						\
	module_param_named(fault_##name, fg_faults.name, uint, 0644);	\
	MODULE_PARM_DESC(fault_##name, text)

FG_FAULT(refuse_match,
	 "refuse rules by match (1 IPv6, 2 UDP, 4 TCP, 8 VLAN, 16 NAT): partial support that the host is not told of");
FG_FAULT(refuse_at,
	 "refuse rules while so many are in the table: less room than advertised");
FG_FAULT(refuse_direction,
	 "refuse rules for frames arriving on this port (1: nic0): one direction in hardware, the other in software");
FG_FAULT(install_delay_ms,
	 "take so long to install a rule, 10 s at most: slow firmware commands");
FG_FAULT(freeze_counters,
	 "hardware counters stand still: statistics that are never read back");
FG_FAULT(double_counters,
	 "count each hardware packet twice: ingress and egress of a rule added up");
FG_FAULT(count_l2,
	 "count a rule's bytes with the Ethernet header: software counts from the IP header");
FG_FAULT(no_aging,
	 "a rule was always used just now: ages not read from the hardware");
FG_FAULT(leak_at_unbind,
	 "keep rules when the flowtable is deleted: no purge at unbind");
FG_FAULT(forget_ttl,
	 "forward without decrementing TTL or hop limit: an implied action left out");
FG_FAULT(wrong_checksum,
	 "forward with a wrong checksum: an error in the incremental update");
FG_FAULT(wrong_nat_port,
	 "translate to the next port: byte order or off by one in the mangle's translation");
FG_FAULT(stale_after_delete,
	 "deleted rules go on forwarding: a delete command that was never sent");
FG_FAULT(drop_every,
	 "lose every Nth frame forwarded by rules: overload of an internal queue");
FG_FAULT(reorder_every,
	 "send every Nth frame forwarded by rules after its successor: parallel engines without ordering");

/* Whether this is the Nth since the last. */
bool fg_is_nth(atomic_t *count, unsigned int every)
{
	return every && (unsigned int)atomic_inc_return(count) % every == 0;
}
