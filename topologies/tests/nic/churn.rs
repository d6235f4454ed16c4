//! What changes while the traffic flows: rules, connections, features, faults, the state of ports.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use flowgauge_scenarios::Fault;
use flowgauge_topologies::{Dut, Netns, features};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, send, socket};

use crate::guest::{PARAMETERS, feed};
use crate::nft_shell::NftShell;
use crate::random::Random;

const FLOWTABLE: &str = "flowtable f { hook ingress priority 0; devices = { nic0, nic1 }; flags offload; counter; }
    chain forward { type filter hook forward priority 0; meta l4proto { tcp, udp } flow add @f; }";

/// A ruleset that offloads every flow.
pub(crate) fn flowtable() -> String {
    fresh(FLOWTABLE)
}

fn fresh(body: &str) -> String {
    format!("table inet t {{\n{body}\n}}\n")
}

/// Puts a ruleset with offload in place of another, or only ends one.
pub(crate) fn rules(nft: &mut NftShell, random: &mut Random) -> io::Result<Result<(), String>> {
    let text = ruleset(random);
    let old = text.split_whitespace().skip_while(|word| *word != "table").skip(1).take(2).collect::<Vec<_>>().join(" ");
    // Not in one transaction: a flowtable with offload cannot be replaced in place, the kernel says EBUSY. There may be
    // no such table.
    let deleted = nft.apply(&format!("delete table {old}"))?;
    if text.starts_with("delete") { Ok(deleted) } else { nft.apply(&text) }
}

fn ruleset(random: &mut Random) -> String {
    let chain = |port: &str, rules: &str| {
        format!(
            "table netdev {port} {{ chain c {{
            type filter hook ingress device {port} priority 1; policy accept; flags offload;\n{rules}\n}}\n}}\n"
        )
    };
    let port = 7000 + random.below(6);
    let other = *random.pick(&["nic0", "nic1"]);
    match random.below(9) {
        0..3 => flowtable(),
        3 => fresh(&format!(
            "{FLOWTABLE}\nchain post {{ type nat hook postrouting priority 100; oifname nic1 masquerade; }}"
        )),
        4 => fresh(&format!(
            "{FLOWTABLE}\nchain pre {{ type nat hook prerouting priority -100; ip protocol udp udp dport {port} dnat ip to \
             198.19.0.2:7000; }}"
        )),
        5 => chain(other, &format!("ip protocol udp udp dport {port} counter accept\nudp dport {port} drop")),
        6 => chain("nic0", &format!("ip saddr 198.18.0.2 udp dport {port} fwd to nic1\nudp dport 7009 counter drop")),
        7 if random.below(2) == 0 => chain("nic0", &format!("udp dport {port} dup to nic1")),
        7 => "delete table inet t\n".to_owned(),
        _ => format!("delete table netdev {other}\n"),
    }
}

/// tc's own rules on a port, in hardware only; and their end.
pub(crate) fn tc(dut: &Netns, random: &mut Random) -> Result<(), String> {
    let port = *random.pick(&["nic0", "nic1"]);
    let text = match random.below(3) {
        0 => format!(
            "qdisc replace dev {port} clsact\nfilter add dev {port} ingress prio {} protocol ip flower skip_sw \
             ip_proto udp dst_port 70{:02} action drop\n",
            1 + random.below(4),
            random.below(6)
        ),
        1 => format!(
            "filter add dev {port} ingress prio 9 protocol ip flower skip_sw ip_proto udp src_port 7003 action mirred \
             egress redirect dev nic0\n"
        ),
        _ => format!("qdisc del dev {port} clsact\n"),
    };
    feed(dut, "tc", &["-batch", "-"], &text)
}

/// Deletes every connection (IPCTNL_MSG_CT_DELETE without a tuple, net/netfilter/nf_conntrack_netlink.c).
pub(crate) fn forget_connections(dut: &Netns) -> io::Result<()> {
    const MESSAGE: [u8; 20] = {
        // nlmsghdr: length, type (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE), NLM_F_REQUEST; then nfgenmsg.
        let mut message = [0; 20];
        message[0] = 20;
        message[4] = 2;
        message[5] = 1;
        message[6] = 1;
        message
    };
    let flush = || {
        let netfilter =
            socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter)?;
        send(netfilter.as_raw_fd(), &MESSAGE, MsgFlags::empty())
    };
    dut.run(flush).map_err(io::Error::other)??;
    Ok(())
}

/// Switches one fault on or off, or all of them off.
pub(crate) fn fault(random: &mut Random) -> io::Result<()> {
    if random.below(4) == 0 {
        return no_faults();
    }
    let fault = *random.pick(&Fault::ALL);
    let value = match fault {
        // Long enough to be overtaken, short enough that the storm goes on.
        Fault::InstallDelayMs => random.below(30),
        Fault::RefuseMatch => random.below(32),
        Fault::RefuseDirection => random.below(3),
        Fault::RefuseAt => random.below(200),
        Fault::DropEvery | Fault::ReorderEvery => random.below(5),
        _ => random.below(2),
    };
    fs::write(format!("{PARAMETERS}/{}", fault.parameter()), value.to_string())
}

/// Switches every fault off.
pub(crate) fn no_faults() -> io::Result<()> {
    Fault::ALL.iter().try_for_each(|fault| fs::write(format!("{PARAMETERS}/{}", fault.parameter()), "0"))
}

/// Switches offload of a port: off under rules is what drivers get wrong.
pub(crate) fn offload(dut: &Dut, random: &mut Random) {
    let port = *random.pick(&[&dut.lan.name, &dut.wan.name]);
    let on = random.below(3) > 0;
    // While rules are installed the driver may refuse.
    let _ = dut.netns.run(|| features::set(port, &[("hw-tc-offload".to_owned(), on)].into()));
}

/// Takes a port of the DUT down and up, and gives it back what it forgets.
pub(crate) fn flap(dut: &Dut, random: &mut Random) -> Result<(), String> {
    let port = *random.pick(&[&dut.lan, &dut.wan]);
    let mac = port.peer_mac.map(|byte| format!("{byte:02x}")).join(":");
    let (name, [a, b, c, _]) = (&port.name, port.ipv4.octets());
    feed(&dut.netns, "ip", &["link", "set", name, "down"], "")?;
    let text = format!(
        "link set {name} up\nneigh replace {a}.{b}.{c}.2 lladdr {mac} dev {name} nud permanent\n\
         route replace {a}.{b}.128.0/17 via {a}.{b}.{c}.2 dev {name}\n"
    );
    feed(&dut.netns, "ip", &["-batch", "-"], &text)
}

/// Reads what the table holds, and now and then what a port has counted, while both change. Returns the frames that the
/// rules of the moment have forwarded.
pub(crate) fn read(dut: &Netns, random: &mut Random) -> u64 {
    if random.below(8) == 0 {
        let read = || Command::new("ethtool").args(["-S", "nic0"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        // A port that is gone cannot be asked.
        let _ = dut.run(read);
    }
    // A dump that ends early is as good as a whole one: the table changes under it.
    let rules = fs::read_to_string("/sys/kernel/debug/flowgauge_nic/rules").unwrap_or_default();
    let packets = |word: &str| word.strip_prefix("packets=").and_then(|number| number.parse::<u64>().ok());
    rules.split_whitespace().filter_map(packets).sum()
}
