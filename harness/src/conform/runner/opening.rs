//! Opening flows, and waiting until the fast path has them.

use std::time::{Duration, Instant};

use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::Lane;
use flowgauge_scenarios::conform::{Flow, Side};

use super::instance::Scene;
use super::stand::{Broken, Traffic};
use crate::conform::craft::Mark;

/// Of a big crowd of flows so many are asked and probed, evenly spread.
const ASKED: usize = 16;
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(1);
/// What flows that should stay where they are get to leave.
const TEMPTATION: Duration = Duration::from_millis(60);

/// A frame and who sends it.
type Frame = (Side, Vec<u8>);

impl Scene<'_> {
    /// Opens flows 0 to `flows` less one. What is kept is the opening itself, the same on every datapath; what is sent while
    /// waiting is not.
    pub(super) fn open(&mut self, flows: u16, offloaded: bool) -> Result<Traffic, Broken> {
        let openings: Vec<Vec<Frame>> = (0..flows).map(|flow| self.crafter.open(flow)).collect();
        // Side by side: the first frames of all flows, then the second.
        let rounds = 0..openings.iter().map(Vec::len).max().unwrap_or(0);
        let frames: Vec<Frame> =
            rounds.flat_map(|round| openings.iter().filter_map(move |opening| opening.get(round))).cloned().collect();
        self.testers.begin(false)?;
        self.testers.exchange(&frames)?;
        let kept = self.testers.settle()?;
        let last: Vec<Vec<Frame>> = openings.iter().map(|opening| last_of_each_end(opening)).collect();
        if !offloaded {
            // A chance to be taken, the same on every datapath.
            self.send_all(last.iter().flatten())?;
            self.testers.settle()?;
            if self.datapath.lane() == Lane::Hardware {
                std::thread::sleep(TEMPTATION);
            }
        } else if self.datapath.offloads() {
            let took_off = self.wait_for(&last)?;
            self.patience.learn(took_off);
        }
        Ok(kept)
    }

    fn send_all<'f>(&mut self, frames: impl Iterator<Item = &'f Frame>) -> Result<(), Broken> {
        for (side, frame) in frames {
            self.testers.send(*side, frame)?;
        }
        Ok(())
    }

    /// Repeats the last frame of each side until the fast path takes it, or patience ends. Whether it did.
    fn wait_for(&mut self, last: &[Vec<Frame>]) -> Result<bool, Broken> {
        let deadline = Instant::now() + self.patience.left();
        let asked: Vec<usize> = (0..last.len()).step_by(last.len().div_ceil(ASKED).max(1)).collect();
        let flows: Vec<Flow> = asked.iter().map(|&flow| self.crafter.flow(flow as u16)).collect();
        loop {
            let claimed = flows.iter().all(|flow| match self.dut.offloaded(flow, self.instance.protocol) {
                Reading::Seen((software, hardware)) => match self.datapath.lane() {
                    Lane::Hardware => hardware,
                    Lane::Fast | Lane::Classic => software,
                },
                Reading::Missing { .. } | Reading::Absent => false,
            });
            // In software the claim is made by the packet that adds the flow; in hardware by the work queue, once for both
            // directions, whatever the NIC made of the second.
            if claimed && self.datapath.lane() != Lane::Hardware {
                return Ok(true);
            }
            let before = self.lanes();
            self.send_all(asked.iter().flat_map(|&flow| &last[flow]))?;
            self.testers.settle()?;
            let taken = before.to(&self.lanes());
            if claimed && taken.cpu == Reading::Seen(0) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// The last frame of each end, in their order. With a hairpin both ends are one side.
fn last_of_each_end(opening: &[Frame]) -> Vec<Frame> {
    let from_server = |frame: &Frame| Mark::find(&frame.1).map(|mark| mark.from_server);
    let last = |end: bool| opening.iter().rposition(|frame| from_server(frame) == Some(end));
    let mut places: Vec<usize> = [false, true].into_iter().filter_map(last).collect();
    places.sort_unstable();
    places.into_iter().map(|place| opening[place].clone()).collect()
}
