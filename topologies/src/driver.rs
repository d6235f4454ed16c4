//! The driver of a port, as `ethtool -i` shows it.

use crate::ethtool_socket::EthtoolSocket;
use crate::features::FeatureError;

/// The driver of flowgauge's own reference NIC: what is measured on it is simulated.
pub const REFERENCE_NIC_DRIVER: &str = "flowgauge_nic";

const ETHTOOL_GDRVINFO: u32 = 0x03;
/// struct ethtool_drvinfo: cmd, then strings of 32 bytes of which the driver's name is the first; 196 bytes in all.
const DRVINFO_WORDS: usize = 49;
const DRIVER_NAME: std::ops::Range<usize> = 1..9;

/// The name of the driver of `port`, in the namespace of the calling thread. Empty: a driver that does not say.
pub fn driver_of(port: &str) -> Result<String, FeatureError> {
    let mut answer = [0u32; DRVINFO_WORDS];
    answer[0] = ETHTOOL_GDRVINFO;
    EthtoolSocket::open(port)?.call("reading the driver", &mut answer)?;
    let bytes: Vec<u8> = answer[DRIVER_NAME].iter().flat_map(|word| word.to_ne_bytes()).collect();
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}
