//! What flowgauge can be asked: policies, datapaths, traffic and methods, all of it plain data.
//!
//! Nothing here touches the system. A scenario (policy x traffic x method) expands into a plan, a policy
//! compiled for a datapath into native nft text; both can be printed, compared and tested with no privilege.

pub mod builtin;
pub mod conform;
pub mod control;
pub mod datapath;
pub mod dnat;
pub mod family;
pub mod fault;
pub mod frame;
pub mod links;
pub mod load;
pub mod method;
pub mod nearest;
pub mod plan;
pub mod policy;
pub mod ruleset;
pub mod scenario;
mod scenario_error;
pub mod shard;
pub mod span;
pub mod support;
pub mod topology;
pub mod traffic;

pub use control::Control;
pub use datapath::{Datapath, Lane};
pub use family::{Families, Family};
pub use fault::Fault;
pub use frame::Frame;
pub use links::Links;
pub use load::Load;
pub use method::{Engine, Method, MethodKind};
pub use plan::{Cell, Hole, Plan, Step};
pub use policy::Policy;
pub use scenario::Scenario;
pub use scenario_error::ScenarioError;
pub use shard::{Shard, ShardError};
pub use span::Span;
pub use support::{Gap, gap, shortfall};
pub use topology::Topology;
pub use traffic::{Direction, Opening, Protocol, Traffic};
