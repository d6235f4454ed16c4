//! How long flows get to take off.

use std::time::Duration;

use flowgauge_scenarios::{Datapath, Lane};

/// Of software: the flowtable has a flow as soon as the packet that adds it is forwarded.
const SOFTWARE: Duration = Duration::from_millis(50);
/// Of hardware: rules are added by a work queue of the kernel.
const HARDWARE: Duration = Duration::from_millis(1500);
/// What is left where flows never take off.
const LEAST: Duration = Duration::from_millis(40);

/// Waits long for the first flows, and less each time that none came: a datapath that is broken, on purpose or not, is so
/// for hundreds of instances, and a minute spent on each would tell nothing more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    whole: Duration,
    now: Duration,
}

impl Patience {
    /// For the flows of a station on a datapath.
    pub(super) fn of(datapath: Datapath) -> Patience {
        let whole = match datapath.lane() {
            Lane::Classic => Duration::ZERO,
            Lane::Fast => SOFTWARE,
            Lane::Hardware => HARDWARE,
        };
        Patience { whole, now: whole }
    }

    /// How long to wait now.
    pub(super) fn left(&self) -> Duration {
        self.now
    }

    /// Learns whether the flows took off.
    pub(super) fn learn(&mut self, took_off: bool) {
        self.now = if took_off { self.whole } else { (self.now / 3).max(LEAST.min(self.whole)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_wears_off_and_comes_back() {
        let mut patience = Patience::of(Datapath::FlowtableHw);
        assert_eq!(patience.left(), HARDWARE);
        (0..9).for_each(|_| patience.learn(false));
        assert_eq!(patience.left(), LEAST);
        patience.learn(true);
        assert_eq!(patience.left(), HARDWARE);
        assert_eq!(Patience::of(Datapath::Conntrack).left(), Duration::ZERO);
    }
}
