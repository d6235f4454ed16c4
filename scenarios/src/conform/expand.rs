//! From a case to its instances: every combination of what it applies to, less those that it cannot mean.

use super::instance::variant;
use super::{Case, Instance, PacketSpec, Sum};
use crate::{Datapath, Family, Protocol};

/// Whether packets of the case exist in a family: options of IPv4 do not in IPv6, and so on.
fn fits_family(packet: &PacketSpec, family: Family) -> bool {
    let plain = PacketSpec::default();
    let of_ipv4 = !packet.options.is_empty() || packet.ip_sum != Sum::Right || packet.ip_id != plain.ip_id;
    let of_ipv6 = !packet.extensions.is_empty() || packet.flow_label != 0;
    match family {
        Family::Ipv4 => !of_ipv6,
        Family::Ipv6 => !of_ipv4,
    }
}

/// Whether packets of the case exist in a protocol: flags and sequence numbers are TCP's.
fn fits_protocol(packet: &PacketSpec, protocol: Protocol) -> bool {
    let plain = PacketSpec::default();
    let of_tcp = packet.flags.is_some()
        || packet.sequence != 0
        || packet.acknowledgement != 0
        || packet.window != plain.window
        || packet.timestamps;
    protocol == Protocol::Tcp || !of_tcp
}

/// The instances of `case`, which is number `index` of its plan, on those of `datapaths` that it applies to. Their flows are
/// numbered later.
pub(super) fn expand(case: &Case, index: usize, datapaths: &[Datapath]) -> Vec<Instance> {
    let applies = &case.applies;
    let datapaths: Vec<Datapath> = datapaths.iter().copied().filter(|d| applies.datapaths.contains(d)).collect();
    let mut instances = Vec::new();
    if datapaths.is_empty() {
        return instances;
    }
    for &translation in &applies.translations {
        for &family in applies.families.iter().filter(|&&f| case.packets().all(|p| fits_family(p, f))) {
            for &protocol in applies.protocols.iter().filter(|&&t| case.packets().all(|p| fits_protocol(p, t))) {
                for &direction in &applies.directions {
                    instances.push(Instance {
                        id: format!("{}/{}", case.id, variant(family, protocol, translation, direction)),
                        case: index,
                        family,
                        protocol,
                        translation,
                        direction,
                        datapaths: datapaths.clone(),
                        first_flow: 0,
                    });
                }
            }
        }
    }
    instances
}
