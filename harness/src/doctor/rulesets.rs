//! Rulesets on this machine that already offload. They are read, never changed.

use flowgauge_topologies::Netns;
use flowgauge_topologies::privilege::is_root;

use super::report::Check;
use crate::nft::{self, ReadBack};

/// Flowtables and offload flags of the namespace that flowgauge was started in.
pub(super) fn checks() -> Vec<Check> {
    let name = "nft ruleset";
    if !is_root() {
        return vec![Check::info(name, "only root can read it: sudo flowgauge doctor")];
    }
    let listing = Netns::current().map_err(nft::NftError::from).and_then(|netns| nft::list_everything(&netns));
    match listing {
        Ok(read) => found(&read),
        Err(error) => vec![Check::info(name, error.to_string())],
    }
}

fn found(read: &ReadBack) -> Vec<Check> {
    let flowtables = read.flowtables.iter().map(|flowtable| {
        let flags = if flowtable.flags.is_empty() {
            "software only".to_owned()
        } else {
            format!("flags {}", flowtable.flags.join(", "))
        };
        let counter =
            if flowtable.counter { "" } else { "; no `counter`, so conntrack's accounting of its flows freezes" };
        Check::info(
            format!("flowtable {}", flowtable.name),
            format!("on {}, {flags}{counter}", flowtable.devices.join(", ")),
        )
    });
    let offloads = |flags: &[String]| flags.iter().any(|flag| flag == "offload");
    let chains = read.chains.iter().filter(|chain| offloads(&chain.flags));
    let chains =
        chains.map(|chain| Check::info(format!("chain {}", chain.name), format!("{}, flags offload", chain.hook)));
    let all: Vec<Check> = flowtables.chain(chains).collect();
    if all.is_empty() { vec![Check::info("nft ruleset", "no flowtable and no offload flag in it")] } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowtables_and_offload_chains_are_named() {
        let read = nft::parse(
            "table inet fw {\n\tflowtable f {\n\t\thook ingress priority filter\n\t\tdevices = { eth0, eth1 }\n\t\tflags offload\n\t}\n\
             \tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n\t}\n}\n",
        );
        let checks = found(&read);
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].name, "flowtable f");
        assert!(checks[0].detail.starts_with("on eth0, eth1, flags offload; no `counter`"), "{}", checks[0].detail);
        assert!(found(&nft::parse(""))[0].detail.contains("no flowtable"));
    }
}
