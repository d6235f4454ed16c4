//! The flows of one instance, and the frames that specifications make of them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use flowgauge_scenarios::conform::{Case, Encapsulation, Flow, Instance, Ipv6Extension, PacketSpec, Side, Translation};
use flowgauge_scenarios::{Direction, Family, Protocol};

use super::error::{CraftError, word};
use super::numbers::{Numbers, Segment};
use super::transport::Transport;
use super::{Envelope, Mark, fragment, ipv4, ipv6, transport};
use crate::generators::raw::checksum;
use crate::generators::raw::wire::Macs;

/// Makes the frames of one instance. Two crafters of the same instance make the same frames, byte by byte.
#[derive(Clone, Debug)]
pub struct Crafter {
    instance: Instance,
    lan: Envelope,
    wan: Envelope,
    mss: u16,
    flows: HashMap<u16, Progress>,
}

/// How far a flow is.
#[derive(Clone, Copy, Debug)]
struct Progress {
    numbers: Numbers,
    packets: u32,
}

/// Sender and receiver of a packet, as they stand in its headers, and the tester that sends it.
struct Ends {
    from: Side,
    source: SocketAddr,
    destination: SocketAddr,
}

impl Crafter {
    /// For `instance` of `case`, between ports with these MAC addresses; `encapsulation` is the LAN's.
    pub fn new(instance: &Instance, case: &Case, lan: Macs, wan: Macs, encapsulation: Encapsulation) -> Crafter {
        let headers = instance.family.header_len() + Protocol::Tcp.header_len();
        let mtu = case.bed.lan_mtu.min(case.bed.wan_mtu).min(65535) as usize;
        Crafter {
            instance: instance.clone(),
            lan: Envelope { macs: lan, encapsulation },
            wan: Envelope { macs: wan, encapsulation: Encapsulation::None },
            mss: mtu.saturating_sub(headers) as u16,
            flows: HashMap::new(),
        }
    }

    /// Both ends of flow number `flow` of the instance.
    pub fn flow(&self, flow: u16) -> Flow {
        self.instance.flow(flow)
    }

    /// What opens a flow, in order: UDP a request, the reply and a request; TCP its handshake and data each way. Each frame
    /// must have passed the DUT before the next from the other side is sent.
    pub fn open(&mut self, flow: u16) -> Vec<(Side, Vec<u8>)> {
        let step = |reverse, flags: Option<&str>| PacketSpec {
            flow,
            reverse,
            flags: flags.map(str::to_owned),
            payload: if flags.is_some() { 0 } else { PacketSpec::default().payload },
            ..PacketSpec::default()
        };
        let steps = match self.instance.protocol {
            Protocol::Udp => vec![step(false, None), step(true, None), step(false, None)],
            Protocol::Tcp => vec![
                step(false, Some("S")),
                step(true, Some("SA")),
                step(false, Some("A")),
                step(false, None),
                step(true, None),
            ],
        };
        // Plain packets of any instance can be made: the only errors are about what is not plain.
        steps.iter().flat_map(|packet| self.frames(packet, Direction::Upstream).unwrap_or_default()).collect()
    }

    /// The frames of `packet`, in an instance of `direction`, with the testers that send them, in order. Of a failure the
    /// flow's numbers have not moved.
    pub fn frames(&mut self, packet: &PacketSpec, direction: Direction) -> Result<Vec<(Side, Vec<u8>)>, CraftError> {
        check(packet, self.instance.family)?;
        let before = self.flows.get(&packet.flow).copied();
        let mut frames = Vec::with_capacity(packet.count as usize);
        for n in 0..packet.count {
            match self.packet(packet, direction, n) {
                Ok(made) => frames.extend(made),
                Err(error) => {
                    match before {
                        Some(before) => self.flows.insert(packet.flow, before),
                        None => self.flows.remove(&packet.flow),
                    };
                    return Err(error);
                }
            }
        }
        Ok(frames)
    }

    /// One packet, the `n`th of its specification.
    fn packet(&mut self, spec: &PacketSpec, direction: Direction, n: u32) -> Result<Vec<(Side, Vec<u8>)>, CraftError> {
        let absolute = self.instance.first_flow + u32::from(spec.flow);
        let ends = self.ends(spec, direction);
        let progress =
            self.flows.entry(spec.flow).or_insert_with(|| Progress { numbers: Numbers::of(absolute), packets: 0 });
        let number = progress.packets;
        progress.packets += 1;
        let flags = transport::flags(spec.flags.as_deref())?;
        let segment = match self.instance.protocol {
            Protocol::Udp => Segment::default(),
            Protocol::Tcp => {
                let offsets = (spec.sequence, spec.acknowledgement);
                progress.numbers.segment(ends.from, flags, spec.payload.into(), offsets, 1000 + number)
            }
        };
        let mark = Mark { flow: absolute, number, from_server: ends.from == Side::Server };
        let payload = mark.payload(spec.payload.into());
        let transport = Transport {
            protocol: self.instance.protocol,
            ports: (ends.source.port(), ends.destination.port()),
            segment: (flags, segment),
            mss: self.mss,
            addresses: address_sum(ends.source.ip()) + address_sum(ends.destination.ip()),
            payload: &payload,
        };
        let protocol = spec.protocol.unwrap_or(match self.instance.protocol {
            Protocol::Udp => 17,
            Protocol::Tcp => 6,
        });
        // Hairpinned flows have both ends at the client.
        let side = if self.instance.translation == Translation::Hairpin { Side::Client } else { ends.from };
        let id = spec.ip_id.wrapping_add(n as u16);
        packets(spec, &ends, protocol, (id, number), &transport.bytes(spec)?)?
            .iter()
            .map(|packet| Ok((side, self.frame(spec, side, packet)?)))
            .collect()
    }

    fn ends(&self, spec: &PacketSpec, direction: Direction) -> Ends {
        let flow = self.flow(spec.flow);
        if (direction == Direction::Downstream) == spec.reverse {
            Ends { from: Side::Client, source: flow.client, destination: flow.server }
        } else {
            Ends { from: Side::Server, source: flow.server_real, destination: flow.client_seen }
        }
    }

    /// The frame around one IP packet, padded, cut and patched.
    fn frame(&self, spec: &PacketSpec, side: Side, packet: &[u8]) -> Result<Vec<u8>, CraftError> {
        let envelope = if side == Side::Client { &self.lan } else { &self.wan };
        let (mut frame, at) = envelope.seal(self.instance.family, packet, spec.foreign_mac);
        frame.resize(frame.len() + usize::from(spec.padding), 0);
        for (offset, digits) in &spec.patch {
            let wrong = |why: &str| CraftError::Patch { offset: *offset, digits: digits.clone(), why: why.to_owned() };
            let bytes = hex(digits).ok_or_else(|| wrong("is not hexadecimal: two digits for each byte"))?;
            let from = at + usize::from(*offset);
            let len = frame.len();
            frame
                .get_mut(from..from + bytes.len())
                .ok_or_else(|| wrong(&format!("reaches behind the frame, which has {} bytes from there", len - at)))?
                .copy_from_slice(&bytes);
        }
        let left = frame.len().saturating_sub(spec.cut.into());
        if left < 14 {
            return Err(CraftError::Cut { cut: spec.cut, left });
        }
        frame.truncate(left);
        Ok(frame)
    }
}

/// The IP packets of `transport`: one, or its fragments. `ids`: the identification, and the packet's number in its flow.
fn packets(
    spec: &PacketSpec,
    ends: &Ends,
    protocol: u8,
    (id, number): (u16, u32),
    transport: &[u8],
) -> Result<Vec<Vec<u8>>, CraftError> {
    let made = match (ends.source.ip(), ends.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let packet = |place, part: &[u8]| ipv4::packet(spec, (source, destination), protocol, place, part);
            match fragment::parts(spec, transport.len())? {
                None => vec![packet(ipv4::Place { id, ..ipv4::Place::default() }, transport)],
                Some(parts) => {
                    // Packets of a flow that are on the way at once must not share an identification.
                    let id = if spec.ip_id == 0 { 0x4000 + number as u16 } else { id };
                    let place = |from: usize, to: usize| ipv4::Place {
                        offset: from as u16,
                        more: to < transport.len(),
                        fragment: true,
                        id,
                    };
                    parts.into_iter().map(|p| packet(place(p.start, p.end), &transport[p])).collect()
                }
            }
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let id = if spec.ip_id == 0 { 0x4000 + number } else { id.into() };
            let packet = |first, part: &[u8]| ipv6::packet(spec, (source, destination), first, part);
            // Hop-by-hop options are for every router: they stand in every fragment.
            let hops = spec.extensions.iter().take_while(|e| **e == Ipv6Extension::HopByHop).count();
            let (each, rest) = spec.extensions.split_at(hops);
            let (next, rest) = ipv6::extend(rest, protocol, id, transport);
            match fragment::parts(spec, rest.len())? {
                None => {
                    let (first, whole) = ipv6::extend(each, next, id, &rest);
                    vec![packet(first, &whole)]
                }
                Some(parts) => parts
                    .into_iter()
                    .map(|p| {
                        let mut part = ipv6::fragment_header(next, p.start as u16, p.end < rest.len(), id).to_vec();
                        part.extend_from_slice(&rest[p]);
                        let (first, whole) = ipv6::extend(each, ipv6::FRAGMENT, id, &part);
                        packet(first, &whole)
                    })
                    .collect(),
            }
        }
        // A flow has one family.
        _ => Vec::new(),
    };
    match made.iter().map(Vec::len).find(|len| *len > 65535) {
        Some(len) => Err(CraftError::TooLong(len)),
        None => Ok(made),
    }
}

/// An IP packet of `protocol` between two addresses of one family, in no flow.
pub(crate) fn bare(spec: &PacketSpec, ends: (IpAddr, IpAddr), protocol: u8, payload: &[u8]) -> Vec<u8> {
    match ends {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            ipv4::packet(spec, (source, destination), protocol, ipv4::Place::default(), payload)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => ipv6::packet(spec, (source, destination), protocol, payload),
        _ => Vec::new(),
    }
}

/// Whether the fields fit their headers, and are of `family`.
fn check(spec: &PacketSpec, family: Family) -> Result<(), CraftError> {
    let foreign = match family {
        Family::Ipv4 if !spec.extensions.is_empty() => Some("extensions"),
        Family::Ipv4 if spec.flow_label != 0 => Some("flow_label"),
        Family::Ipv6 if !spec.options.is_empty() => Some("options"),
        _ => None,
    };
    if let Some(field) = foreign {
        return Err(CraftError::Family { field, family: word(family) });
    }
    for (field, value, most) in [
        ("dscp", spec.dscp.into(), 63),
        ("flow_label", spec.flow_label, (1 << 20) - 1),
        ("options", spec.options.len() as u32, 5),
    ] {
        if value > most {
            return Err(CraftError::Range { field, value, most });
        }
    }
    Ok(())
}

fn address_sum(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => checksum::sum(&address.octets()),
        IpAddr::V6(address) => checksum::sum(&address.octets()),
    }
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b' ').collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(byte).collect::<Option<_>>())?
}
