//! The packets of a stream in flight: which is which at the other end, and whether they bear what the first ones bore.

use flowgauge_reports::conform::Arrived;

use super::stand::Broken;
use crate::conform::craft::{Mark, inner};

/// The packets of a stream, known by the marks in their payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    /// The mark of the first.
    first: Mark,
    packets: u32,
}

impl Flight {
    /// Of `packets` packets, the first of which is in `frame`.
    pub(super) fn of(frame: &[u8], packets: u32) -> Result<Flight, Broken> {
        let first = Mark::find(frame).ok_or_else(|| {
            Broken(
                "the packets of the stream have no room for their number: give them a payload of 13 bytes or more"
                    .into(),
            )
        })?;
        Ok(Flight { first, packets })
    }

    /// The number of a packet that arrived; none of a frame that is not of the stream, errors that quote it included.
    pub(super) fn number(&self, frame: &[u8]) -> Option<u32> {
        let mark = Mark::find(frame)?;
        let ours = (mark.flow, mark.from_server) == (self.first.flow, self.first.from_server);
        let errors = matches!(inner(frame).map(|packet| packet.protocol), Some(1 | 58));
        let number = mark.number.checked_sub(self.first.number)?;
        (ours && !errors && number < self.packets).then_some(number)
    }

    /// Number and time in microseconds of each packet that arrived, and which of them bear other addresses than those that
    /// arrived before `act_ns`.
    pub(super) fn told(&self, arrived: &[Arrived], act_ns: u64) -> (Vec<(u32, u32)>, Vec<u32>) {
        let numbered = || arrived.iter().filter_map(|frame| Some((self.number(&frame.frame)?, frame)));
        let usual = numbered().find(|(_, frame)| frame.at_ns < act_ns).map(|(_, frame)| ends(&frame.frame));
        let micros = |at_ns: u64| u32::try_from(at_ns / 1000).unwrap_or(u32::MAX);
        let times = numbered().map(|(number, frame)| (number, micros(frame.at_ns))).collect();
        let other = |frame: &Arrived| usual.as_ref().is_some_and(|usual| *usual != ends(&frame.frame));
        let changed = numbered().filter(|(_, frame)| other(frame)).map(|(number, _)| number).collect();
        (times, changed)
    }
}

/// MAC addresses, IP addresses and ports of a frame: what stays as it is while a flow lasts.
fn ends(frame: &[u8]) -> Vec<u8> {
    let mut ends = frame.get(..12).unwrap_or(frame).to_vec();
    let Some(packet) = inner(frame) else { return ends };
    let header = match packet.source {
        std::net::IpAddr::V4(_) => usize::from(packet.packet[0] & 15) * 4,
        std::net::IpAddr::V6(_) => 40,
    };
    ends.extend(format!("{} {}", packet.source, packet.destination).bytes());
    ends.extend(packet.packet.get(header..header + 4).unwrap_or_default());
    ends
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::conform::Side;

    use super::*;

    /// UDP over IPv4 behind what is between the MAC addresses and the IP header.
    fn frame(between: &[u8], ttl: u8, port: u8, number: u32) -> Vec<u8> {
        let mut frame = vec![1; 12];
        frame.extend(between);
        frame.extend([0x45, 0, 0, 41, 0, 0, 0, 0, ttl, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 7, 0, port, 0, 0, 0, 0]);
        frame.extend(Mark { flow: 3, number, from_server: false }.payload(13));
        frame
    }

    #[test]
    fn packets_are_known_by_their_marks() {
        let flight = Flight::of(&frame(&[8, 0], 64, 9, 5), 10).unwrap();
        let number = |number| flight.number(&frame(&[8, 0], 63, 9, number));
        assert_eq!([4, 5, 14, 15].map(number), [None, Some(0), Some(9), None]);
        let mut error = frame(&[8, 0], 63, 9, 5);
        error[23] = 1;
        assert_eq!(flight.number(&error), None, "an error that quotes a packet is none of the stream");
        assert!(Flight::of(&[0; 60], 1).unwrap_err().0.contains("13 bytes"));
    }

    #[test]
    fn packets_that_go_elsewhere_are_told() {
        let flight = Flight::of(&frame(&[8, 0], 64, 9, 0), 10).unwrap();
        let at = |ms: u64, frame: Vec<u8>| Arrived { side: Side::Server, at_ns: ms * 1_000_000, frame };
        let mut moved = frame(&[8, 0], 63, 9, 3);
        moved[0] = 2;
        let arrived = [
            at(0, frame(&[8, 0], 63, 9, 0)),
            at(1, frame(&[8, 0], 62, 9, 1)),
            at(2, frame(&[8, 0], 63, 8, 2)),
            at(3, moved),
        ];
        let (times, changed) = flight.told(&arrived, 500_000);
        assert_eq!(times, [(0, 0), (1, 1000), (2, 2000), (3, 3000)]);
        assert_eq!(changed, [2, 3], "another TTL is no other end");
        // Where nothing arrived before the act there is nothing to compare with.
        assert!(flight.told(&arrived, 0).1.is_empty());
    }
}
