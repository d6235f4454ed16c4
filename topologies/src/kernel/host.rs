//! What the host's own kernel can do, found by doing it in a throw-away namespace: versions and
//! configuration files are not asked.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};

use super::scratch::{self, IdMaps};

/// Whether one thing can be done here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "able", rename_all = "snake_case")]
pub enum Ability {
    /// It was done.
    Yes,
    /// It failed.
    No {
        /// What the kernel or the tool answered.
        evidence: String,
        /// What to do about it.
        remedy: String,
    },
}

impl Ability {
    /// Whether it is `Yes`.
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::Yes)
    }
}

/// What this process can do with the host's kernel, each tried in a fresh network namespace (for
/// others than root inside a fresh user namespace).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAbilities {
    /// Whether a user namespace was used because the caller is not root.
    pub in_user_namespace: bool,
    /// Create a network namespace.
    pub netns: Ability,
    /// Create a veth pair.
    pub veth: Ability,
    /// Load an nftables table with a forward chain.
    pub nf_tables: Ability,
    /// Match on conntrack state.
    pub conntrack: Ability,
    /// Masquerade.
    pub nat: Ability,
    /// Create a flowtable, and a rule that adds flows to it.
    pub flowtable: Ability,
}

const REBOOT_REMEDY: &str = "use --kernel debian:6.12, which boots one that has it in a VM";

impl HostAbilities {
    /// Tries everything; takes some 20 ms and leaves nothing.
    pub fn probe() -> Self {
        let maps = IdMaps::unless_root();
        let rules =
            |body: &str, option: &str| nft(maps, &format!("table inet flowgauge_probe {{\n{body}\n}}\n"), option);
        Self {
            in_user_namespace: maps.is_some(),
            netns: netns(maps),
            veth: attempt(maps, scratch::create_veth, "create a veth pair", "CONFIG_VETH (modprobe veth)"),
            nf_tables: rules(
                "chain c { type filter hook forward priority 0; counter accept; }",
                "CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET (modprobe nf_tables)",
            ),
            conntrack: rules(
                "chain c { type filter hook forward priority 0; ct state established accept; }",
                "CONFIG_NF_CONNTRACK, CONFIG_NFT_CT (modprobe nft_ct)",
            ),
            nat: rules(
                "chain c { type nat hook postrouting priority 100; masquerade; }",
                "CONFIG_NFT_NAT, CONFIG_NFT_MASQ (modprobe nft_masq nft_chain_nat)",
            ),
            flowtable: rules(
                "flowtable f { hook ingress priority 0; devices = { lo }; }\n\
                 chain c { type filter hook forward priority 0; ip protocol udp flow add @f; }",
                "CONFIG_NF_FLOW_TABLE, CONFIG_NF_FLOW_TABLE_INET, CONFIG_NFT_FLOW_OFFLOAD (modprobe nft_flow_offload nf_flow_table_inet)",
            ),
        }
    }

    /// Name and ability, in the order in which one builds on the other.
    pub fn all(&self) -> [(&'static str, &Ability); 6] {
        [
            ("netns", &self.netns),
            ("veth", &self.veth),
            ("nf_tables", &self.nf_tables),
            ("conntrack", &self.conntrack),
            ("nat", &self.nat),
            ("flowtable", &self.flowtable),
        ]
    }

    /// The first thing that is missing, if any: `--kernel auto` takes the host when there is none.
    pub fn first_gap(&self) -> Option<(&'static str, &Ability)> {
        self.all().into_iter().find(|(_, ability)| !ability.is_yes())
    }
}

fn netns(maps: Option<IdMaps>) -> Ability {
    let why = if maps.is_some() {
        "run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, \
         kernel.apparmor_restrict_unprivileged_userns=0)"
    } else {
        "this needs CAP_SYS_ADMIN: run outside the container, or start it with --privileged"
    };
    match child(maps, || Ok(())) {
        Ok(()) => Ability::Yes,
        Err(error) => Ability::No {
            evidence: format!("create a network namespace: {error}"),
            remedy: format!("{why}; or use --kernel debian:6.12, which needs no privilege"),
        },
    }
}

fn attempt(maps: Option<IdMaps>, step: fn() -> io::Result<()>, what: &str, option: &str) -> Ability {
    match child(maps, step) {
        Ok(()) => Ability::Yes,
        Err(error) => Ability::No { evidence: format!("{what}: {error}"), remedy: remedy(option) },
    }
}

fn remedy(option: &str) -> String {
    format!("the host's kernel needs {option}; or {REBOOT_REMEDY}")
}

/// Runs the step in a child inside a fresh namespace; the child's errno comes back as the error.
fn child(maps: Option<IdMaps>, step: fn() -> io::Result<()>) -> io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    // SAFETY: between fork and exec only system calls are made, without allocation. The error at the
    // end keeps the child from ever becoming the program: it stands for success.
    unsafe {
        command.pre_exec(move || {
            scratch::enter(maps)?;
            step()?;
            Err(io::Error::from_raw_os_error(DONE))
        });
    }
    match command.spawn() {
        Err(error) if error.raw_os_error() == Some(DONE) => Ok(()),
        Err(error) => Err(error),
        Ok(mut ran) => ran.wait().and(Err(io::Error::other("the probe's child went on to run"))),
    }
}

/// An errno that neither unshare, open, write nor netlink gives.
const DONE: i32 = libc::EXFULL;

/// nft's first line without the place in a ruleset that nobody has seen.
fn first_complaint(stderr: &str) -> String {
    let line = stderr.lines().next().unwrap_or_default();
    let said = line.split_once("Error: ").map_or(line, |(_, said)| said);
    format!("nft: {}", said.trim())
}

fn nft(maps: Option<IdMaps>, ruleset: &str, option: &str) -> Ability {
    let mut command = Command::new("nft");
    command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: between fork and exec only system calls are made, without allocation.
    unsafe {
        command.pre_exec(move || scratch::enter(maps));
    }
    let ran = command.spawn().and_then(|mut nft| {
        if let Some(mut stdin) = nft.stdin.take() {
            // nft may end before it has read all; its status tells.
            let _ = stdin.write_all(ruleset.as_bytes());
        }
        nft.wait_with_output()
    });
    match ran {
        Ok(output) if output.status.success() => Ability::Yes,
        Ok(output) => {
            Ability::No { evidence: first_complaint(&String::from_utf8_lossy(&output.stderr)), remedy: remedy(option) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ability::No {
            evidence: "the program nft is not in PATH".into(),
            remedy: "install nftables (apt-get install nftables)".into(),
        },
        Err(error) => Ability::No { evidence: format!("run nft: {error}"), remedy: remedy(option) },
    }
}
