// SPDX-License-Identifier: GPL-2.0
/* Counters per port and CPU, and the sums that netlink reads. */
#include <linux/if_link.h>
#include <linux/string.h>

#include "fault.h"
#include "nic.h"

/* Bottom halves off, as everywhere that counts. */
static void add(struct fg_percpu *percpu, unsigned int counter, u64 by)
{
	u64_stats_add(&percpu->counter[counter], by);
}

void fg_count(struct fg_port *port, enum fg_counter counter, u64 by)
{
	struct fg_percpu *percpu = this_cpu_ptr(port->percpu);

	u64_stats_update_begin(&percpu->syncp);
	add(percpu, counter, by);
	u64_stats_update_end(&percpu->syncp);
}

/* RMON's ranges (RFC 2819), which include the four bytes of the FCS. */
static unsigned int size_bucket(u64 bytes)
{
	static const u16 last[FG_SIZE_BUCKETS - 1] = {
		64, 127, 255, 511, 1023, 1518,
	};
	unsigned int i = 0;

	while (i < ARRAY_SIZE(last) && bytes + ETH_FCS_LEN > last[i])
		i++;
	return i;
}

static void count_frames(struct fg_port *port, enum fg_counter packets,
			 u64 bytes, unsigned int n)
{
	struct fg_percpu *percpu = this_cpu_ptr(port->percpu);
	bool sent = packets == FG_HW_TX_PACKETS || packets == FG_CPU_TX_PACKETS;
	unsigned int size = FG_SIZES + size_bucket(bytes) +
			    (sent ? FG_SIZE_BUCKETS : 0);

	u64_stats_update_begin(&percpu->syncp);
	add(percpu, packets, n);
	add(percpu, packets + 1, n * bytes);
	add(percpu, size, n);
	u64_stats_update_end(&percpu->syncp);
}

/* @packets is followed by its counter of bytes. */
void fg_count_frame(struct fg_port *port, enum fg_counter packets, u64 bytes)
{
	count_frames(port, packets, bytes, 1);
}

void fg_count_hardware(struct fg_port *port, enum fg_counter packets,
		       u64 bytes)
{
	unsigned int n = fg_counted();

	if (n)
		count_frames(port, packets, bytes, n);
}

void fg_counters(struct fg_port *port, u64 sum[FG_COUNTERS])
{
	u64 part[FG_COUNTERS];
	unsigned int start;
	int cpu, i;

	memset(sum, 0, sizeof(part));
	for_each_possible_cpu(cpu) {
		struct fg_percpu *percpu = per_cpu_ptr(port->percpu, cpu);

		do {
			start = u64_stats_fetch_begin(&percpu->syncp);
			for (i = 0; i < FG_COUNTERS; i++)
				part[i] = u64_stats_read(&percpu->counter[i]);
		} while (u64_stats_fetch_retry(&percpu->syncp, start));
		for (i = 0; i < FG_COUNTERS; i++)
			sum[i] += part[i];
	}
}

/* Everything on the cable, whoever handled it. What the chip drops by a rule
 * has been received; what found the host's queue full has not.
 */
void fg_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	struct fg_port *port = netdev_priv(dev);
	u64 sum[FG_COUNTERS];

	fg_counters(port, sum);
	stats->rx_packets = sum[FG_CPU_RX_PACKETS] + sum[FG_HW_RX_PACKETS] +
			    sum[FG_HW_RULE_DROPS] + sum[FG_HW_FAULT_DROPS];
	stats->rx_bytes = sum[FG_CPU_RX_BYTES] + sum[FG_HW_RX_BYTES] +
			  sum[FG_HW_DROP_BYTES];
	stats->tx_packets = sum[FG_CPU_TX_PACKETS] + sum[FG_HW_TX_PACKETS];
	stats->tx_bytes = sum[FG_CPU_TX_BYTES] + sum[FG_HW_TX_BYTES];
	stats->tx_dropped = sum[FG_TX_DROPS];
	stats->rx_missed_errors = sum[FG_RX_QUEUE_DROPS];
	stats->rx_length_errors = sum[FG_RX_LENGTH_ERRORS];
	stats->rx_errors = sum[FG_RX_LENGTH_ERRORS];
}

bool fg_has_offload_stats(const struct net_device *dev, int attr)
{
	return attr == IFLA_OFFLOAD_XSTATS_CPU_HIT;
}

/* What the host saw and sent itself. */
int fg_get_offload_stats(int attr, const struct net_device *dev, void *data)
{
	struct rtnl_link_stats64 *stats = data;
	u64 sum[FG_COUNTERS];

	if (attr != IFLA_OFFLOAD_XSTATS_CPU_HIT)
		return -EINVAL;
	fg_counters(netdev_priv(dev), sum);
	stats->rx_packets = sum[FG_CPU_RX_PACKETS];
	stats->rx_bytes = sum[FG_CPU_RX_BYTES];
	stats->tx_packets = sum[FG_CPU_TX_PACKETS];
	stats->tx_bytes = sum[FG_CPU_TX_BYTES];
	return 0;
}
