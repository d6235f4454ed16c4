//! What the end-to-end tests share: the program under test, a folder of one's own, and the state of the machine.

pub mod kept;
pub mod machine;
pub mod program;
pub mod scratch;

pub use kept::expect_kept;
pub use machine::Machine;
pub use program::{Outcome, flowgauge, run};
pub use scratch::Scratch;
