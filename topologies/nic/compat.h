/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels this source is built for: 6.1 up to 7.x.
 * The only place that looks at the version.
 */
#ifndef FG_COMPAT_H
#define FG_COMPAT_H

#include <linux/netdevice.h>
#include <linux/version.h>
#include <net/flow_dissector.h>

/* Transmit without the queue's lock: a feature bit up to 6.11, a field since. */
static inline void fg_transmit_unlocked(struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
#endif
}

/* Since 6.5 a rule may ask whether the bridge knew the destination. */
static inline bool fg_asks_l2_miss(const struct flow_dissector_key_meta *mask)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	return false;
#else
	return mask->l2_miss;
#endif
}

#endif
