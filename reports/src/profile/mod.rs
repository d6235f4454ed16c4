//! Where instructions go: samples of kernel stacks, what each function and each stage of the way of a packet costs,
//! what differs between two datapaths or two kernels, and pictures of both.
//!
//! ```
//! use flowgauge_reports::profile::{Difference, Frame, Profile, Side};
//!
//! let stack = |leaf: &str| vec![Frame::kernel(leaf), Frame::kernel("ip_forward"), Frame::kernel("ip_rcv")];
//! let base = Profile::gather(10_000, 0, [(stack("fib_table_lookup"), 60), (stack("memcpy"), 40)]);
//! let new = Profile::gather(10_000, 0, [(stack("fib_table_lookup"), 30), (stack("memcpy"), 20)]);
//! let (base, new) = (Side::new("forward", &base, 4900.0), Side::new("flowtable", &new, 3200.0));
//! let difference = Difference::between(&base, &new);
//! assert_eq!(difference.functions[0].frame.function, "fib_table_lookup");
//! ```

mod bars;
mod cost;
mod difference;
mod flame;
mod model;
mod moved;
mod stage;
mod svg;
mod table;
#[cfg(test)]
mod tests;

pub use bars::{difference_svg, differences_svg};
pub use cost::{Costs, FunctionCost, StageCost};
pub use difference::{Apart, Change, Difference, RISK, Side, StageChange};
pub use flame::flame_svg;
pub use model::{Frame, Profile, Stack, source_name};
pub use moved::Moved;
pub use stage::Stage;
pub use table::{cost_table, difference_table};
