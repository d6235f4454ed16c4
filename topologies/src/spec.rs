//! What is asked of a `router` or `nic-router` testbed.

use flowgauge_scenarios::conform::Encapsulation;
use flowgauge_scenarios::{Family, Links, Topology};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::encapsulation;
use crate::nic_router::NicPorts;

/// The smallest MTU of a link that carries IPv4, in bytes (RFC 791).
pub const MTU_MIN_IPV4: u32 = 68;
/// The smallest MTU of a link that carries IPv6, in bytes (RFC 8200 section 5).
pub const MTU_MIN_IPV6: u32 = 1280;
/// The largest MTU that veth takes, in bytes.
pub const MTU_MAX: u32 = 65535;

/// A testbed of the router kind: client, DUT and server, each in a network namespace, joined by two links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouterSpec {
    /// What the links are made of.
    pub ports: Ports,
    /// MTU of every port in bytes.
    pub mtu: u32,
    /// MTU of the link between DUT and server in bytes, where it is another.
    pub server_mtu: Option<u32>,
    /// What the link between client and DUT carries. Then `mtu` is that of the device which has the DUT's addresses, and
    /// the ports below have room for the headers.
    pub encapsulation: Encapsulation,
    /// The family of the tunnel, where it carries one; the other goes plain.
    pub tunnel: Family,
    /// Whether the links carry IPv6 too. IPv4 is always there.
    pub ipv6: bool,
    /// Offloads of the link between client and DUT, both ends.
    pub client_link: LinkOffloads,
    /// Offloads of the link between DUT and server, both ends.
    pub server_link: LinkOffloads,
    /// Names the namespaces `PREFIX-client`, `PREFIX-dut` and `PREFIX-server`, so that `ip netns` sees them. Anonymous
    /// when absent. Named ones need root.
    pub keep: Option<String>,
}

/// What the links of a testbed are made of: `"veth"`, or `{"nic": {...}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ports {
    /// veth links, made for the testbed: topology `router`.
    #[default]
    Veth,
    /// Ports of a NIC, lent by the namespace where the testbed is built: topology `nic-router`. The DUT's take flow
    /// rules (hw-tc-offload is on), the testers' receive in threads. All of them must be down.
    Nic(NicPorts),
    /// Dummy ports, made for the testbed: topology `bare`. What the DUT sends is gone, and what it receives is handed to
    /// the receive path of a port by pktgen. The testers' namespaces are empty; their ports exist by address only.
    Dummy,
}

impl From<Topology> for Ports {
    /// The ports of a topology; for `nic-router` those of the reference NIC.
    fn from(topology: Topology) -> Ports {
        match topology {
            Topology::Router => Ports::Veth,
            Topology::NicRouter => Ports::Nic(NicPorts::default()),
            Topology::Bare => Ports::Dummy,
        }
    }
}

/// Offloads of a link. The same is set at both ends, read back and verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkOffloads {
    /// Segmentation offload in every form (GSO, TSO, UDP GSO): one skb may stand for many wire packets.
    pub gso: bool,
    /// Generic receive offload; on veth it also moves reception into NAPI.
    pub gro: bool,
    /// Checksum offload, transmit and receive: on veth nobody computes the checksum then.
    pub checksum: bool,
}

/// Why a [`RouterSpec`] cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecError {
    /// The MTU is outside what a veth port takes.
    #[error("mtu {mtu} is out of range for a link with {families}: choose {least} to {MTU_MAX} bytes{hint}")]
    Mtu {
        /// The MTU asked for, in bytes.
        mtu: u32,
        /// The families that the link carries.
        families: &'static str,
        /// The smallest MTU allowed for them, in bytes.
        least: u32,
        /// How to get a smaller one.
        hint: &'static str,
    },
    /// GSO without checksum offload.
    #[error("gso on the {link} link needs checksum offload: the kernel drops TSO where it has no transmit checksum")]
    GsoWithoutChecksum {
        /// `client` or `server`.
        link: &'static str,
    },
    /// The ports of the NIC are not four different ones.
    #[error("`{0}` cannot be a port of the NIC: four different names of at most 15 bytes are needed")]
    NicPort(String),
    /// The prefix of the namespace names cannot be a file name.
    #[error("`{0}` cannot prefix a namespace name: use 1 to 200 letters, digits, `-`, `_` or `.`, not first `.`")]
    KeepPrefix(String),
}

impl Default for RouterSpec {
    fn default() -> Self {
        RouterSpec {
            ports: Ports::Veth,
            mtu: 1500,
            server_mtu: None,
            encapsulation: Encapsulation::None,
            tunnel: Family::Ipv4,
            ipv6: true,
            client_link: LinkOffloads::default(),
            server_link: LinkOffloads::default(),
            keep: None,
        }
    }
}

impl From<&Links> for RouterSpec {
    fn from(links: &Links) -> Self {
        let offloads = LinkOffloads { gso: links.gso, gro: links.gro, checksum: links.checksum };
        RouterSpec { mtu: links.mtu, client_link: offloads, server_link: offloads, ..RouterSpec::default() }
    }
}

impl RouterSpec {
    /// Checks what can be known without touching the system.
    pub fn check(&self) -> Result<(), SpecError> {
        let (least, families, hint) = match self.ipv6 {
            true => (MTU_MIN_IPV6, "IPv6", " (or leave IPv6 out, then from 68)"),
            false => (MTU_MIN_IPV4, "IPv4", ""),
        };
        for mtu in [self.mtu, self.port_mtus().0, self.port_mtus().1] {
            if !(least..=MTU_MAX).contains(&mtu) {
                let hint = if mtu < least && mtu >= MTU_MIN_IPV4 { hint } else { "" };
                return Err(SpecError::Mtu { mtu, families, least, hint });
            }
        }
        for (link, offloads) in [("client", self.client_link), ("server", self.server_link)] {
            if offloads.gso && !offloads.checksum {
                return Err(SpecError::GsoWithoutChecksum { link });
            }
        }
        if let Ports::Nic(ports) = &self.ports
            && let Some(flaw) = ports.flaw()
        {
            return Err(SpecError::NicPort(flaw.to_owned()));
        }
        match &self.keep {
            Some(prefix) if !is_name_prefix(prefix) => Err(SpecError::KeepPrefix(prefix.clone())),
            _ => Ok(()),
        }
    }

    /// MTU of the ports between client and DUT, and of those between DUT and server, in bytes.
    pub(crate) fn port_mtus(&self) -> (u32, u32) {
        let headers = encapsulation::overhead(self.encapsulation);
        (self.mtu.saturating_add(headers), self.server_mtu.unwrap_or(self.mtu))
    }

    /// The name of the namespace of `role`, if it is to have one.
    pub(crate) fn name_of(&self, role: &str) -> Option<String> {
        self.keep.as_ref().map(|prefix| format!("{prefix}-{role}"))
    }
}

/// What the namespaces of a testbed with names are called, after the prefix.
const ROLES: [&str; 3] = ["client", "dut", "server"];

/// Whether a testbed could have given a namespace this name.
pub(crate) fn is_kept_name(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(prefix, role)| ROLES.contains(&role) && is_name_prefix(prefix))
}

fn is_name_prefix(prefix: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=200).contains(&prefix.len()) && !prefix.starts_with('.') && prefix.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mtu_bounds_depend_on_the_families() {
        let spec = |mtu, ipv6| RouterSpec { mtu, ipv6, ..RouterSpec::default() };
        for (mtu, ipv6, good) in [
            (1280, true, true),
            (1279, true, false),
            (68, false, true),
            (67, false, false),
            (65535, true, true),
            (65536, false, false),
        ] {
            assert_eq!(spec(mtu, ipv6).check().is_ok(), good, "mtu {mtu}, ipv6 {ipv6}");
        }
        let error = spec(576, true).check().unwrap_err().to_string();
        assert!(error.contains("576") && error.contains("1280") && error.contains("leave IPv6 out"), "{error}");
    }

    #[test]
    fn names_stay_inside_their_directory() {
        let spec = |prefix: &str| RouterSpec { keep: Some(prefix.to_owned()), ..RouterSpec::default() };
        assert!(spec("fg-1.a_b").check().is_ok());
        for bad in ["", ".", "..", "../x", "a/b", "a b", "ä", &"x".repeat(201)] {
            assert!(matches!(spec(bad).check(), Err(SpecError::KeepPrefix(_))), "{bad:?}");
        }
    }

    #[test]
    fn names_of_testbeds_are_known_again() {
        for good in ["fg-client", "a.b-c-dut", "x-server"] {
            assert!(is_kept_name(good), "{good}");
        }
        for bad in ["", "client", "-dut", "fg-router", "fg-dut ", "../x-dut", "a/b-dut", ".-dut", "fg-dut/..", "fg_dut"]
        {
            assert!(!is_kept_name(bad), "{bad}");
        }
    }

    #[test]
    fn gso_needs_checksums_and_json_refuses_unknown_keys() {
        let mut spec = RouterSpec::default();
        spec.server_link.gso = true;
        assert_eq!(spec.check(), Err(SpecError::GsoWithoutChecksum { link: "server" }));
        spec.server_link.checksum = true;
        assert_eq!(spec.check(), Ok(()));
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<RouterSpec>(&json).unwrap(), spec);
        assert!(serde_json::from_str::<RouterSpec>(r#"{"mtus": 1500}"#).is_err());
        let on_nic: RouterSpec = serde_json::from_str(r#"{"ports": {"nic": {"lan": "nic1"}}}"#).unwrap();
        assert_eq!(on_nic.check(), Err(SpecError::NicPort("nic1".to_owned())), "the default WAN port has that name");
        let default_nic: RouterSpec = serde_json::from_str(r#"{"ports": {"nic": {}}}"#).unwrap();
        assert_eq!(default_nic.ports, Ports::from(Topology::NicRouter));
        assert_eq!(serde_json::from_str::<RouterSpec>("{}").unwrap(), RouterSpec::default());
    }
}
