//! The guest's first file system: this binary, the modules it is to load, and a boot description.

use super::{
    ExtraModule, VmError,
    boot::{BootDescription, DESCRIPTION},
    cpio::Archive,
    own_binary,
};
use crate::kernel::LoadOrder;

/// What every VM needs before the host's root and the channel are there. virtio_pci and
/// virtio_console are modules in Debian's 6.1 and built in from 6.12 on. libcrc32c, under nf_tables
/// and nf_conntrack, asks the crypto core for "crc32c" by that alias (up to 6.12), so no dependency names it.
pub(crate) const BASE_MODULES: &[&str] = &["crc32c_generic", "virtio_pci", "virtio_console", "9p", "9pnet_virtio"];

/// What the `router` testbed and its rulesets use. A module is asked for whenever it is a module in
/// one of Debian's 6.1, 6.12 or 7.2; where it is built in or gone, the boot goes on.
pub const ROUTER_MODULES: &[&str] = &[
    // links and sockets
    "af_packet",
    "veth",
    "dummy",
    // nftables: the core, and the expressions of our rulesets
    "nf_tables",
    "nft_ct",
    "nft_nat",
    "nft_masq",
    "nft_redir",
    "nft_chain_nat",
    "nft_limit",
    "nft_reject",
    "nft_reject_inet",
    "nft_log",
    "nft_numgen",
    "nft_fib_inet",
    "nft_fwd_netdev",
    "nft_dup_netdev",
    // connection tracking, also over netlink (IPv4 and IPv6 are part of nf_conntrack)
    "nf_conntrack",
    "nf_conntrack_netlink",
    "nf_nat",
    // the flowtable
    "nf_flow_table",
    "nf_flow_table_inet",
    "nft_flow_offload",
    // tc
    "sch_ingress",
    "cls_flower",
    "cls_matchall",
    "cls_bpf",
    "act_ct",
    "act_gact",
    "act_mirred",
    // the kernel's own generator, and socket statistics for iperf3 (ss)
    "pktgen",
    "inet_diag",
    "tcp_diag",
];

/// What the cases of conformance use beyond [`ROUTER_MODULES`]: encapsulations, and what rules look at. A run that measures
/// goes without, for modules leave hooks behind.
pub const CONFORM_MODULES: &[&str] = &[
    // devices
    "8021q",
    "bridge",
    "pppoe",
    "ipip",
    "ip6_tunnel",
    "bonding",
    // an IPsec tunnel without encryption
    "xfrm_user",
    "esp4",
    "authenc",
    "crypto_null",
    // expressions
    "nft_objref",
    "nft_quota",
    "nft_connlimit",
    "nft_hash",
    "nft_synproxy",
    "nf_log_syslog",
    "nfnetlink_log",
    // protocols that conntrack looks into, and their translation
    "nf_conntrack_ftp",
    "nf_nat_ftp",
    "nf_conntrack_tftp",
    "nf_nat_tftp",
    "nf_conntrack_sip",
    "nf_nat_sip",
    // queues
    "sch_netem",
    "sch_tbf",
    "sch_fq_codel",
    "sch_prio",
];

/// How the reference NIC is loaded for conformance: with a table that is read whole in a millisecond. The one of a million
/// rules that measurements use takes 50 ms to read when it is empty, under emulation.
pub const CONFORM_NIC_PARAMETERS: &str = "table_size=16384";

/// The archive for one boot.
pub(crate) fn build(
    modules: &LoadOrder,
    extra: &[ExtraModule],
    worker: Vec<String>,
    environment: Vec<(String, String)>,
) -> Result<Vec<u8>, VmError> {
    let mut archive = Archive::default();
    for folder in ["/dev", "/proc", "/sys", "/host"] {
        archive.folder(folder);
    }
    // The kernel opens it for init before init can mount devtmpfs.
    archive.character_device("/dev/console", 5, 1);
    own_binary::add(&mut archive)?;
    let path = |name: &str| format!("/modules/{name}.ko");
    for module in &modules.load {
        archive.file(&path(&module.name), 0o644, &module.object);
    }
    let modules = modules.load.iter().map(|module| path(&module.name)).collect();
    let mut extra_modules = Vec::new();
    for (index, module) in extra.iter().enumerate() {
        let object = std::fs::read(&module.path).map_err(VmError::io("read module", &module.path))?;
        let name = module.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let path = path(&format!("extra-{index}/{name}"));
        archive.file(&path, 0o644, &object);
        extra_modules.push((path, module.parameters.clone()));
    }
    let description = BootDescription { modules, extra_modules, worker, environment };
    let text = serde_json::to_vec(&description).map_err(|e| VmError::Options(e.to_string()))?;
    archive.file(DESCRIPTION, 0o644, &text);
    Ok(archive.finish())
}
