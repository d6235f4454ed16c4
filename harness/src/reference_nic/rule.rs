//! One rule of the reference NIC's table, a line of debugfs `flowgauge_nic/rules` (topologies/nic/dump.c).

use std::collections::BTreeMap;
use std::str::FromStr;

use flowgauge_reports::observation::Count;

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// A flowtable: a direction of one flow.
    Flowtable,
    /// A netdev chain or a tc filter.
    Block,
}

/// A rule in the hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareRule {
    /// The kernel's name for it.
    pub cookie: u64,
    /// Where it comes from.
    pub kind: RuleKind,
    /// The port that it matches at.
    pub ingress: String,
    /// The port that it sends to, if any.
    pub egress: Option<String>,
    /// `tcp`, `udp`, a number, or none where it does not matter.
    pub protocol: Option<String>,
    /// Source address as the packet arrives, with its mask where it is not all ones; none where it does not matter.
    pub source: Option<String>,
    /// Destination address as the packet arrives.
    pub destination: Option<String>,
    /// Source port.
    pub source_port: Option<String>,
    /// Destination port.
    pub destination_port: Option<String>,
    /// Whether it rewrites more than the Ethernet header.
    pub translates: bool,
    /// `accept`, `drop` or `redirect`.
    pub action: String,
    /// Its counter; bytes are L3.
    pub count: Count,
    /// Since its last packet, or since it was installed, in milliseconds.
    pub age_ms: u64,
    /// When it was in the table: CLOCK_MONOTONIC in microseconds.
    pub installed_us: u64,
    /// When its first packet came, if any did: CLOCK_MONOTONIC in microseconds.
    pub first_hit_us: Option<u64>,
}

impl HardwareRule {
    /// Reads a line. The error says what is missing or odd.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let fields: BTreeMap<&str, &str> = line.split_ascii_whitespace().filter_map(|f| f.split_once('=')).collect();
        let text = |name: &str| fields.get(name).copied().ok_or_else(|| format!("no field {name} in \"{line}\""));
        let cookie = text("cookie")?;
        let some = |name: &str| text(name).map(|value| (value != "-").then(|| value.to_owned()));
        Ok(HardwareRule {
            cookie: u64::from_str_radix(cookie, 16).map_err(|error| format!("cookie={cookie}: {error}"))?,
            kind: match text("kind")? {
                "ft" => RuleKind::Flowtable,
                "block" => RuleKind::Block,
                other => return Err(format!("kind={other} is neither ft nor block")),
            },
            ingress: text("in")?.to_owned(),
            egress: some("out")?,
            protocol: some("proto")?,
            source: some("src")?,
            destination: some("dst")?,
            source_port: some("sport")?,
            destination_port: some("dport")?,
            translates: number::<u8>("nat", text("nat")?)? != 0,
            action: text("action")?.to_owned(),
            count: Count { packets: number("packets", text("packets")?)?, bytes: number("bytes", text("bytes")?)? },
            age_ms: number("age_ms", text("age_ms")?)?,
            installed_us: number("installed_us", text("installed_us")?)?,
            first_hit_us: some("first_hit_us")?.map(|value| number("first_hit_us", &value)).transpose()?,
        })
    }
}

fn number<T: FromStr<Err: std::fmt::Display>>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|error| format!("{name}={value}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "cookie=ffff8880042a1c00 kind=ft in=nic0 out=nic1 proto=udp src=198.18.128.1 dst=198.19.128.1 \
                        sport=1024 dport=7 nat=1 action=redirect packets=5000000000 bytes=230 age_ms=12 \
                        installed_us=123456789 first_hit_us=-";

    #[test]
    fn a_line_is_read() {
        let rule = HardwareRule::parse(LINE).unwrap();
        assert_eq!((rule.cookie, rule.kind), (0xffff_8880_042a_1c00, RuleKind::Flowtable));
        assert_eq!((rule.ingress.as_str(), rule.egress.as_deref()), ("nic0", Some("nic1")));
        assert_eq!((rule.count.packets, rule.translates, rule.first_hit_us), (5_000_000_000, true, None));
        let hit = HardwareRule::parse(&LINE.replace("us=-", "us=7").replace("out=nic1", "out=-")).unwrap();
        assert_eq!((hit.first_hit_us, hit.egress), (Some(7), None));
    }

    #[test]
    fn what_is_missing_or_odd_is_named() {
        for (from, to, words) in [
            ("kind=ft", "kind=x", "kind=x is neither"),
            ("packets=5000000000", "packets=-1", "packets=-1: "),
            (" age_ms=12", "", "no field age_ms"),
            ("cookie=ffff", "cookie=zz", "cookie=zz"),
        ] {
            let error = HardwareRule::parse(&LINE.replace(from, to)).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        assert!(HardwareRule::parse("").is_err());
    }
}
