//! From a sequence that differs to the fewest and plainest packets that still do.
//!
//! Delta debugging (Zeller, Hildebrandt 2002) in rounds, so that the candidates of many sequences are tried together: each
//! round costs two changes of the ruleset, however many are in it.

use flowgauge_scenarios::conform::PacketSpec;
use serde_json::Value;

use super::Sequence;

/// A sequence on its way to its smallest.
#[derive(Clone, Debug)]
pub(super) struct Shrink {
    /// Number of the sequence of the seed.
    pub(super) number: u64,
    /// The field that differs, and must go on differing.
    pub(super) field: String,
    /// The smallest so far.
    pub(super) best: Sequence,
    pub(super) stage: Stage,
}

/// What is tried next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The same once more.
    Again,
    /// Fewer packets.
    Fewer,
    /// Plainer packets.
    Plainer,
    /// Nothing: it is as small as it gets.
    Done,
    /// Nothing: it did not differ again.
    Unstable,
}

impl Shrink {
    pub(super) fn new(number: u64, field: &str, sequence: &Sequence) -> Shrink {
        Shrink { number, field: field.to_owned(), best: sequence.clone(), stage: Stage::Again }
    }

    /// What to try, in order of preference.
    pub(super) fn candidates(&self) -> Vec<Sequence> {
        let packets = &self.best.packets;
        let with = |packets: Vec<PacketSpec>| Sequence { protocol: self.best.protocol, packets };
        match self.stage {
            Stage::Again => vec![self.best.clone()],
            Stage::Fewer => {
                let alone = packets.iter().map(|packet| vec![packet.clone()]);
                let without = (0..packets.len()).map(|n| {
                    let mut rest = packets.clone();
                    rest.remove(n);
                    rest
                });
                // The last packets seldom matter where an earlier one has differed.
                let beginnings = (2..packets.len() - 1).map(|len| packets[..len].to_vec());
                let all = alone.chain(beginnings).chain(without.filter(|rest| rest.len() > 1));
                all.filter(|few| few.len() < packets.len()).map(with).collect()
            }
            Stage::Plainer => {
                let mut all = Vec::new();
                for (n, packet) in packets.iter().enumerate() {
                    for plainer in plainer(packet) {
                        let mut packets = packets.clone();
                        packets[n] = plainer;
                        all.push(with(packets));
                    }
                }
                all
            }
            Stage::Done | Stage::Unstable => Vec::new(),
        }
    }

    /// Takes in which of the candidates differ in the same field.
    pub(super) fn learn(&mut self, differs: &[bool]) {
        let found = differs.iter().position(|differs| *differs);
        let taken = found.and_then(|n| self.candidates().into_iter().nth(n));
        self.stage = match (self.stage, taken.is_some()) {
            (Stage::Again, false) => Stage::Unstable,
            (Stage::Again | Stage::Fewer, true) => Stage::Fewer,
            (Stage::Fewer, false) | (Stage::Plainer, true) => Stage::Plainer,
            (Stage::Plainer, false) | (Stage::Done, _) => Stage::Done,
            (Stage::Unstable, _) => Stage::Unstable,
        };
        if let Some(taken) = taken {
            self.best = taken;
        }
        if self.stage == Stage::Fewer && self.best.packets.len() == 1 {
            self.stage = Stage::Plainer;
        }
        if self.stage == Stage::Plainer && self.candidates().is_empty() {
            self.stage = Stage::Done;
        }
    }
}

/// The fields in which a packet is not plain, with their values.
pub(super) fn traits(packet: &PacketSpec) -> Vec<(String, Value)> {
    let plain = object(&PacketSpec::default());
    object(packet).into_iter().filter(|(name, value)| name != "flow" && plain.get(name) != Some(value)).collect()
}

/// The packet with one field less that is not plain, for each; first all of them at once.
fn plainer(packet: &PacketSpec) -> Vec<PacketSpec> {
    let plain = object(&PacketSpec::default());
    let names: Vec<String> = traits(packet).into_iter().map(|(name, _)| name).collect();
    let without = |names: &[String]| {
        let mut fields = object(packet);
        for name in names {
            fields.insert(name.clone(), plain.get(name).cloned().unwrap_or_default());
        }
        serde_json::from_value(Value::Object(fields)).ok()
    };
    let all = (names.len() > 1).then(|| without(&names)).flatten();
    all.into_iter().chain(names.iter().filter_map(|name| without(std::slice::from_ref(name)))).collect()
}

fn object(packet: &PacketSpec) -> serde_json::Map<String, Value> {
    match serde_json::to_value(packet) {
        Ok(Value::Object(fields)) => fields,
        // A packet is an object of plain values.
        _ => serde_json::Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::Protocol;
    use flowgauge_scenarios::conform::Sum;

    use super::*;

    /// Shrinks against a predicate; how many rounds it took.
    fn shrink(packets: Vec<PacketSpec>, differs: impl Fn(&[PacketSpec]) -> bool) -> (Shrink, u32) {
        let mut shrink = Shrink::new(7, "lost", &Sequence { protocol: Protocol::Udp, packets });
        for round in 0.. {
            let candidates = shrink.candidates();
            if candidates.is_empty() {
                return (shrink, round);
            }
            shrink.learn(&candidates.iter().map(|c| differs(&c.packets)).collect::<Vec<_>>());
        }
        unreachable!()
    }

    fn noisy() -> Vec<PacketSpec> {
        let packet = |n: u8| PacketSpec { dscp: n, payload: 10 + u16::from(n), count: 2, ..PacketSpec::default() };
        (1..9).map(packet).collect()
    }

    #[test]
    fn one_packet_is_left_of_many() {
        let mut packets = noisy();
        packets[5].sum = Sum::Wrong;
        packets[5].reverse = true;
        let (shrunk, rounds) = shrink(packets, |packets| packets.iter().any(|p| p.sum == Sum::Wrong && p.reverse));
        let wanted = PacketSpec { sum: Sum::Wrong, reverse: true, ..PacketSpec::default() };
        assert_eq!((shrunk.best.packets, shrunk.stage), (vec![wanted], Stage::Done));
        assert!(rounds < 10, "{rounds}");
    }

    #[test]
    fn packets_that_matter_together_stay_in_order() {
        let mut packets = noisy();
        packets[1].hop_limit = 1;
        packets[6].hop_limit = 2;
        let differs = |packets: &[PacketSpec]| {
            let at = |limit| packets.iter().position(|p| p.hop_limit == limit);
            matches!((at(1), at(2)), (Some(a), Some(b)) if a < b)
        };
        let (shrunk, _) = shrink(packets, differs);
        let limits: Vec<_> = shrunk.best.packets.iter().map(traits).collect();
        assert_eq!(limits, [1, 2].map(|n| vec![("hop_limit".to_owned(), Value::from(n))]));
    }

    #[test]
    fn what_does_not_come_again_is_unstable() {
        let (shrunk, rounds) = shrink(noisy(), |_| false);
        assert_eq!((shrunk.stage, rounds), (Stage::Unstable, 1));
    }
}
