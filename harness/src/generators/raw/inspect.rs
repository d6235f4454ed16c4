//! Frames that arrived: what they are, and whether every byte of them is what it must be.
//!
//! A frame's stamp says all that there is to know about it, so the frame that must have arrived is written anew and
//! compared byte by byte: nothing can be forgotten. Only what differs is looked at again, by kind.

use flowgauge_scenarios::traffic::ETHERNET_HEADER_LEN;
use flowgauge_scenarios::{Family, Protocol};

use super::course::Course;
use super::diagnose::{Expected, Kind, diagnose};
use super::endpoint::{Endpoint, Side, Translations};
use super::packet::parse;
use super::path::Nat;
use super::stamp::{OPENING, Stamp};
use super::stream::Sizes;
use super::template::{ACK, HEADERS_MAX, PSH, Template, ether_type, pattern, protocol_number};
use super::wire::Macs;

/// What a frame is to a measuring receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A measured frame, every byte as it must arrive.
    Intact(Stamp),
    /// A frame of ours with something wrong in it.
    Damaged(Kind),
    /// Not ours, or of an earlier trial.
    Foreign,
}

/// Judges the frames of one direction as they arrive.
#[derive(Debug)]
pub struct Inspector<'a> {
    course: Course<'a>,
    macs: Macs,
    templates: [Template; 2],
    sizes: [Sizes; 2],
    /// One buffer for each family, so that the constant header fields are written once.
    buffers: [[u8; HEADERS_MAX]; 2],
    /// Ports that the DUT was seen to choose where no opening has learned them.
    seen: Option<Translations>,
    pattern: Vec<u8>,
    /// Frames stamped before this belong to earlier trials.
    since_ns: u64,
}

impl<'a> Inspector<'a> {
    /// An inspector of the frames of `course` that were stamped at `since_ns` (CLOCK_MONOTONIC) or later. `macs` are
    /// those that the frames must bear: `own` is their destination ([`super::path::Path::macs`]).
    pub fn new(course: Course<'a>, macs: Macs, since_ns: u64) -> Self {
        let traffic = course.traffic;
        let template = |family| {
            Template::new(family, traffic.protocol, macs.gateway, macs.own, ACK | PSH, 0).after(course.path.hops)
        };
        let templates = [template(Family::Ipv4), template(Family::Ipv6)];
        let mut buffers = [[0; HEADERS_MAX]; 2];
        templates.iter().zip(&mut buffers).for_each(|(template, buffer)| template.prepare(buffer));
        let chosen = course.side == Side::Client && matches!(course.path.nat, Nat::Masquerade { .. });
        let seen = (chosen && course.learned.is_none()).then(|| Translations::new(traffic.families, traffic.flows));
        let sizes = [Sizes::new(traffic, Family::Ipv4), Sizes::new(traffic, Family::Ipv6)];
        let pattern = pattern(traffic.max_size().into());
        Inspector { course, macs, templates, sizes, buffers, seen, pattern, since_ns }
    }

    /// What `frame` is. `trust_l4`: an offload has not filled in the L4 checksum.
    #[inline]
    pub fn judge(&mut self, frame: &[u8], trust_l4: bool) -> Verdict {
        let family = if frame.get(12) == Some(&0x08) { Family::Ipv4 } else { Family::Ipv6 };
        let at = ETHERNET_HEADER_LEN + family.header_len() + self.course.traffic.protocol.header_len();
        match frame.get(at..).and_then(Stamp::parse) {
            Some(stamp) if self.is_measured(&stamp) && self.course.place(stamp.flow).0 == family => {
                let (end, tail_len) = self.expect(frame, &stamp);
                let (head, rest) = frame.split_at(end.min(frame.len()));
                if *head == self.buffers[family as usize][..end] && *rest == self.pattern[..tail_len] {
                    return Verdict::Intact(stamp);
                }
                self.compare(frame, stamp, (end, tail_len), trust_l4)
            }
            _ => self.look_closer(frame),
        }
    }

    /// What `frame` is by its stamp alone.
    #[inline]
    pub fn glance(&self, frame: &[u8]) -> Verdict {
        match Stamp::read(frame) {
            Some(stamp) if self.is_measured(&stamp) => Verdict::Intact(stamp),
            _ => Verdict::Foreign,
        }
    }

    /// Whether this is the stamp of a measured frame of this trial and direction.
    #[inline]
    fn is_measured(&self, stamp: &Stamp) -> bool {
        let course = &self.course;
        (stamp.run, stamp.direction) == (course.run, course.direction())
            && stamp.sent_ns >= self.since_ns
            && stamp.flow < course.traffic.flows
            && stamp.seq < OPENING
    }

    /// Writes the frame that must have arrived; returns the lengths of its headers with stamp, and of its tail.
    #[inline]
    fn expect(&mut self, frame: &[u8], stamp: &Stamp) -> (usize, usize) {
        let (family, index) = self.course.place(stamp.flow);
        let (mut source, destination) = self.course.arrives(family, index);
        if source.port == 0 {
            source.port = self.chosen_port(frame, family, index, &source);
        }
        let sizes = &self.sizes[family as usize];
        let (tail, _) = sizes.of(stamp.flow, stamp.seq);
        let segment = self.course.segment(sizes, stamp.flow, stamp.seq);
        let buffer = &mut self.buffers[family as usize];
        let end = self.templates[family as usize].write(buffer, &source, &destination, segment, Some(stamp), tail);
        (end, tail.len.into())
    }

    /// The source port that a masquerade chose for a flow: the one that the opening or its first frame came from.
    fn chosen_port(&mut self, frame: &[u8], family: Family, index: u32, source: &Endpoint) -> u16 {
        if let Some(learned) = self.course.learned {
            return learned.get(family, index).map_or(0, |seen| seen.port);
        }
        let Some(seen) = &mut self.seen else { return 0 };
        if let Some(first) = seen.get(family, index) {
            return first.port;
        }
        let l4 = ETHERNET_HEADER_LEN + family.header_len();
        let port = frame.get(l4..l4 + 2).map_or(0, |p| u16::from_be_bytes([p[0], p[1]]));
        seen.learn(family, index, &Endpoint { port, ..*source });
        port
    }

    /// What is wrong with a frame that is not as expected. Nothing, where only the writing of a checksum differs.
    #[cold]
    fn compare(&self, frame: &[u8], stamp: Stamp, (end, tail_len): (usize, usize), trust_l4: bool) -> Verdict {
        let family = self.course.place(stamp.flow).0;
        let head = &self.buffers[family as usize][..end];
        let protocol = self.course.traffic.protocol;
        let expected = Expected { family, protocol, head, tail: &self.pattern[..tail_len] };
        diagnose(frame, &expected, trust_l4).map_or(Verdict::Intact(stamp), Verdict::Damaged)
    }

    /// What a frame is whose stamp is not in its place or not of this direction's measured frames.
    #[cold]
    fn look_closer(&self, frame: &[u8]) -> Verdict {
        match Stamp::read(frame).or_else(|| self.search(frame)) {
            Some(stamp) if stamp.run != self.course.run || stamp.sent_ns < self.since_ns => Verdict::Foreign,
            // What the opening or the other direction sends is none of this inspector's frames, unless it comes back.
            Some(stamp) if stamp.seq >= OPENING => Verdict::Foreign,
            Some(stamp) if stamp.direction != self.course.direction() => Verdict::Damaged(Kind::Address),
            Some(_) => Verdict::Damaged(Kind::Header),
            None if self.looks_ours(frame) => Verdict::Damaged(Kind::Payload),
            None => Verdict::Foreign,
        }
    }

    /// The stamp of a frame whose headers do not lead to it.
    fn search(&self, frame: &[u8]) -> Option<Stamp> {
        let ends = [Family::Ipv4, Family::Ipv6].map(|f| ETHERNET_HEADER_LEN + f.header_len());
        let places = ends.into_iter().flat_map(|l4| [l4 + 8, l4 + 20]);
        places.flat_map(|at| [at, at + 4]).find_map(|at| Stamp::parse(frame.get(at..)?))
    }

    /// Whether a frame without a sound stamp is one of ours by its destination: one flipped bit spoils only one of the
    /// two. Sound TCP segments without data were left behind by an opening.
    fn looks_ours(&self, frame: &[u8]) -> bool {
        let protocol = self.course.traffic.protocol;
        if protocol == Protocol::Tcp && parse(frame, self.macs, protocol, false).is_some_and(|p| p.payload.is_empty()) {
            return false;
        }
        self.course.traffic.families.each().iter().any(|&family| {
            let (l4, address_len, next_header) = match family {
                Family::Ipv4 => (34, 4, 23),
                Family::Ipv6 => (54, 16, 20),
            };
            frame.get(12..14) == Some(&ether_type(family).to_be_bytes())
                && frame.get(next_header) == Some(&protocol_number(protocol))
                && frame.get(..6) == Some(&self.macs.own)
                && frame.get(l4 - address_len..l4).is_some_and(|a| Endpoint::in_pool(self.course.side.peer(), a))
        })
    }
}

#[cfg(test)]
mod tests;
