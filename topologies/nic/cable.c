// SPDX-License-Identifier: GPL-2.0
/* The receiving end of a cable: a bounded queue and a NAPI instance per port.
 * Since reception has its own NAPI, a tester's end can be moved to a thread
 * (/sys/class/net/wireN/threaded), and softirq time is the host's alone.
 */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst.h>

#include "compat.h"
#include "nic.h"

/* Only the bytes travel on a cable. */
void fg_wipe(struct sk_buff *skb)
{
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_clear_hash(skb);
	skb_reset_redirect(skb);
	skb_set_queue_mapping(skb, 0);
	skb->priority = 0;
	skb->ip_summed = CHECKSUM_NONE;
	skb->csum_valid = 0;
	skb->csum_complete_sw = 0;
	skb->encapsulation = 0;
}

/* Takes @skb, whose data starts at its Ethernet header. Bottom halves off. */
void fg_arrive(struct fg_port *port, struct sk_buff *skb)
{
	unsigned int longest = READ_ONCE(port->dev->mtu) + ETH_HLEN +
			       FG_MAX_TAGS * VLAN_HLEN;
	unsigned int room = port->wire ? FG_WIRE_LENGTH : FG_QUEUE_LENGTH;
	struct sk_buff_head *queue = &port->queue;
	bool taken;

	if (unlikely(skb->len > longest)) {
		fg_count(port, FG_RX_LENGTH_ERRORS, 1);
		kfree_skb(skb);
		return;
	}
	spin_lock(&queue->lock);
	taken = port->up && skb_queue_len(queue) < room;
	if (taken)
		__skb_queue_tail(queue, skb);
	spin_unlock(&queue->lock);
	if (taken) {
		napi_schedule(&port->napi);
	} else {
		fg_count(port, FG_RX_QUEUE_DROPS, 1);
		kfree_skb(skb);
	}
}

static int fg_poll(struct napi_struct *napi, int budget)
{
	struct fg_port *port = container_of(napi, struct fg_port, napi);
	struct sk_buff_head *queue = &port->queue;
	struct sk_buff *skb;
	int done = 0;

	while (done < budget) {
		spin_lock(&queue->lock);
		skb = __skb_dequeue(queue);
		spin_unlock(&queue->lock);
		if (!skb)
			break;
		fg_count_frame(port, FG_CPU_RX_PACKETS, skb->len);
		skb->protocol = eth_type_trans(skb, port->dev);
		napi_gro_receive(napi, skb);
		done++;
	}
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

/* fault_reorder_every: with no successor the held frame goes on after all. */
static void fg_release_held(struct work_struct *work)
{
	struct fg_port *port = container_of(to_delayed_work(work),
					    struct fg_port, release);
	struct sk_buff *skb;

	local_bh_disable();
	spin_lock(&port->held.lock);
	skb = __skb_dequeue(&port->held);
	spin_unlock(&port->held.lock);
	if (skb)
		fg_arrive(port->peer, skb);
	local_bh_enable();
}

void fg_cable_init(struct fg_port *port)
{
	skb_queue_head_init(&port->queue);
	skb_queue_head_init(&port->held);
	INIT_DELAYED_WORK(&port->release, fg_release_held);
	netif_napi_add(port->dev, &port->napi, fg_poll);
}

/* Nobody transmits any more. */
void fg_cable_destroy(struct fg_port *port)
{
	cancel_delayed_work_sync(&port->release);
	__skb_queue_purge(&port->held);
}

void fg_cable_open(struct fg_port *port)
{
	napi_enable(&port->napi);
	spin_lock_bh(&port->queue.lock);
	port->up = true;
	spin_unlock_bh(&port->queue.lock);
}

void fg_cable_close(struct fg_port *port)
{
	spin_lock_bh(&port->queue.lock);
	port->up = false;
	spin_unlock_bh(&port->queue.lock);
	napi_disable(&port->napi);
	__skb_queue_purge(&port->queue);
}
