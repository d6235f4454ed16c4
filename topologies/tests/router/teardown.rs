//! Nothing of a testbed is left: after a drop, after a build that failed.

use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use flowgauge_topologies::{BuildError, Netns, RouterSpec, Testbed};

use crate::ground::{PATIENCE, ROLE, assert_back_to, child_of, ports, traces, traces_after_the_first, with_namespaces};

#[test]
fn dropping_leaves_nothing_and_takes_little_time() {
    with_namespaces("teardown::dropping_leaves_nothing_and_takes_little_time", || {
        let before = traces_after_the_first();
        let mut took = Vec::new();
        for _ in 0..15 {
            let start = Instant::now();
            let testbed = Testbed::build(&RouterSpec::default()).unwrap();
            let built = start.elapsed();
            assert_ne!(traces(), before, "the comparison sees a testbed");
            let start = Instant::now();
            drop(testbed);
            took.push((built + start.elapsed(), built));
            assert_back_to(&before);
        }
        took.sort();
        // The fastest is what a testbed takes; the others add what else the machine was doing.
        let ((fastest, built), (median, _)) = (took[0], took[took.len() / 2]);
        println!("up and down in {fastest:?} (fastest of 15, up alone {built:?}; median {median:?})");
        assert!(fastest < Duration::from_millis(100), "{fastest:?}");
    });
}

#[test]
fn the_kernel_destroys_the_namespaces() {
    with_namespaces("teardown::the_kernel_destroys_the_namespaces", || {
        // A second link from each namespace to one that stays: its far end goes when, and only when, the kernel
        // destroys the near one's namespace. Something that held on to it unseen would keep both.
        let outside = Netns::new().unwrap();
        let path = format!("/proc/{}/fd/{}", std::process::id(), outside.fd().as_raw_fd());
        let testbed = Testbed::build(&RouterSpec::default()).unwrap();
        for (netns, name) in [(&testbed.client.netns, "fc"), (&testbed.dut.netns, "fd"), (&testbed.server.netns, "fs")]
        {
            let args = ["link", "add", "canary", "type", "veth", "peer", "name", name, "netns", &path];
            let status = netns.run(|| Command::new("ip").args(args).status()).unwrap().unwrap();
            assert!(status.success());
        }
        assert_eq!(outside.run(ports).unwrap().len(), 4, "loopback and three canaries");
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket = outside.connection(event_loop.handle()).unwrap();
        drop(testbed);
        event_loop.block_on(async {
            use futures_util::StreamExt;
            tokio::spawn(socket.connection);
            let mut events = socket.link_events;
            let gone = async {
                while outside.run(ports).unwrap().len() > 1 {
                    events.next().await;
                }
            };
            tokio::time::timeout(PATIENCE, gone).await.expect("the namespaces are destroyed");
        });
    });
}

#[test]
fn a_build_that_fails_half_way_leaves_nothing() {
    const NAME: &str = "teardown::a_build_that_fails_half_way_leaves_nothing";
    with_namespaces(NAME, || {
        // A process that may open ever more files fails at one step after the other, until it succeeds. In a child,
        // because the limit is the whole process's.
        if std::env::var(ROLE).is_err() {
            let status = child_of(&std::env::current_exe().unwrap(), NAME).env(ROLE, "few files").status().unwrap();
            return assert!(status.success());
        }
        let before = traces_after_the_first();
        let (_, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
        let limit = |files| {
            nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, files, hard).unwrap();
        };
        let mut errors = BTreeSet::new();
        for files in 3..200 {
            limit(files);
            let outcome = Testbed::build(&RouterSpec::default());
            limit(hard);
            match outcome {
                Ok(testbed) => {
                    drop(testbed);
                    assert_back_to(&before);
                    println!("failed with fewer than {files} files, in these ways: {errors:#?}");
                    return assert!(errors.len() >= 3, "too few steps failed: {errors:?}");
                }
                Err(error) => {
                    errors.insert(error.to_string());
                    assert_back_to(&before);
                }
            }
        }
        panic!("200 files are enough: {errors:?}");
    });
}

#[test]
fn what_cannot_be_built_is_refused_before_anything_is_made() {
    with_namespaces("teardown::what_cannot_be_built_is_refused_before_anything_is_made", || {
        let before = traces();
        let small = RouterSpec { mtu: 1000, ..RouterSpec::default() };
        assert!(matches!(Testbed::build(&small), Err(BuildError::Spec(_))));
        let escape = RouterSpec { keep: Some("../escape".to_owned()), ..RouterSpec::default() };
        assert!(matches!(Testbed::build(&escape), Err(BuildError::Spec(_))));
        assert_back_to(&before);
    });
}
