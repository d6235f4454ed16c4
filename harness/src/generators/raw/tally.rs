//! Per-flow accounting of sequences: what arrived, twice, or late.

/// How many sequences below the highest a flow remembers. A copy from further below counts as reordered, because
/// whether it is the first can no longer be told.
const WINDOW: u32 = 64;

/// What became of one arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Higher than every sequence before.
    InOrder,
    /// Lower than the highest seen, first copy (RFC 4737 section 3.3).
    Reordered,
    /// A copy of what had arrived.
    Duplicate,
}

/// One flow's sequences: 16 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct FlowTally {
    /// The highest sequence seen, plus 1.
    next: u32,
    /// First copies.
    received: u32,
    /// Bit n: sequence `next - 1 - n` has arrived.
    window: u64,
}

/// The sequences of all flows of one direction, and their sums.
#[derive(Debug)]
pub struct Tally {
    flows: Vec<FlowTally>,
    /// First copies.
    pub received: u64,
    /// First copies below the highest sequence of their flow.
    pub reordered: u64,
    /// Further copies.
    pub duplicated: u64,
}

impl Tally {
    /// An empty tally of so many flows.
    pub fn new(flows: u32) -> Self {
        Tally { flows: vec![FlowTally::default(); flows as usize], received: 0, reordered: 0, duplicated: 0 }
    }

    /// Accounts for one intact frame. `flow` must be below the number of flows.
    #[inline]
    pub fn record(&mut self, flow: u32, sequence: u32) -> Arrival {
        let tally = &mut self.flows[flow as usize];
        if sequence >= tally.next {
            let ahead = sequence - tally.next + 1;
            tally.window = if ahead < WINDOW { tally.window << ahead | 1 } else { 1 };
            tally.next = sequence.saturating_add(1);
            tally.received += 1;
            self.received += 1;
            return Arrival::InOrder;
        }
        let behind = tally.next - 1 - sequence;
        let bit = if behind < WINDOW { 1u64 << behind } else { 0 };
        if tally.window & bit != 0 {
            self.duplicated += 1;
            return Arrival::Duplicate;
        }
        tally.window |= bit;
        tally.received += 1;
        self.received += 1;
        self.reordered += 1;
        Arrival::Reordered
    }

    /// Flows with at least one loss, and flows of which nothing arrived, when `sent` frames went round robin over
    /// all flows from flow 0. Flows on which nothing was sent are neither.
    pub fn flows_short(&self, sent: u64) -> (u64, u64) {
        let count = self.flows.len() as u64;
        let (rounds, rest) = (sent / count.max(1), sent % count.max(1));
        let (mut with_loss, mut silent) = (0, 0);
        for (flow, tally) in self.flows.iter().enumerate() {
            let sent = rounds + u64::from((flow as u64) < rest);
            with_loss += u64::from(u64::from(tally.received) < sent);
            silent += u64::from(tally.received == 0 && sent > 0);
        }
        (with_loss, silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sequences: &[u32]) -> (u64, u64, u64) {
        let mut tally = Tally::new(1);
        for &s in sequences {
            tally.record(0, s);
        }
        (tally.received, tally.reordered, tally.duplicated)
    }

    #[test]
    fn order_loss_and_copies_are_told_apart() {
        assert_eq!(after(&[0, 1, 2, 3]), (4, 0, 0));
        assert_eq!(after(&[0, 2, 3]), (3, 0, 0), "a gap is loss, not reordering");
        assert_eq!(after(&[0, 2, 1, 3]), (4, 1, 0));
        assert_eq!(after(&[1, 0]), (2, 1, 0));
        assert_eq!(after(&[0, 1, 1, 0, 2]), (3, 0, 2));
        assert_eq!(after(&[3, 1, 1, 2, 0]), (4, 3, 1));
        assert_eq!(after(&[0, 70, 71, 7, 70, 7]), (5, 2, 1), "beyond the window first copies cannot be told");
    }

    #[test]
    fn every_permutation_within_the_window_is_complete() {
        let mut sequences: Vec<u32> = (0..60).collect();
        for step in [7, 11, 13, 59] {
            sequences.sort_by_key(|s| s * step % 61);
            let (received, _, duplicated) = after(&sequences);
            assert_eq!((received, duplicated), (60, 0));
        }
    }

    #[test]
    fn short_flows_are_found() {
        let mut tally = Tally::new(4);
        // 10 frames round robin: flows 0 and 1 get three, 2 and 3 get two.
        for (flow, sequence) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            tally.record(flow, sequence);
        }
        assert_eq!(tally.flows_short(10), (2, 1));
        assert_eq!(Tally::new(4).flows_short(2), (2, 2));
    }
}
