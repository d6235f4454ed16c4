//! Sequences from a seed: the n-th of a seed is always the same, whatever was made before it.

use flowgauge_scenarios::conform::{PacketSpec, Station};
use flowgauge_scenarios::plan::SplitMix64;
use flowgauge_scenarios::{Family, Protocol};

use super::Sequence;
use super::twist::twist;

/// The most packets of a sequence, with those that are there more than once.
pub(super) const LONGEST: u64 = 12;

/// Makes sequences for one station.
#[derive(Clone, Debug)]
pub struct Generator {
    seed: u64,
    family: Family,
    /// MTU of the LAN's and of the WAN's link.
    mtus: [u32; 2],
}

impl Generator {
    /// Of this seed, for a station's family and links.
    pub fn new(seed: u64, station: &Station) -> Generator {
        Generator { seed, family: station.family, mtus: [station.bed.lan_mtu, station.bed.wan_mtu] }
    }

    /// Sequence number `number`.
    pub fn sequence(&self, number: u64) -> Sequence {
        let mut random = SplitMix64::new(self.seed ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03));
        // Seeds that differ in few bits begin alike.
        random.below(2);
        let protocol = if random.below(2) == 0 { Protocol::Udp } else { Protocol::Tcp };
        let mut packets = Vec::new();
        let wanted = 2 + random.below(7);
        let mut left = LONGEST;
        for n in 0..wanted {
            let mut packet = PacketSpec { reverse: random.below(3) == 0, ..PacketSpec::default() };
            let room = self.mtus[usize::from(packet.reverse)] as u16;
            // Half of the packets are plain, so that it shows what the others leave behind.
            for _ in 0..[0, 0, 0, 1, 1, 2][random.below(6) as usize] {
                twist(&mut random, &mut packet, (self.family, protocol), room);
            }
            // What is left of one path's parts waits half a minute for more, and would be put together with those of the other path:
            // a lone part that is never completed is the same twice.
            if packets.iter().any(|earlier: &PacketSpec| earlier.part.is_some()) {
                packet.part = None;
            }
            fit(&mut packet, (self.family, protocol), room);
            packet.count = packet.count.min(left.saturating_sub(wanted - n - 1).max(1) as u32);
            left = left.saturating_sub(packet.count.into());
            packets.push(packet);
        }
        Sequence { protocol, packets }
    }
}

/// Makes a packet fit what its sender's link takes, and its parts each other.
fn fit(packet: &mut PacketSpec, (family, protocol): (Family, Protocol), room: u16) {
    let ip = match family {
        Family::Ipv4 => 20 + 8 * packet.options.len(),
        Family::Ipv6 => 40 + 8 * packet.extensions.len(),
    };
    let syn = packet.flags.as_deref().is_some_and(|flags| flags.contains('S'));
    let transport = match protocol {
        Protocol::Udp => 8,
        Protocol::Tcp => 20 + if syn { 8 } else { 0 } + if packet.timestamps { 12 } else { 0 },
    };
    if packet.part.is_some() {
        packet.payload = 120;
    } else if packet.fragment == 0 {
        packet.payload = packet.payload.min(room.saturating_sub((ip + transport) as u16));
    }
    // Ethernet pads only what is short.
    if packet.payload > 100 {
        packet.padding = 0;
    }
    // What is patched must be there.
    if !packet.patch.is_empty() {
        packet.cut = 0;
        packet.fragment = 0;
        packet.part = None;
        packet.payload = packet.payload.min(room.saturating_sub((ip + transport) as u16));
    }
    let smallest = ip as u16 + 8;
    packet.cut = packet.cut.min(smallest);
}
