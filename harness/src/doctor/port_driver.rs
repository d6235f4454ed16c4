//! A port's driver and its statistics: what `ethtool -i` and `ethtool -S` show.
//!
//! Uses SIOCETHTOOL with ETHTOOL_GDRVINFO, ETHTOOL_GSTRINGS and ETHTOOL_GSTATS (include/uapi/linux/ethtool.h): the
//! ethtool crate has none of them. Acts on the network namespace of the calling thread, and only reads.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSTATS: u32 = 0x1d;
const ETH_SS_STATS: u32 = 1;
const STRING: usize = 32;
/// Words of `struct ethtool_drvinfo`: the command, five strings, 12 bytes reserved, five counts.
const DRVINFO_WORDS: usize = 1 + 5 * STRING / 4 + 3 + 5;
/// The count of statistics is the second of the five.
const N_STATS_WORD: usize = DRVINFO_WORDS - 4;
/// Far above what any driver has. There is always room for so many (2 MiB of which only what is written is touched),
/// because GSTRINGS writes as many as the driver has by then, whatever count it is given.
const STATISTICS_MAX: usize = 65_536;

/// What a driver says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Driver {
    /// Its name, such as `mlx5_core`.
    pub(super) name: String,
    /// Its firmware; empty where there is none.
    pub(super) firmware: String,
    /// Where the device sits, such as `0000:03:00.0`; empty for virtual ones.
    pub(super) bus: String,
    /// The names of its statistics.
    pub(super) statistics: Vec<String>,
}

/// Asks the driver of `port`.
pub(super) fn read(port: &str) -> io::Result<Driver> {
    let mut info = vec![0u32; DRVINFO_WORDS];
    info[0] = ETHTOOL_GDRVINFO;
    call(port, &mut info)?;
    let count = info[N_STATS_WORD] as usize;
    // Driver, version, firmware, bus, in this order.
    let strings = strings(&info[1..=5 * STRING / 4]);
    let [name, _, firmware, bus, ..] = &strings[..] else { return Err(io::ErrorKind::InvalidData.into()) };
    let (name, firmware, bus) = (name.clone(), known(firmware), known(bus));
    let mut driver = Driver { name, firmware, bus, statistics: Vec::new() };
    if (1..=STATISTICS_MAX / 2).contains(&count) {
        let mut names = vec![0u32; 3 + STATISTICS_MAX * STRING / 4];
        names[..2].copy_from_slice(&[ETHTOOL_GSTRINGS, ETH_SS_STATS]);
        call(port, &mut names)?;
        let written = (names[2] as usize).min(STATISTICS_MAX) * STRING / 4;
        driver.statistics = self::strings(&names[3..3 + written]);
    }
    Ok(driver)
}

/// The statistics of `port` by name.
pub(super) fn statistics(port: &str) -> io::Result<BTreeMap<String, u64>> {
    let names = read(port)?.statistics;
    // struct ethtool_stats: cmd, n_stats, then 64 bits each. Room for as many as there can be, as for the names.
    let mut request = vec![0u32; 2 + 2 * STATISTICS_MAX];
    request[..2].copy_from_slice(&[ETHTOOL_GSTATS, names.len() as u32]);
    call(port, &mut request)?;
    let values = request[2..].chunks_exact(2).map(|pair| {
        let [a, b] = [pair[0].to_ne_bytes(), pair[1].to_ne_bytes()];
        u64::from_ne_bytes([a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]])
    });
    Ok(names.into_iter().zip(values).collect())
}

/// Where a driver does not say, the kernel or the driver writes `N/A`.
fn known(text: &str) -> String {
    if text.trim() == "N/A" { String::new() } else { text.trim().to_owned() }
}

/// Hands `request`, whose first word is the command, to the kernel, which answers in place.
fn call(port: &str, request: &mut [u32]) -> io::Result<()> {
    let mut ifr_name = [0; libc::IFNAMSIZ];
    if port.len() >= ifr_name.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "an interface name has at most 15 bytes"));
    }
    for (to, from) in ifr_name.iter_mut().zip(port.bytes()) {
        *to = from as libc::c_char;
    }
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let ifru_data = request.as_mut_ptr().cast();
    let mut ifreq = libc::ifreq { ifr_name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_data } };
    // SAFETY: `ifreq` and the request it points to outlive the call. GDRVINFO writes its fixed structure, for which
    // DRVINFO_WORDS has room; GSTRINGS and GSTATS write one string or number per statistic, and a driver with more than
    // half as many as there is room for is not asked.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &mut ifreq) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn strings(words: &[u32]) -> Vec<String> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let text = |raw: &[u8]| {
        let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
        String::from_utf8_lossy(&raw[..end]).into_owned()
    };
    bytes.chunks_exact(STRING).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_their_nul_or_at_32_bytes() {
        let mut bytes = [b'x'; 64];
        bytes[3] = 0;
        let words: Vec<u32> = bytes.chunks_exact(4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect();
        assert_eq!(strings(&words), ["xxx".to_owned(), "x".repeat(32)]);
        assert_eq!(DRVINFO_WORDS * 4, 196);
    }

    #[test]
    fn a_port_that_does_not_exist_is_an_error() {
        assert!(read("flowgauge-none").is_err());
        assert!(read("a-name-that-is-too-long").is_err());
    }
}
