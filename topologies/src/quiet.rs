//! The kernel parameters of tester and DUT: the DUT forwards, nobody speaks unasked.
//!
//! They are written before the links exist. The `default` branch then gives every new port its values, so that
//! not even the first packet of a port escapes. Source: Documentation/networking/ip-sysctl.rst.

use crate::sysctl::{self, Need, Setting, SysctlError};

const fn required(key: &'static str, value: &'static str) -> Setting {
    Setting { key, value, need: Need::Required }
}

const fn if_present(key: &'static str, value: &'static str) -> Setting {
    Setting { key, value, need: Need::IfPresent }
}

/// IPv4 in every namespace: no reverse path filter (pools are routed, not held), no redirects, no IGMP reports.
/// `ip_forward` comes first, because writing it resets the others to what a host or router should have.
const IPV4: [Setting; 9] = [
    required("net.ipv4.conf.all.rp_filter", "0"),
    required("net.ipv4.conf.default.rp_filter", "0"),
    required("net.ipv4.conf.all.send_redirects", "0"),
    required("net.ipv4.conf.default.send_redirects", "0"),
    if_present("net.ipv4.conf.all.accept_redirects", "0"),
    if_present("net.ipv4.conf.default.accept_redirects", "0"),
    if_present("net.ipv4.conf.all.arp_notify", "0"),
    if_present("net.ipv4.conf.default.arp_notify", "0"),
    if_present("net.ipv4.igmp_link_local_mcast_reports", "0"),
];

/// IPv6 in every namespace: no duplicate address detection, no router discovery, no link-local address.
///
/// A port that joins a multicast group reports it, and no parameter prevents that. Version 1 of MLD reports at once,
/// while the testbed is still being built (version 2 some time later); the repetition is put off for 24 days.
const IPV6: [Setting; 19] = [
    required("net.ipv6.conf.all.disable_ipv6", "0"),
    required("net.ipv6.conf.default.disable_ipv6", "0"),
    required("net.ipv6.conf.all.accept_dad", "0"),
    required("net.ipv6.conf.default.accept_dad", "0"),
    if_present("net.ipv6.conf.default.dad_transmits", "0"),
    if_present("net.ipv6.conf.all.router_solicitations", "0"),
    if_present("net.ipv6.conf.default.router_solicitations", "0"),
    if_present("net.ipv6.conf.all.accept_ra", "0"),
    if_present("net.ipv6.conf.default.accept_ra", "0"),
    if_present("net.ipv6.conf.default.autoconf", "0"),
    if_present("net.ipv6.conf.all.addr_gen_mode", "1"),
    if_present("net.ipv6.conf.default.addr_gen_mode", "1"),
    if_present("net.ipv6.conf.all.accept_redirects", "0"),
    if_present("net.ipv6.conf.default.accept_redirects", "0"),
    if_present("net.ipv6.conf.all.ndisc_notify", "0"),
    if_present("net.ipv6.conf.default.ndisc_notify", "0"),
    if_present("net.ipv6.conf.default.force_mld_version", "1"),
    if_present("net.ipv6.conf.default.mldv1_unsolicited_report_interval", "2147483647"),
    if_present("net.ipv6.conf.default.mldv2_unsolicited_report_interval", "2147483647"),
];

/// No IPv6 at all.
const NO_IPV6: [Setting; 2] =
    [if_present("net.ipv6.conf.all.disable_ipv6", "1"), if_present("net.ipv6.conf.default.disable_ipv6", "1")];

/// Counts packets and bytes per conntrack entry; must precede the entries.
const ACCOUNTING: &str = "net.netfilter.nf_conntrack_acct";

/// Connection tracking of the DUT. The timeouts (30 s by default) outlast the opening of a million flows under emulation,
/// so that the first are still there when the last is open; they change nothing that a packet costs.
const CONNTRACK: [Setting; 5] = [
    if_present(ACCOUNTING, "1"),
    if_present("net.netfilter.nf_conntrack_udp_timeout", "300"),
    if_present("net.netfilter.nf_conntrack_udp_timeout_stream", "300"),
    if_present("net.netfilter.nf_flowtable_udp_timeout", "300"),
    if_present("net.netfilter.nf_flowtable_tcp_timeout", "300"),
];

/// Settles the calling thread's namespace as a tester's. Returns the parameters this kernel lacks.
pub(crate) fn settle_tester(ipv6: bool) -> Result<Vec<&'static str>, SysctlError> {
    settle([required("net.ipv4.ip_forward", "0"), if_present("net.ipv6.conf.all.forwarding", "0")], ipv6)
}

/// Settles the calling thread's namespace as the DUT's. Returns the parameters this kernel lacks.
pub(crate) fn settle_dut(ipv6: bool) -> Result<Vec<&'static str>, SysctlError> {
    let need = if ipv6 { Need::Required } else { Need::IfPresent };
    let value = if ipv6 { "1" } else { "0" };
    let forwarding_ipv6 = Setting { key: "net.ipv6.conf.all.forwarding", value, need };
    let mut missing = settle([required("net.ipv4.ip_forward", "1"), forwarding_ipv6], ipv6)?;
    missing.extend(sysctl::apply(&CONNTRACK)?);
    Ok(missing)
}

/// Settles connection tracking in the calling thread's namespace; for when the module came after the testbed. Returns
/// whether accounting is on.
pub(crate) fn account() -> Result<bool, SysctlError> {
    Ok(!sysctl::apply(&CONNTRACK)?.contains(&ACCOUNTING))
}

fn settle(forwarding: [Setting; 2], ipv6: bool) -> Result<Vec<&'static str>, SysctlError> {
    let mut missing = sysctl::apply(&forwarding)?;
    missing.extend(sysctl::apply(&IPV4)?);
    missing.extend(sysctl::apply(if ipv6 { &IPV6 } else { &NO_IPV6 })?);
    Ok(missing)
}
