//! The `nic-router` topology: like `router`, but the DUT's ports are those of a NIC and the testers are at its cables.
//!
//! ```text
//!  namespace client       namespace dut           namespace server
//!  wire0 ================ nic0      nic1 ================ wire1
//!        a cable of the NIC               a cable of the NIC
//! ```
//!
//! The ports exist before the testbed and after it: they are lent by the namespace the caller is in ([`Loan`]) and go
//! back as they came. After `kill -9` the kernel brings them back when the namespaces die (default_device_exit_net,
//! net/core/dev.c), down and without addresses; what else was changed stays changed until the next loan.
//!
//! Nothing here knows the reference NIC, except for the names that [`NicPorts`] has by default.

mod error;
mod lent;
mod loan;
mod ports;
mod rules;
pub(crate) mod threaded;

pub use error::LoanError;
pub(crate) use loan::Loan;
pub use ports::NicPorts;
