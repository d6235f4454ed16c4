//! Why a station is not to be had.

use flowgauge_topologies::{BuildError, DutError, NetlinkError, NetnsError};
use thiserror::Error;

use crate::nft::{BatchError, NftError};
use crate::reference_nic::ReferenceNicError;
use crate::witnesses::WitnessError;

/// Why a station is not as a case wants it.
#[derive(Debug, Error)]
pub enum Refused {
    /// This kernel, or this NIC, cannot do it. Another may.
    #[error("{0}")]
    Unsupported(String),
    /// It went wrong, and that says nothing about what the kernel can do.
    #[error("{0}")]
    Broken(String),
}

impl Refused {
    /// Whether the kernel cannot do it: then a case is `unsupported`, otherwise it is an `error`.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Refused::Unsupported(_))
    }

    pub(super) fn broken(error: impl std::fmt::Display) -> Refused {
        Refused::Broken(error.to_string())
    }
}

impl From<BuildError> for Refused {
    fn from(error: BuildError) -> Refused {
        if error.is_lack() { Refused::Unsupported(error.to_string()) } else { Refused::broken(error) }
    }
}

impl From<NftError> for Refused {
    fn from(error: NftError) -> Refused {
        match &error {
            // A text that nft cannot read is ours, not the kernel's.
            NftError::Refused(refusal) if !refusal.is_syntax() => Refused::Unsupported(error.to_string()),
            _ => Refused::broken(error),
        }
    }
}

impl From<BatchError> for Refused {
    fn from(error: BatchError) -> Refused {
        match error {
            BatchError::Refused(_) => Refused::Unsupported(error.to_string()),
            BatchError::Netlink(_) => Refused::broken(error),
        }
    }
}

macro_rules! broken {
    ($($error:ty),*) => { $(impl From<$error> for Refused {
        fn from(error: $error) -> Refused {
            Refused::broken(error)
        }
    })* };
}

broken!(NetlinkError, NetnsError, DutError, WitnessError, ReferenceNicError);
broken!(crate::witnesses::netlink::NetlinkError, flowgauge_topologies::features::FeatureError, std::io::Error);
