//! What flowgauge can be asked: policies, datapaths, traffic and methods, all of it plain data.
//!
//! Nothing here touches the system. A scenario (policy x traffic x method) expands into a plan, a policy
//! compiled for a datapath into native nft text; both can be printed, compared and tested with no privilege.

pub mod family;
pub mod frame;
pub mod load;
pub mod traffic;

pub use family::{Families, Family};
pub use frame::Frame;
pub use load::Load;
pub use traffic::{Direction, Opening, Protocol, Traffic};
