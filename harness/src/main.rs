//! `flowgauge`: what does nftables offload buy, and is it really taken?

use std::process::exit;

use flowgauge::commands;

fn main() {
    // The same binary is the init of the guests that it boots.
    if flowgauge_topologies::vm::is_guest_init() {
        flowgauge_topologies::vm::guest_init();
    }
    find_system_programs();
    exit(commands::main(std::env::args_os()));
}

/// Appends the folders of system programs to PATH: nft lies in one, and users other than root lack them.
fn find_system_programs() {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin:/usr/bin:/bin");
    // SAFETY: no other thread exists yet that could read the environment.
    unsafe { std::env::set_var("PATH", path) };
}
