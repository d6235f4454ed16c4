//! Negative controls: ways to break a setup on purpose, so that a verdict can be seen to turn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::method::Engine;
use crate::traffic::{Direction, Protocol, Traffic};

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Nothing.
    #[default]
    None,
    /// The port where the measured packets enter is left out of the flowtable's devices. The flows are marked
    /// as offloaded, and no packet takes the fast path.
    MissingPort,
    /// The flowtable exists, no rule adds flows to it.
    NoFlowAdd,
    /// The flows are not opened: TCP without a handshake never becomes established.
    NoOpening,
}

impl Control {
    /// Every control, in the order of help texts.
    pub const ALL: [Control; 4] = [Control::None, Control::MissingPort, Control::NoFlowAdd, Control::NoOpening];

    /// The name in scenario files, on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Control::None => "none",
            Control::MissingPort => "missing-port",
            Control::NoFlowAdd => "no-flow-add",
            Control::NoOpening => "no-opening",
        }
    }

    /// Whether it breaks anything with this traffic; otherwise what would, as a sentence.
    pub(crate) fn check(self, engine: Engine, traffic: &Traffic) -> Result<(), String> {
        let one_way_tcp = traffic.protocol == Protocol::Tcp && traffic.direction != Direction::Both;
        if self == Control::NoOpening && (engine != Engine::Raw || !one_way_tcp) {
            // UDP needs no opening, and TCP that is seen from both sides counts as established.
            return Err("control = \"no-opening\" breaks only one-way TCP by the raw engine: set protocol = \"tcp\", \
                        engine = \"raw\" and a single direction"
                .to_owned());
        }
        Ok(())
    }

    /// One sentence for lists and help texts.
    pub const fn about(self) -> &'static str {
        match self {
            Control::None => "nothing is broken",
            Control::MissingPort => "the flowtable lacks the port where the packets enter",
            Control::NoFlowAdd => "no rule adds flows to the flowtable",
            Control::NoOpening => "flows are not opened; TCP never becomes established",
        }
    }
}
