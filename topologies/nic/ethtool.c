// SPDX-License-Identifier: GPL-2.0
/* ethtool: the driver's name, its own counters (-S), the standard groups. */
#include <linux/ethtool.h>
#include <linux/string.h>

#include "nic.h"

static const char counter_names[FG_SHOWN_COUNTERS][ETH_GSTRING_LEN] = {
	[FG_HW_RX_PACKETS] = "hw_rx_packets",
	[FG_HW_RX_BYTES] = "hw_rx_bytes",
	[FG_HW_TX_PACKETS] = "hw_tx_packets",
	[FG_HW_TX_BYTES] = "hw_tx_bytes",
	[FG_CPU_RX_PACKETS] = "cpu_rx_packets",
	[FG_CPU_RX_BYTES] = "cpu_rx_bytes",
	[FG_CPU_TX_PACKETS] = "cpu_tx_packets",
	[FG_CPU_TX_BYTES] = "cpu_tx_bytes",
	[FG_HW_RULE_DROPS] = "hw_rule_drops",
	[FG_HW_FAULT_DROPS] = "hw_fault_drops",
	[FG_RX_QUEUE_DROPS] = "rx_queue_drops",
	[FG_LOOKUPS] = "lookups",
	[FG_LOOKUP_HITS] = "lookup_hits",
	[FG_LOOKUP_NS] = "lookup_ns",
};

/* Of the rules for frames that arrive on this port; the table's size is the
 * card's.
 */
static const char rule_names[][ETH_GSTRING_LEN] = {
	"rules", "rules_added", "rules_deleted", "rules_refused",
	"rules_purged", "table_size",
};

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, FG_DRIVER, sizeof(info->driver));
}

static int get_sset_count(struct net_device *dev, int set)
{
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return FG_SHOWN_COUNTERS + ARRAY_SIZE(rule_names);
}

static void get_strings(struct net_device *dev, u32 set, u8 *strings)
{
	if (set != ETH_SS_STATS)
		return;
	memcpy(strings, counter_names, sizeof(counter_names));
	memcpy(strings + sizeof(counter_names), rule_names,
	       sizeof(rule_names));
}

static void get_ethtool_stats(struct net_device *dev,
			      struct ethtool_stats *stats, u64 *values)
{
	struct fg_port *port = netdev_priv(dev);
	u64 sum[FG_COUNTERS];

	fg_counters(port, sum);
	memcpy(values, sum, FG_SHOWN_COUNTERS * sizeof(*values));
	values += FG_SHOWN_COUNTERS;
	*values++ = READ_ONCE(port->rules);
	*values++ = READ_ONCE(port->rules_added);
	*values++ = READ_ONCE(port->rules_deleted);
	*values++ = READ_ONCE(port->rules_refused);
	*values++ = READ_ONCE(port->rules_purged);
	*values++ = fg_table_size();
}

static void get_eth_mac_stats(struct net_device *dev,
			      struct ethtool_eth_mac_stats *mac)
{
	struct rtnl_link_stats64 stats = {};

	fg_get_stats64(dev, &stats);
	mac->FramesTransmittedOK = stats.tx_packets;
	mac->FramesReceivedOK = stats.rx_packets;
	mac->OctetsTransmittedOK = stats.tx_bytes;
	mac->OctetsReceivedOK = stats.rx_bytes;
	mac->FrameTooLongErrors = stats.rx_length_errors;
}

static const struct ethtool_rmon_hist_range size_ranges[] = {
	{ 0, 64 }, { 65, 127 }, { 128, 255 }, { 256, 511 }, { 512, 1023 },
	{ 1024, 1518 }, { 1519, 65535 }, {}
};

static void get_rmon_stats(struct net_device *dev,
			   struct ethtool_rmon_stats *rmon,
			   const struct ethtool_rmon_hist_range **ranges)
{
	u64 sum[FG_COUNTERS];
	unsigned int i;

	fg_counters(netdev_priv(dev), sum);
	for (i = 0; i < FG_SIZE_BUCKETS; i++) {
		rmon->hist[i] = sum[FG_SIZES + i];
		rmon->hist_tx[i] = sum[FG_SIZES + FG_SIZE_BUCKETS + i];
	}
	*ranges = size_ranges;
}

const struct ethtool_ops fg_nic_ethtool_ops = {
	.get_drvinfo		= get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= get_sset_count,
	.get_strings		= get_strings,
	.get_ethtool_stats	= get_ethtool_stats,
	.get_eth_mac_stats	= get_eth_mac_stats,
	.get_rmon_stats		= get_rmon_stats,
};

/* The far end of the cable is not the card: plain counters only. */
const struct ethtool_ops fg_wire_ethtool_ops = {
	.get_drvinfo		= get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_ts_info		= ethtool_op_get_ts_info,
};
