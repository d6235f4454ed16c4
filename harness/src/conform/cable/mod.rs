//! Both testers' ports: frames in, and everything that comes out.
//!
//! A step of a case ends when all that it sent has come out of the DUT, and that is not a matter of waiting: behind the
//! step's frames goes a `sentinel` each way, which the DUT forwards on its slowest path. When it is out, so is what
//! was ahead of it. A `listener` takes everything that its port receives, tags included; a `port` sends.

mod error;
mod line;
mod listener;
mod place;
mod port;
mod sentinel;
mod uncut;

pub use error::CableError;
pub use line::Cable;
pub use sentinel::{LAN_CLIENT, LAN_SERVER, Sentinels, WAN_CLIENT, WAN_SERVER};
