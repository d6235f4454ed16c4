//! What `nft list table` says of flowtables and base chains: devices, flags, hooks.

/// A table as the kernel holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// nft's own text.
    pub text: String,
    /// The flowtables.
    pub flowtables: Vec<Flowtable>,
    /// The chains.
    pub chains: Vec<Chain>,
}

/// A flowtable as the kernel holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flowtable {
    /// Its name.
    pub name: String,
    /// The devices it takes packets from.
    pub devices: Vec<String>,
    /// Its flags, such as `offload`.
    pub flags: Vec<String>,
    /// Whether it feeds conntrack's accounting.
    pub counter: bool,
}

/// A chain as the kernel holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Hook, priority and device of a base chain, as nft writes them; empty for others.
    pub hook: String,
    /// Its flags, such as `offload`.
    pub flags: Vec<String>,
    /// How many rules it has.
    pub rules: usize,
}

enum Block {
    None,
    Flowtable(Flowtable),
    Chain(Chain),
}

/// Reads the output of `nft list table` or `nft list ruleset`.
pub fn parse(listing: &str) -> ReadBack {
    let mut read = ReadBack { text: listing.to_owned(), ..ReadBack::default() };
    let mut block = Block::None;
    for line in listing.lines().map(str::trim) {
        match &mut block {
            _ if line == "}" => match std::mem::replace(&mut block, Block::None) {
                Block::Flowtable(flowtable) => read.flowtables.push(flowtable),
                Block::Chain(chain) => read.chains.push(chain),
                Block::None => {}
            },
            Block::None => block = opening(line),
            Block::Flowtable(flowtable) => flowtable_line(flowtable, line),
            Block::Chain(chain) => chain_line(chain, line),
        }
    }
    read
}

fn opening(line: &str) -> Block {
    let name = |kind: &str| line.strip_prefix(kind)?.strip_suffix('{').map(|name| name.trim().to_owned());
    if let Some(name) = name("flowtable ") {
        Block::Flowtable(Flowtable { name, ..Flowtable::default() })
    } else if let Some(name) = name("chain ") {
        Block::Chain(Chain { name, ..Chain::default() })
    } else {
        Block::None
    }
}

fn flowtable_line(flowtable: &mut Flowtable, line: &str) {
    if let Some(devices) = line.strip_prefix("devices = {") {
        let devices = devices.trim_end_matches(['}', ';', ' ']).split(',');
        flowtable.devices =
            devices.map(|name| name.trim().trim_matches('"').to_owned()).filter(|n| !n.is_empty()).collect();
    } else if let Some(flags) = line.strip_prefix("flags ") {
        flowtable.flags = list(flags);
    } else if line.trim_end_matches(';') == "counter" {
        flowtable.counter = true;
    }
}

fn chain_line(chain: &mut Chain, line: &str) {
    if line.is_empty() {
        return;
    }
    if !line.starts_with("type ") {
        chain.rules += 1;
        return;
    }
    // type filter hook ingress device "lan0" priority 1; flags offload; policy accept;
    for part in line.split(';').map(str::trim) {
        if let Some((_, hook)) = part.split_once(" hook ") {
            chain.hook = hook.to_owned();
        } else if let Some(flags) = part.strip_prefix("flags ") {
            chain.flags = list(flags);
        }
    }
}

fn list(words: &str) -> Vec<String> {
    words.trim_end_matches(';').split(',').map(|word| word.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_devices_are_seen_as_each_nft_writes_them() {
        let of_1_0_6 = "\
table inet flowgauge {
	flowtable fast {
		hook ingress priority filter
		devices = { lan0, wan0 }
		flags offload
		counter
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname \"lan0\" counter packets 3 bytes 180 comment \"classic upstream\"
		meta l4proto { tcp, udp } flow add @fast
	}
}
";
        let read = parse(of_1_0_6);
        let fast = Flowtable {
            name: "fast".to_owned(),
            devices: vec!["lan0".to_owned(), "wan0".to_owned()],
            flags: vec!["offload".to_owned()],
            counter: true,
        };
        assert_eq!(read.flowtables, [fast]);
        assert_eq!((read.chains[0].name.as_str(), read.chains[0].rules), ("forward", 2));
        assert_eq!(read.chains[0].hook, "forward priority filter");
        let newer = parse("table ip t {\n\tflowtable f {\n\t\tdevices = { \"lan0\" };\n\t}\n}\n");
        assert_eq!(newer.flowtables[0].devices, ["lan0"]);
        assert!(newer.flowtables[0].flags.is_empty() && !newer.flowtables[0].counter);
    }

    #[test]
    fn offloaded_base_chains_are_told_from_others() {
        let read = parse(
            "table netdev t {\n\tchain a {\n\t\ttype filter hook ingress device \"p0\" priority 1; flags offload; policy accept;\n\t}\n\
             \tchain b {\n\t\tdrop\n\t}\n}\n",
        );
        assert_eq!(read.chains[0].flags, ["offload"]);
        assert_eq!(read.chains[0].hook, "ingress device \"p0\" priority 1");
        assert_eq!(read.chains[1], Chain { name: "b".to_owned(), rules: 1, ..Chain::default() });
        assert_eq!(parse(""), ReadBack::default());
    }
}
