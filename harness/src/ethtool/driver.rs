//! The driver of a port and its own statistics: what `ethtool -i` and `ethtool -S` show.

use std::collections::BTreeMap;
use std::io;

use super::error::EthtoolError;
use super::ioctl::{EthtoolSocket, bytes};

const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSTATS: u32 = 0x1d;
const ETH_SS_STATS: u32 = 1;
/// Length of a name in bytes (ETH_GSTRING_LEN), and of each string of drvinfo.
const STRING: usize = 32;
/// Words of `struct ethtool_drvinfo`: the command, five strings, 12 bytes reserved, five counts.
const DRVINFO_WORDS: usize = 1 + 5 * STRING / 4 + 3 + 5;
/// The count of statistics is the second of the five.
const N_STATS_WORD: usize = DRVINFO_WORDS - 4;
/// Far above what any driver has. There is always room for so many, of which only what is written is touched, because
/// the kernel writes as many as the driver has by then, whatever count it is given.
const ROOM: usize = 65_536;
/// The most statistics that are asked for.
const LIMIT: usize = ROOM / 2;
/// How often to ask when a driver gains or loses statistics between two questions, as some do with their queues.
const ATTEMPTS: u32 = 3;

/// What a driver says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Driver {
    /// Its name, such as `mlx5_core`.
    pub name: String,
    /// Its version; for drivers of the kernel's tree that of the kernel.
    pub version: String,
    /// The version of the device's firmware; empty where there is none.
    pub firmware: String,
    /// Where the device sits, such as `0000:03:00.0`; empty for virtual ones.
    pub bus: String,
    /// How many statistics it has.
    pub statistics: usize,
}

impl EthtoolSocket {
    /// The driver of `port`.
    pub fn driver(&self, port: &str) -> Result<Driver, EthtoolError> {
        let mut info = [0u32; DRVINFO_WORDS];
        info[0] = ETHTOOL_GDRVINFO;
        // SAFETY: GDRVINFO writes its fixed structure, which `info` is.
        unsafe { self.call("reading the driver", port, &mut info)? };
        // Driver, version, firmware, bus, in this order.
        let [name, version, firmware, bus] =
            [0, 1, 2, 3].map(|n| text(&bytes(&info[1 + n * STRING / 4..1 + (n + 1) * STRING / 4])));
        Ok(Driver { name, version, firmware, bus, statistics: info[N_STATS_WORD] as usize })
    }

    /// The names of the driver's statistics, in its order.
    pub fn statistic_names(&self, port: &str) -> Result<Vec<String>, EthtoolError> {
        if self.statistic_count(port)? == 0 {
            return Ok(Vec::new());
        }
        let mut names = vec![0u32; 3 + ROOM * STRING / 4];
        names[..2].copy_from_slice(&[ETHTOOL_GSTRINGS, ETH_SS_STATS]);
        // SAFETY: one string per statistic is written, and a driver with more than half as many as there is room for
        // is not asked.
        unsafe { self.call("reading the names of the statistics", port, &mut names)? };
        let written = (names[2] as usize).min(ROOM) * STRING / 4;
        Ok(bytes(&names[3..3 + written]).chunks_exact(STRING).map(text).collect())
    }

    /// The driver's statistics, by name; empty where it has none. Names that occur more than once are told apart by
    /// `#2` and so on.
    pub fn statistics(&self, port: &str) -> Result<BTreeMap<String, u64>, EthtoolError> {
        for _ in 0..ATTEMPTS {
            let (names, values) = (self.statistic_names(port)?, self.statistic_values(port)?);
            if names.len() == values.len() {
                return Ok(named(&names, values));
            }
        }
        let source = io::Error::other("their number changed each time between names and values");
        Err(EthtoolError::Ioctl { doing: "reading the statistics", port: port.to_owned(), source })
    }

    fn statistic_values(&self, port: &str) -> Result<Vec<u64>, EthtoolError> {
        let count = self.statistic_count(port)?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut values = vec![0u32; 2 + 2 * ROOM];
        values[..2].copy_from_slice(&[ETHTOOL_GSTATS, count as u32]);
        // SAFETY: one 64-bit number per statistic is written; the bound is that of the names.
        unsafe { self.call("reading the statistics", port, &mut values)? };
        let written = (values[1] as usize).min(ROOM);
        let bytes = bytes(&values[2..2 + 2 * written]);
        Ok(bytes.chunks_exact(8).filter_map(|value| value.try_into().ok().map(u64::from_ne_bytes)).collect())
    }

    fn statistic_count(&self, port: &str) -> Result<usize, EthtoolError> {
        let count = self.driver(port)?.statistics;
        match count {
            0..=LIMIT => Ok(count),
            _ => Err(EthtoolError::TooMany { port: port.to_owned(), count, limit: LIMIT }),
        }
    }
}

fn named(names: &[String], values: Vec<u64>) -> BTreeMap<String, u64> {
    let mut statistics = BTreeMap::new();
    for (name, value) in names.iter().zip(values) {
        let mut key = name.clone();
        for copy in 2.. {
            if !statistics.contains_key(&key) {
                break;
            }
            key = format!("{name}#{copy}");
        }
        statistics.insert(key, value);
    }
    statistics
}

/// A string that ends at its NUL, or where there is no more room for it.
fn text(raw: &[u8]) -> String {
    let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    String::from_utf8_lossy(&raw[..end]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_their_nul_or_at_32_bytes() {
        assert_eq!(text(b"xxx\0yyy"), "xxx");
        assert_eq!(text(&[b'x'; STRING]), "x".repeat(STRING));
        assert_eq!(DRVINFO_WORDS * 4, 196);
    }

    #[test]
    fn statistics_of_one_name_stay_apart() {
        let names = ["a", "b", "a", "a"].map(str::to_owned);
        let expected = [("a", 1), ("a#2", 3), ("a#3", 4), ("b", 2)].map(|(name, value)| (name.to_owned(), value));
        assert_eq!(named(&names, vec![1, 2, 3, 4]), BTreeMap::from(expected));
    }

    #[test]
    fn a_port_that_does_not_exist_is_an_error() {
        let socket = EthtoolSocket::here().unwrap();
        assert!(matches!(socket.driver("flowgauge-none"), Err(EthtoolError::Ioctl { .. })));
        for bad in ["", "a-name-that-is-too-long", "a\0b"] {
            assert!(matches!(socket.statistics(bad), Err(EthtoolError::Name(_))), "{bad:?}");
        }
    }
}
