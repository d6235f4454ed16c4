//! Families of generic netlink (include/uapi/linux/genetlink.h): their numbers differ from boot to boot.

use crate::witnesses::netlink::{Conversation, NetlinkError, Question, attributes, push_string};

/// Length of `struct genlmsghdr`.
pub(super) const GENLMSGHDR: usize = 4;
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// The beginning of a message with `command`.
pub(super) fn header(command: u8) -> Vec<u8> {
    vec![command, 1, 0, 0]
}

/// The number of the family `name`, which is the type of its messages.
pub(super) fn family(socket: &mut Conversation, name: &str) -> Result<u16, NetlinkError> {
    let mut payload = header(CTRL_CMD_GETFAMILY);
    push_string(&mut payload, CTRL_ATTR_FAMILY_NAME, name);
    let doing = "asking for a family of generic netlink";
    let question = Question { doing, message_type: GENL_ID_CTRL, dump: false, payload: &payload };
    let found = socket.ask(
        question,
        || None,
        |found, _, message| {
            for attribute in attributes(message.get(GENLMSGHDR..).unwrap_or_default()) {
                let attribute = attribute?;
                if attribute.kind() == CTRL_ATTR_FAMILY_ID {
                    *found = attribute.value().try_into().ok().map(u16::from_ne_bytes);
                }
            }
            Ok(())
        },
    )?;
    found.ok_or_else(|| NetlinkError::Malformed { doing, what: format!("no number for the family {name}") })
}
