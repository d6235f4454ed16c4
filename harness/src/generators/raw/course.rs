//! One direction of a trial: what leaves one tester, and what must arrive at the other.

use flowgauge_scenarios::traffic::STAMP_LEN;
use flowgauge_scenarios::{Direction, Family, Opening, Traffic};

use super::endpoint::{Endpoint, Side, Translations, index_in_family};
use super::path::Path;
use super::stream::{Sizes, initial_sequence};
use super::template::Segment;

/// Who sends what to whom. Sender and receiver both read it, so that neither knows better.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// Who sends.
    pub side: Side,
    /// What is sent.
    pub traffic: &'a Traffic,
    /// What may become of it.
    pub path: Path,
    /// Where the opening saw the flows come from; none when there was none.
    pub learned: Option<&'a Translations>,
    /// The engine's number.
    pub run: u16,
}

impl Course<'_> {
    /// The direction in reports and stamps.
    #[inline]
    pub fn direction(&self) -> Direction {
        self.side.direction()
    }

    /// The family of a flow and its number there.
    #[inline]
    pub fn place(&self, flow: u32) -> (Family, u32) {
        (self.traffic.families.of_flow(flow), index_in_family(self.traffic.families, flow))
    }

    /// Source and destination of a flow's frames as they are sent.
    #[inline]
    pub fn sent(&self, family: Family, index: u32) -> (Endpoint, Endpoint) {
        self.path.sent(self.side, family, index, self.learned)
    }

    /// Source and destination of a flow's frames as they must arrive. The port 0 stands for any.
    #[inline]
    pub fn arrives(&self, family: Family, index: u32) -> (Endpoint, Endpoint) {
        self.path.arrives(self.side, family, index)
    }

    /// The TCP numbers of packet `seq` of `flow`.
    #[inline]
    pub fn segment(&self, sizes: &Sizes, flow: u32, seq: u32) -> Segment {
        // The SYN took one number, and the data packet of a full opening one stamp.
        let begun = if self.traffic.opening == Opening::Full { 1 + STAMP_LEN as u32 } else { 1 };
        Segment {
            sequence: initial_sequence(self.side, flow).wrapping_add(begun + sizes.offset(flow, seq)),
            acknowledgement: initial_sequence(self.side.peer(), flow).wrapping_add(begun),
        }
    }
}
