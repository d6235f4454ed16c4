//! The IP forwarding counters: what took the classic path, as the IP layers count it.
//!
//! The fast path of a flowtable increments neither of them.

use std::io;

use flowgauge_reports::observation::IpForwarding;
use flowgauge_topologies::Netns;

use super::proc_file::ProcFile;
use super::witness::{Witness, WitnessError};

const SNMP: &str = "/proc/thread-self/net/snmp";
const SNMP6: &str = "/proc/thread-self/net/snmp6";

/// Reads the forwarding counters of one namespace.
#[derive(Debug)]
pub struct IpForwardingWitness {
    snmp: ProcFile,
    /// None: a kernel without IPv6, which forwards none of it.
    snmp6: Option<ProcFile>,
}

impl IpForwardingWitness {
    /// Opens the files inside `dut`.
    pub fn open(dut: &Netns) -> Result<Self, WitnessError> {
        dut.run(|| {
            let snmp6 = match ProcFile::open(SNMP6) {
                Err(WitnessError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
                opened => Some(opened?),
            };
            Ok(IpForwardingWitness { snmp: ProcFile::open(SNMP)?, snmp6 })
        })
        .unwrap_or_else(|error| Err(WitnessError::Unavailable(error.to_string())))
    }
}

impl Witness<IpForwarding> for IpForwardingWitness {
    fn read(&mut self) -> Result<IpForwarding, WitnessError> {
        let ipv4 = forwarded_ipv4(self.snmp.text()?);
        let ipv4 = ipv4.map_err(|what| self.snmp.malformed(what))?;
        let ipv6 = match &mut self.snmp6 {
            None => 0,
            Some(file) => {
                let count = forwarded_ipv6(file.text()?);
                count.map_err(|what| file.malformed(what))?
            }
        };
        Ok(IpForwarding { ipv4, ipv6 })
    }
}

/// `Ip: ForwDatagrams`: a line of names is followed by a line of values.
fn forwarded_ipv4(text: &str) -> Result<u64, String> {
    const NAME: &str = "ForwDatagrams";
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Ip:"));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return Err("no two lines begin with \"Ip:\"".to_owned());
    };
    let column = names.split_ascii_whitespace().position(|name| name == NAME);
    let column = column.ok_or_else(|| format!("no column {NAME} in \"Ip:{names}\""))?;
    let value = values.split_ascii_whitespace().nth(column);
    let value = value.ok_or_else(|| format!("no value for {NAME} in \"Ip:{values}\""))?;
    value.parse().map_err(|_| format!("{NAME} is \"{value}\", not a count"))
}

/// `Ip6OutForwDatagrams`: a name and a value a line.
fn forwarded_ipv6(text: &str) -> Result<u64, String> {
    const NAME: &str = "Ip6OutForwDatagrams";
    let fields = text.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let value = fields.filter(|(name, _)| *name == NAME).map(|(_, value)| value.trim()).next();
    let value = value.ok_or_else(|| format!("no line {NAME}"))?;
    value.parse().map_err(|_| format!("{NAME} is \"{value}\", not a count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 6.1 writes it; newer kernels append OutTransmits to the first pair.
    const SNMP_6_1: &str = "\
Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers \
OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates
Ip: 1 64 4294967300 0 0 18446744073709551615 0 0 3 3 20 0 0 0 0 0 0 0 0
Icmp: InMsgs InErrors InCsumErrors InDestUnreachs
Icmp: 0 0 0 0
";

    #[test]
    fn counts_are_found_by_name_in_64_bits() {
        assert_eq!(forwarded_ipv4(SNMP_6_1), Ok(u64::MAX));
        let newer = "Ip: Forwarding ForwDatagrams OutTransmits\nIp: 1 7 9\n";
        assert_eq!(forwarded_ipv4(newer), Ok(7));
        let snmp6 = "Ip6InReceives                   \t12\nIp6OutForwDatagrams             \t5000000000\n";
        assert_eq!(forwarded_ipv6(snmp6), Ok(5_000_000_000));
    }

    #[test]
    fn text_that_lacks_them_is_refused_with_what_is_missing() {
        for (text, what) in [
            ("", "no two lines"),
            ("Ip: Forwarding\n", "no two lines"),
            ("Ip: Forwarding\nIp: 1\n", "no column ForwDatagrams"),
            ("Ip: Forwarding ForwDatagrams\nIp: 1\n", "no value"),
            ("Ip: ForwDatagrams\nIp: -1\n", "is \"-1\", not a count"),
        ] {
            let error = forwarded_ipv4(text).unwrap_err();
            assert!(error.contains(what), "{text:?}: {error}");
        }
        assert!(forwarded_ipv6("Ip6OutForwDatagramsX 3\n").unwrap_err().contains("no line"));
        assert!(forwarded_ipv6("Ip6OutForwDatagrams many\n").unwrap_err().contains("not a count"));
    }
}
