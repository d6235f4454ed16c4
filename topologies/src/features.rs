//! Features of a port: what `ethtool -k` shows and `ethtool -K` sets, by name.
//!
//! Uses the ioctls ETHTOOL_GFEATURES and ETHTOOL_SFEATURES (include/uapi/linux/ethtool.h): every kernel of interest has
//! them and, unlike the old ioctls per feature, they reach each feature alone. They act on the network namespace of
//! the calling thread: call inside [`crate::Netns::run`].

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ethtool_socket::{ETH_GSTRING_LEN, EthtoolSocket};
use crate::spec::LinkOffloads;

const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETHTOOL_GFEATURES: u32 = 0x3a;
const ETHTOOL_SFEATURES: u32 = 0x3b;
const ETH_SS_FEATURES: u32 = 4;
/// Far above the 64 features of today; what a broken driver claims must not become an allocation.
const FEATURES_MAX: usize = 4096;

/// One feature of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Whether a user may switch it.
    pub changeable: bool,
    /// Whether it was asked for.
    pub requested: bool,
    /// Whether it is in force.
    pub active: bool,
}

/// The features of a port by the name ethtool gives them.
pub type Features = BTreeMap<String, Feature>;

/// Why features could not be read or set.
#[derive(Debug, Error)]
pub enum FeatureError {
    /// The kernel refused the request.
    #[error("{doing} of {port}: {source}")]
    Ioctl {
        /// What was tried.
        doing: &'static str,
        /// On which port.
        port: String,
        /// What came back.
        source: io::Error,
    },
    /// The request was taken, and the port is not as asked.
    #[error("{port} did not take the features asked for: {}; compare `ethtool -k {port}`", .differing.join(", "))]
    NotInForce {
        /// On which port.
        port: String,
        /// The features that differ, as `NAME is on` or `NAME is off`.
        differing: Vec<String>,
    },
    /// The name of the port is too long for the kernel.
    #[error("`{0}` is no interface name: it must have 1 to 15 bytes and no NUL")]
    Name(String),
}

/// Reads every feature of `port`.
pub fn read(port: &str) -> Result<Features, FeatureError> {
    let socket = EthtoolSocket::open(port)?;
    let names = socket.feature_names()?;
    let bits = socket.feature_bits(names.len())?;
    Ok(names.into_iter().zip(bits).filter(|(name, _)| !name.is_empty()).collect())
}

/// Switches features of `port` by name, reads them back and verifies. Names this kernel does not know are taken as off.
pub fn set(port: &str, wanted: &BTreeMap<String, bool>) -> Result<(), FeatureError> {
    let after = request(port, wanted)?;
    let is_on = |name: &String| after.get(name).is_some_and(|feature| feature.active);
    let differing: Vec<_> = wanted
        .iter()
        .filter(|(name, on)| is_on(name) != **on)
        .map(|(name, on)| format!("{name} is {}", if *on { "off" } else { "on" }))
        .collect();
    match differing.is_empty() {
        true => Ok(()),
        false => Err(FeatureError::NotInForce { port: port.to_owned(), differing }),
    }
}

/// Asks for the features of `port` that were asked for `before`, and verifies that the same are in force again.
pub fn restore(port: &str, before: &Features) -> Result<(), FeatureError> {
    let asked = |features: &Features, name: &String| features.get(name).is_some_and(|feature| feature.requested);
    let now = read(port)?;
    let changed = before.iter().filter(|(name, feature)| asked(&now, name) != feature.requested);
    let after = request(port, &changed.map(|(name, feature)| (name.clone(), feature.requested)).collect())?;
    let differing: Vec<_> = before
        .iter()
        .filter(|(name, was)| after.get(*name).is_some_and(|is| is.active != was.active))
        .map(|(name, was)| format!("{name} is {}", if was.active { "off" } else { "on" }))
        .collect();
    match differing.is_empty() {
        true => Ok(()),
        false => Err(FeatureError::NotInForce { port: port.to_owned(), differing }),
    }
}

/// Asks for features, as far as they can be changed, and returns what came of it.
fn request(port: &str, wanted: &BTreeMap<String, bool>) -> Result<Features, FeatureError> {
    let socket = EthtoolSocket::open(port)?;
    let names = socket.feature_names()?;
    let before = socket.feature_bits(names.len())?;
    // struct ethtool_sfeatures: cmd, size, then per 32 features { valid, requested }.
    let mut request = vec![0u32; 2 + 2 * names.len().div_ceil(32)];
    request[0] = ETHTOOL_SFEATURES;
    request[1] = names.len().div_ceil(32) as u32;
    for (bit, name) in names.iter().enumerate() {
        // A bit that is not changeable would come back as an error even where it has the right value already.
        if let (Some(on), true) = (wanted.get(name), before[bit].changeable) {
            request[2 + bit / 32 * 2] |= 1 << (bit % 32);
            request[3 + bit / 32 * 2] |= u32::from(*on) << (bit % 32);
        }
    }
    socket.call("setting the features", &mut request)?;
    let after = socket.feature_bits(names.len())?;
    Ok(names.into_iter().zip(after).collect())
}

/// Sets the offloads of `port` as asked, every feature that belongs to them, and verifies.
pub fn set_offloads(port: &str, offloads: LinkOffloads) -> Result<(), FeatureError> {
    set(port, &wanted_by(offloads, &read(port)?))
}

/// The features that `offloads` switches, among those that a port `has`.
///
/// Off means off for the whole group, or a GSO skb would still cross the link: TCP builds one whatever
/// `tx-generic-segmentation` says, and only the port's segmentation features decide who cuts it.
fn wanted_by(offloads: LinkOffloads, has: &Features) -> BTreeMap<String, bool> {
    let mut wanted = BTreeMap::new();
    for (name, feature) in has {
        let on = match name.as_str() {
            // Both change which packets are built, not who builds them: never wanted on.
            "tx-tcp-mangleid-segmentation" | "tx-gso-partial" | "rx-gro-list" | "rx-udp-gro-forwarding" => false,
            "rx-gro" => offloads.gro,
            "rx-gro-hw" | "rx-lro" => false,
            "rx-checksum" => offloads.checksum,
            name if name.starts_with("tx-checksum-") => offloads.checksum,
            "tx-gso-list" => offloads.gso,
            name if name.starts_with("tx-") && name.ends_with("-segmentation") => offloads.gso,
            _ => continue,
        };
        // What the port cannot switch on is not asked for; what it cannot switch off is, so that it comes to light.
        if !on || feature.changeable {
            wanted.insert(name.clone(), on);
        }
    }
    wanted
}

impl EthtoolSocket {
    fn feature_names(&self) -> Result<Vec<String>, FeatureError> {
        let doing = "reading the feature names";
        // struct ethtool_sset_info: cmd, reserved, a 64-bit mask of the sets, then the count of each set.
        let mut info = [ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_FEATURES, 0, 0];
        self.call(doing, &mut info)?;
        let count = (info[4] as usize).min(FEATURES_MAX);
        // struct ethtool_gstrings: cmd, set, count, then the strings.
        let mut strings = vec![0u32; 3 + count * ETH_GSTRING_LEN / 4];
        strings[..3].copy_from_slice(&[ETHTOOL_GSTRINGS, ETH_SS_FEATURES, count as u32]);
        self.call(doing, &mut strings)?;
        let bytes: Vec<u8> = strings[3..].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let text = |raw: &[u8]| match CStr::from_bytes_until_nul(raw) {
            Ok(name) => name.to_string_lossy().into_owned(),
            Err(_) => String::from_utf8_lossy(raw).into_owned(),
        };
        Ok(bytes.chunks_exact(ETH_GSTRING_LEN).map(text).collect())
    }

    fn feature_bits(&self, count: usize) -> Result<Vec<Feature>, FeatureError> {
        // struct ethtool_gfeatures: cmd, size, then per 32 features { available, requested, active, never_changed }.
        let blocks = count.div_ceil(32);
        let mut answer = vec![0u32; 2 + 4 * blocks];
        answer[..2].copy_from_slice(&[ETHTOOL_GFEATURES, blocks as u32]);
        self.call("reading the features", &mut answer)?;
        let feature = |bit: usize| {
            let block = &answer[2 + bit / 32 * 4..];
            let has = |word: usize| block[word] >> (bit % 32) & 1 == 1;
            Feature { changeable: has(0) && !has(3), requested: has(1), active: has(2) }
        };
        Ok((0..count).map(feature).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port_with(features: &[(&str, bool)]) -> Features {
        let feature = |changeable| Feature { changeable, requested: true, active: true };
        features.iter().map(|(name, changeable)| ((*name).to_owned(), feature(*changeable))).collect()
    }

    #[test]
    fn off_covers_the_whole_group_and_on_only_what_the_port_can() {
        let has = port_with(&[
            ("tx-generic-segmentation", true),
            ("tx-tcp6-segmentation", true),
            ("tx-udp-segmentation", false),
            ("tx-checksum-ip-generic", true),
            ("rx-gro", true),
            ("tx-vlan-hw-insert", true),
        ]);
        let off = wanted_by(LinkOffloads::default(), &has);
        assert_eq!(off.len(), 5, "{off:?}");
        assert!(off.values().all(|on| !on) && !off.contains_key("tx-vlan-hw-insert"));
        let on = wanted_by(LinkOffloads { gso: true, gro: false, checksum: true }, &has);
        assert_eq!(on.get("tx-tcp6-segmentation"), Some(&true));
        assert_eq!(on.get("tx-udp-segmentation"), None, "cannot be switched on");
        assert_eq!(on.get("rx-gro"), Some(&false));
    }

    #[test]
    fn a_name_the_kernel_cannot_hold_is_refused_before_it_is_asked() {
        for bad in ["", "sixteen-bytes-xx", "a\0b"] {
            assert!(matches!(read(bad), Err(FeatureError::Name(_))), "{bad:?}");
        }
        assert!(matches!(read("flowgauge-none"), Err(FeatureError::Ioctl { .. })));
    }
}
