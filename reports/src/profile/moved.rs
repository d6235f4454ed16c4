//! Functions that ran on one side only. The compiler puts small functions into their callers, in one kernel and not in
//! another; then the function is gone, its caller is dearer by as much, and nothing costs more.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::difference::error;
use super::{Frame, Stage};
use crate::stats::Z_TWO_TAILS;

/// What a function that ran on one side only comes to together with its caller there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// Who called it, on the side where it ran.
    pub caller: Frame,
    /// New less base of both together, per packet.
    pub together: f64,
    /// Half the 95 % interval of that.
    pub margin: f64,
}

impl Moved {
    /// Whether both together cost on one side what they cost on the other, as far as the samples tell: the function is in
    /// its caller there, and is no cause.
    pub fn is_in_its_caller(&self) -> bool {
        self.together.abs() <= self.margin
    }

    /// Of a function that only one side has, where its caller runs on both.
    pub(super) fn of(tally: &Tally<'_>, all: &BTreeMap<(&str, Stage), Tally<'_>>, worth: [f64; 2]) -> Option<Moved> {
        let side = match tally.samples {
            [_, 0] => 0,
            [0, _] => 1,
            _ => return None,
        };
        let caller = tally.caller[side]?;
        let name = caller.source_name();
        if name == tally.frame.source_name() {
            return None;
        }
        let mut samples = tally.samples;
        let mut per_packet = tally.per_packet;
        for (_, other) in all.iter().filter(|((found, _), _)| *found == name) {
            for at in [0, 1] {
                samples[at] += other.samples[at];
                per_packet[at] += other.per_packet[at];
            }
        }
        (samples[1 - side] > 0).then(|| Moved {
            caller: Frame { function: name.to_owned(), module: caller.module.clone() },
            together: per_packet[1] - per_packet[0],
            margin: Z_TWO_TAILS * error(samples, worth),
        })
    }
}

/// A function for one stage, base first.
pub(super) struct Tally<'a> {
    pub(super) frame: &'a Frame,
    pub(super) samples: [u64; 2],
    pub(super) per_packet: [f64; 2],
    pub(super) caller: [Option<&'a Frame>; 2],
}

impl<'a> Tally<'a> {
    pub(super) fn of(frame: &'a Frame) -> Self {
        Tally { frame, samples: [0; 2], per_packet: [0.0; 2], caller: [None; 2] }
    }
}
