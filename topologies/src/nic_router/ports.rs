//! The names of a NIC's ports.

use serde::{Deserialize, Serialize};

/// The ports of a `nic-router` testbed, by their names in the namespace where it is built. They keep their names.
///
/// By default those of the reference NIC: `nic0`, `wire0`, `nic1`, `wire1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NicPorts {
    /// The DUT's port towards the client.
    pub lan: String,
    /// The client's port, at the other end of the cable.
    pub lan_wire: String,
    /// The DUT's port towards the server.
    pub wan: String,
    /// The server's port, at the other end of the cable.
    pub wan_wire: String,
}

impl Default for NicPorts {
    fn default() -> Self {
        let [lan, lan_wire, wan, wan_wire] = ["nic0", "wire0", "nic1", "wire1"].map(str::to_owned);
        NicPorts { lan, lan_wire, wan, wan_wire }
    }
}

impl NicPorts {
    /// The four names.
    pub(crate) fn names(&self) -> [&str; 4] {
        [&self.lan, &self.lan_wire, &self.wan, &self.wan_wire]
    }

    /// A name that no port can have (dev_valid_name, net/core/dev.c), or that two of them have.
    pub(crate) fn flaw(&self) -> Option<&str> {
        let names = self.names();
        let valid = |name: &str| {
            (1..libc::IFNAMSIZ).contains(&name.len())
                && !matches!(name, "." | "..")
                && !name.contains(|c: char| matches!(c, '/' | ':' | '\0') || c.is_whitespace())
        };
        let flawed = |&i: &usize| !valid(names[i]) || names[..i].contains(&names[i]);
        (0..names.len()).find(flawed).map(|i| names[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_ports_with_names_that_a_port_can_have() {
        assert_eq!(NicPorts::default().flaw(), None);
        for bad in ["", ".", "..", "a/b", "a b", "a:1", "sixteen-bytes-xx", "nic0"] {
            assert_eq!(NicPorts { wan: bad.to_owned(), ..NicPorts::default() }.flaw(), Some(bad), "{bad:?}");
        }
    }
}
