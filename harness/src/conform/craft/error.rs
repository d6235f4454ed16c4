//! What a packet's specification can ask for that no frame can be.

use flowgauge_scenarios::Family;

/// Why a packet cannot be made. The texts name the field of the specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CraftError {
    /// A field of the other address family.
    #[error("`{field}` is not of {family}: leave it out, or let the case apply to the other family only")]
    Family {
        /// The field.
        field: &'static str,
        /// The instance's family.
        family: &'static str,
    },
    /// A number that its field of the header has no room for.
    #[error("`{field}` = {value} does not fit its header field: at most {most}")]
    Range {
        /// The field.
        field: &'static str,
        /// What it is.
        value: u32,
        /// What fits.
        most: u32,
    },
    /// TCP flags that do not exist.
    #[error("`flags` = \"{0}\" has a letter that is no TCP flag: use letters of FSRPAUEC")]
    Flags(String),
    /// Fragments that do not begin at a multiple of 8 bytes.
    #[error("`{field}` = {value} is not a multiple of 8: fragments begin at multiples of 8 bytes")]
    Fragment {
        /// The field.
        field: &'static str,
        /// What it is.
        value: u16,
    },
    /// A part that the packet does not have.
    #[error("`part` = [{from}, {to}] of an IP payload of {len} bytes: give two offsets in it, the smaller one first")]
    Part {
        /// Where it begins.
        from: u16,
        /// Where it ends.
        to: u16,
        /// How long the payload is.
        len: usize,
    },
    /// Patched bytes that are no bytes, or lie behind the frame's end.
    #[error("`patch` at offset {offset} with \"{digits}\" {why}")]
    Patch {
        /// Offset from the IP header.
        offset: u16,
        /// The bytes.
        digits: String,
        /// What is wrong.
        why: String,
    },
    /// A packet longer than IP can say.
    #[error("the packet would have {0} bytes, and an IP packet has at most 65535: make `payload` smaller")]
    TooLong(usize),
    /// A frame without its Ethernet header.
    #[error("`cut` = {cut} leaves {left} bytes of the frame: 14 must stay")]
    Cut {
        /// How many bytes are cut.
        cut: u16,
        /// How many would be left.
        left: usize,
    },
}

/// The word for a family in an error.
pub(super) const fn word(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}
