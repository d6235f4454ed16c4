//! Lists the C sources of the reference NIC for `src/nic/source.rs`, which embeds them: the folder is the list.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=nic");
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("nic");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name().into_string().map_err(|name| format!("no UTF-8: {name:?}"))?;
        if name == "Kbuild" || [".c", ".h"].iter().any(|end| name.ends_with(end) && !name.ends_with(".mod.c")) {
            names.push(name);
        }
    }
    names.sort();
    let entries = names.iter().map(|name| format!("    ({name:?}, include_str!({:?})),\n", folder.join(name)));
    let list = format!("&[\n{}]\n", entries.collect::<String>());
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("nic_sources.rs"), list)?;
    Ok(())
}
