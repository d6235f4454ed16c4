//! Kernel options of flow offload and what became of each on the running kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::report::Check;

/// An option, its module (none: it can only be built in), and whether bench needs it.
const OPTIONS: [(&str, Option<&str>, bool); 16] = [
    ("NF_FLOW_TABLE", Some("nf_flow_table"), true),
    ("NF_FLOW_TABLE_INET", Some("nf_flow_table_inet"), true),
    ("NFT_FLOW_OFFLOAD", Some("nft_flow_offload"), true),
    ("NF_CONNTRACK", Some("nf_conntrack"), true),
    ("NF_CT_NETLINK", Some("nf_conntrack_netlink"), true),
    ("NFT_CT", Some("nft_ct"), true),
    ("NFT_NAT", Some("nft_nat"), true),
    ("NFT_MASQ", Some("nft_masq"), true),
    ("NETFILTER_EGRESS", None, true),
    ("VETH", Some("veth"), true),
    ("NF_FLOW_TABLE_PROCFS", None, false),
    ("NET_ACT_CT", Some("act_ct"), false),
    ("NET_CLS_FLOWER", Some("cls_flower"), false),
    ("NETDEVSIM", Some("netdevsim"), false),
    ("NET_PKTGEN", Some("pktgen"), false),
    ("XDP_SOCKETS", None, false),
];

/// What is known of the running kernel's options and modules.
#[derive(Clone, Debug, Default)]
struct Kernel {
    /// The configuration (`NAME` to `y` or `m`), where it can be read.
    config: Option<BTreeMap<String, char>>,
    loaded: BTreeSet<String>,
    builtin: BTreeSet<String>,
    available: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Loaded,
    BuiltIn,
    Available,
    /// Configured as a module whose file is not there.
    FileMissing,
    Absent,
    Unknown,
}

/// Every option of flow offload, on the running kernel of this `release`.
pub(super) fn checks(release: &str) -> Vec<Check> {
    let kernel = Kernel::read(release);
    OPTIONS.iter().map(|(option, module, needed)| check(option, *module, *needed, &kernel)).collect()
}

fn check(option: &str, module: Option<&str>, needed: bool, kernel: &Kernel) -> Check {
    let presence = kernel.presence(option, module);
    let load = || format!("modprobe {}", module.unwrap_or_default());
    match presence {
        Presence::Loaded => Check::ok(option, "loaded"),
        Presence::BuiltIn => Check::ok(option, "built in"),
        Presence::Available if needed => Check::gap(option, "available, not loaded", load()),
        Presence::Available => Check::info(option, "available, not loaded"),
        Presence::FileMissing => {
            let remedy =
                "install the package with the modules of this kernel, or boot the kernel whose modules are installed";
            Check::gap(option, "a module, but its file is not there", remedy)
        }
        Presence::Absent if needed => {
            Check::gap(option, "absent", "use --kernel debian:6.12, or a kernel built with these as y or m")
        }
        Presence::Absent => Check::info(option, "absent (later datapaths and generators need it)"),
        Presence::Unknown => Check::info(option, "unknown: no readable configuration and no such module"),
    }
}

impl Kernel {
    fn read(release: &str) -> Kernel {
        let modules = Path::new("/lib/modules").join(release);
        let text = |name: &str| fs::read_to_string(modules.join(name)).unwrap_or_default();
        let listed = fs::read_dir("/sys/module").into_iter().flatten().flatten();
        Kernel {
            config: config_text(release).map(|text| parse_config(&text)),
            loaded: listed.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
            builtin: text("modules.builtin").lines().filter_map(module_name).collect(),
            available: text("modules.dep").lines().filter_map(|line| module_name(line.split(':').next()?)).collect(),
        }
    }

    fn presence(&self, option: &str, module: Option<&str>) -> Presence {
        let among = |set: &BTreeSet<String>| module.is_some_and(|module| set.contains(module));
        match self.config.as_ref().map(|config| config.get(option)) {
            Some(Some('y')) => Presence::BuiltIn,
            // Built-in code with parameters has a folder in /sys/module too, so that alone says nothing.
            Some(Some('m')) | None if among(&self.loaded) && !among(&self.builtin) => Presence::Loaded,
            Some(Some('m')) | None if among(&self.available) => Presence::Available,
            Some(Some(_)) => Presence::FileMissing,
            Some(None) => Presence::Absent,
            None if among(&self.builtin) => Presence::BuiltIn,
            None => Presence::Unknown,
        }
    }
}

fn config_text(release: &str) -> Option<String> {
    let beside = fs::read_to_string(format!("/boot/config-{release}"));
    beside.or_else(|_| fs::read_to_string(format!("/lib/modules/{release}/config"))).ok().or_else(|| {
        // The kernel packs its own configuration; gzip is part of every base system.
        let file = fs::File::open("/proc/config.gz").ok()?;
        let output = Command::new("gzip").arg("-dc").stdin(file).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    })
}

/// `CONFIG_NAME=y` and `=m`; values of other kinds say nothing about presence.
fn parse_config(text: &str) -> BTreeMap<String, char> {
    let options = text.lines().filter_map(|line| line.strip_prefix("CONFIG_")?.split_once('='));
    options
        .filter_map(|(name, value)| match value {
            "y" => Some((name.to_owned(), 'y')),
            "m" => Some((name.to_owned(), 'm')),
            _ => None,
        })
        .collect()
}

/// `kernel/net/netfilter/nf_flow_table.ko.xz` names `nf_flow_table`; dashes and underscores are the same.
fn module_name(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?.split(".ko").next()?;
    (!name.is_empty()).then(|| name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(config: Option<&str>, loaded: &str, builtin: &str, available: &str) -> Kernel {
        let set = |names: &str| names.split_ascii_whitespace().map(str::to_owned).collect();
        Kernel {
            config: config.map(parse_config),
            loaded: set(loaded),
            builtin: set(builtin),
            available: set(available),
        }
    }

    #[test]
    fn presence_follows_from_configuration_and_modules() {
        let config = Some("CONFIG_VETH=m\n# CONFIG_NFT_CT is not set\nCONFIG_NF_CONNTRACK=y\nCONFIG_HZ=250\n");
        for (kernel, option, module, expected) in [
            (kernel(config, "", "", ""), "NF_CONNTRACK", Some("nf_conntrack"), Presence::BuiltIn),
            (kernel(config, "veth", "", "veth"), "VETH", Some("veth"), Presence::Loaded),
            (kernel(config, "", "", "veth"), "VETH", Some("veth"), Presence::Available),
            (kernel(config, "", "", ""), "VETH", Some("veth"), Presence::FileMissing),
            (kernel(config, "", "", ""), "NFT_CT", Some("nft_ct"), Presence::Absent),
            (kernel(None, "veth", "", ""), "VETH", Some("veth"), Presence::Loaded),
            (kernel(None, "nf_conntrack", "nf_conntrack", ""), "NF_CONNTRACK", Some("nf_conntrack"), Presence::BuiltIn),
            (kernel(None, "", "", ""), "XDP_SOCKETS", None, Presence::Unknown),
        ] {
            assert_eq!(kernel.presence(option, module), expected, "{option} on {kernel:?}");
        }
    }

    #[test]
    fn module_names_are_read_from_paths() {
        assert_eq!(module_name("kernel/net/netfilter/nf_flow_table.ko.xz").as_deref(), Some("nf_flow_table"));
        assert_eq!(module_name("kernel/net/sched/act-ct.ko").as_deref(), Some("act_ct"));
        assert_eq!(module_name(""), None);
    }

    #[test]
    fn only_what_bench_needs_is_a_gap() {
        let none = kernel(Some(""), "", "", "");
        assert!(matches!(check("VETH", Some("veth"), true, &none).state, super::super::State::Gap { .. }));
        assert!(matches!(check("NETDEVSIM", Some("netdevsim"), false, &none).state, super::super::State::Info));
    }
}
