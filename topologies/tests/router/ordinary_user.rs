//! No root is needed where the kernel lets users have namespaces.

use std::fs;
use std::os::unix::process::CommandExt;

use flowgauge_topologies::{RouterSpec, Testbed, privilege};

use crate::ground::{ROLE, Scratch, alone, child_of, exchange, in_user_namespace};

#[test]
fn an_ordinary_user_builds_one_in_a_user_namespace() {
    const NAME: &str = "ordinary_user::an_ordinary_user_builds_one_in_a_user_namespace";
    if std::env::var(ROLE).is_ok() {
        assert!(privilege::is_root() && !privilege::in_initial_user_namespace());
        let testbed = Testbed::build(&RouterSpec::default()).unwrap();
        exchange(&testbed, testbed.client.port.ipv4.into(), testbed.server.port.ipv4.into(), 100);
        exchange(&testbed, testbed.client.port.ipv6.into(), testbed.server.port.ipv6.into(), 100);
        return;
    }
    let _alone = alone();
    // The build directory may be closed to others; a copy is not.
    let scratch = Scratch::new("user");
    let binary = scratch.0.join("router");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    let mut command = child_of(&binary, NAME);
    command.env(ROLE, "user").current_dir("/");
    if privilege::is_root() {
        const NOBODY: u32 = 65534;
        // SAFETY: system calls only. Dumpable again, or /proc/self would stay root's after the change of user.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setgroups(&[])?;
                nix::unistd::setgid(NOBODY.into())?;
                nix::unistd::setuid(NOBODY.into())?;
                nix::sys::prctl::set_dumpable(true)?;
                Ok(())
            });
        }
    }
    let outcome = in_user_namespace(&mut command).status();
    if privilege::in_a_chroot() {
        // Where the kernel never makes one, what can be tested is that it is said and nothing runs.
        assert!(outcome.is_err(), "a user namespace inside a chroot: {outcome:?}");
    } else {
        assert!(outcome.expect("entering a user namespace").success());
    }
}
