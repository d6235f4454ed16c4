// SPDX-License-Identifier: GPL-2.0
/* The network devices: the two ends of a cable. */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/netdevice.h>

#include "compat.h"
#include "nic.h"

/* From the host (nicN) or from a tester (wireN). A tester's frame meets the
 * chip before the host does.
 */
static netdev_tx_t fg_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct fg_port *port = netdev_priv(dev);

	/* No feature says so, but a raw socket may leave a checksum open. */
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(skb))
		goto drop;
	if (skb->len < ETH_HLEN || skb_linearize(skb))
		goto drop;
	skb_tx_timestamp(skb);
	fg_wipe(skb);
	fg_count_frame(port, FG_CPU_TX_PACKETS, skb->len);
	if (port->wire)
		fg_forward(port->peer, skb);
	else
		fg_arrive(port->peer, skb);
	return NETDEV_TX_OK;

drop:
	fg_count(port, FG_TX_DROPS, 1);
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

/* There is a carrier while both ends are up. */
static int fg_open(struct net_device *dev)
{
	struct fg_port *port = netdev_priv(dev);

	fg_cable_open(port);
	if (netif_running(port->peer->dev)) {
		netif_carrier_on(dev);
		netif_carrier_on(port->peer->dev);
	}
	return 0;
}

static int fg_stop(struct net_device *dev)
{
	struct fg_port *port = netdev_priv(dev);

	netif_carrier_off(dev);
	netif_carrier_off(port->peer->dev);
	fg_cable_close(port);
	return 0;
}

/* Every frame is received; the stack sorts out which are for the host. */
static void fg_set_rx_mode(struct net_device *dev)
{
}

/* Switched off, the card forwards nothing by itself: all rules go, also those
 * that a fault left behind. Frames go through the host from here on.
 */
static int fg_set_features(struct net_device *dev, netdev_features_t features)
{
	struct fg_port *port = netdev_priv(dev);
	enum fg_kind kind;

	if (!(features & NETIF_F_HW_TC))
		for (kind = 0; kind < FG_KINDS; kind++)
			fg_table_purge(port, kind);
	return 0;
}

static const struct net_device_ops fg_wire_ops = {
	.ndo_open		= fg_open,
	.ndo_stop		= fg_stop,
	.ndo_start_xmit		= fg_start_xmit,
	.ndo_set_rx_mode	= fg_set_rx_mode,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_get_stats64	= fg_get_stats64,
};

static const struct net_device_ops fg_nic_ops = {
	.ndo_open		= fg_open,
	.ndo_stop		= fg_stop,
	.ndo_start_xmit		= fg_start_xmit,
	.ndo_set_rx_mode	= fg_set_rx_mode,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_get_stats64	= fg_get_stats64,
	.ndo_has_offload_stats	= fg_has_offload_stats,
	.ndo_get_offload_stats	= fg_get_offload_stats,
	.ndo_set_features	= fg_set_features,
	.ndo_setup_tc		= fg_setup_tc,
};

static void fg_port_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU;
	/* A frame is kept after transmit, so it must not be shared; and a
	 * queue would never fill, since a cable has no back pressure.
	 */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_NO_QUEUE;
	fg_transmit_unlocked(dev);
	/* Checksums are neither left open nor believed: no NETIF_F_HW_CSUM,
	 * no NETIF_F_RXCSUM, and every frame is one of the cable's size.
	 */
	dev->features |= NETIF_F_HIGHDMA;
}

/* An unregistered device, or NULL. */
struct net_device *fg_port_create(unsigned int index, bool wire)
{
	struct net_device *dev;
	struct fg_port *port;
	char name[IFNAMSIZ];
	enum fg_kind kind;

	snprintf(name, sizeof(name), "%s%u", wire ? "wire" : "nic", index);
	dev = alloc_netdev(sizeof(*port), name, NET_NAME_PREDICTABLE,
			   fg_port_setup);
	if (!dev)
		return NULL;
	eth_hw_addr_random(dev);
	port = netdev_priv(dev);
	port->percpu = netdev_alloc_pcpu_stats(struct fg_percpu);
	if (!port->percpu) {
		free_netdev(dev);
		return NULL;
	}
	port->dev = dev;
	port->wire = wire;
	port->index = index;
	for (kind = 0; kind < FG_KINDS; kind++) {
		INIT_LIST_HEAD(&port->masks[kind]);
		INIT_LIST_HEAD(&port->block_cbs[kind]);
	}
	fg_cable_init(port);
	if (wire) {
		dev->netdev_ops = &fg_wire_ops;
		dev->ethtool_ops = &fg_wire_ethtool_ops;
	} else {
		dev->netdev_ops = &fg_nic_ops;
		dev->ethtool_ops = &fg_nic_ethtool_ops;
		dev->hw_features |= NETIF_F_HW_TC;
		dev->features |= NETIF_F_HW_TC;
	}
	netif_carrier_off(dev);
	return dev;
}

void fg_port_destroy(struct net_device *dev)
{
	struct fg_port *port = netdev_priv(dev);

	fg_cable_destroy(port);
	free_percpu(port->percpu);
	free_netdev(dev);
}
