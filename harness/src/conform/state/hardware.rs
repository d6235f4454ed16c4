//! The rules of the reference NIC that belong to flows.

use std::net::IpAddr;

use flowgauge_reports::conform::Hardware;
use flowgauge_scenarios::conform::Flow;

use crate::reference_nic::{HardwareRule, RuleKind};

/// How many rules of `flows` there are, and what they counted.
pub(super) fn of(rules: &[HardwareRule], flows: &[Flow]) -> Hardware {
    let mut hardware = Hardware::default();
    for rule in rules.iter().filter(|rule| rule.kind == RuleKind::Flowtable) {
        let Some((source, destination)) = ends(rule) else { continue };
        let is_of = |flow: &Flow| {
            let ways = [(flow.client, flow.server), (flow.server_real, flow.client_seen)];
            ways.iter().any(|(from, to)| (from.ip(), from.port()) == source && (to.ip(), to.port()) == destination)
        };
        if flows.iter().any(is_of) {
            hardware.rules += 1;
            hardware.count.packets += rule.count.packets;
            hardware.count.bytes += rule.count.bytes;
        }
    }
    hardware
}

type End = (IpAddr, u16);

/// What a rule matches, where it is one flow.
fn ends(rule: &HardwareRule) -> Option<(End, End)> {
    let end = |address: &Option<String>, port: &Option<String>| -> Option<End> {
        Some((address.as_ref()?.parse().ok()?, port.as_ref()?.parse().ok()?))
    };
    Some((end(&rule.source, &rule.source_port)?, end(&rule.destination, &rule.destination_port)?))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use flowgauge_reports::observation::Count;

    use super::*;

    fn rule(source: &str, destination: &str) -> HardwareRule {
        let (source, destination): (SocketAddr, SocketAddr) = (source.parse().unwrap(), destination.parse().unwrap());
        HardwareRule {
            cookie: 1,
            kind: RuleKind::Flowtable,
            ingress: "nic0".to_owned(),
            egress: Some("nic1".to_owned()),
            protocol: Some("udp".to_owned()),
            source: Some(source.ip().to_string()),
            destination: Some(destination.ip().to_string()),
            source_port: Some(source.port().to_string()),
            destination_port: Some(destination.port().to_string()),
            translates: true,
            action: "redirect".to_owned(),
            count: Count { packets: 2, bytes: 100 },
            age_ms: 0,
            installed_us: 0,
            first_hit_us: None,
        }
    }

    #[test]
    fn both_directions_are_known_as_the_nic_sees_them() {
        let flow = Flow {
            client: "198.18.128.1:10000".parse().unwrap(),
            server: "10.19.128.1:8080".parse().unwrap(),
            client_seen: "198.19.0.1:10000".parse().unwrap(),
            server_real: "198.19.128.1:20000".parse().unwrap(),
        };
        let (up, down) =
            (rule("198.18.128.1:10000", "10.19.128.1:8080"), rule("198.19.128.1:20000", "198.19.0.1:10000"));
        let other = rule("198.18.128.1:10001", "10.19.128.1:8080");
        let chain = HardwareRule { kind: RuleKind::Block, ..up.clone() };
        let found = of(&[up, other, down, chain], &[flow]);
        assert_eq!(found, Hardware { rules: 2, count: Count { packets: 4, bytes: 200 } });
    }
}
