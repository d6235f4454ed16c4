//! Named namespaces go with their testbed, or with `clean` after a kill.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flowgauge_topologies::journal::{self, Action};
use flowgauge_topologies::netns_name::{NAMES_DIR, path_of};
use flowgauge_topologies::{BuildError, Netns, RouterSpec, Testbed, privilege};

use crate::ground::{ROLE, Scratch, assert_back_to, child_of, exchange, traces_after_the_first, with_namespaces};

/// Names in /run/netns that begin with `prefix`.
fn names(prefix: &str) -> Vec<String> {
    let Ok(directory) = fs::read_dir(NAMES_DIR) else { return Vec::new() };
    let names = directory.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

fn three(prefix: &str) -> [String; 3] {
    ["client", "dut", "server"].map(|role| format!("{prefix}-{role}"))
}

#[test]
fn names_go_with_the_testbed_and_after_a_failure() {
    with_namespaces("names::names_go_with_the_testbed_and_after_a_failure", || {
        let prefix = format!("flowgauge-test-a-{}", std::process::id());
        let spec = RouterSpec { keep: Some(prefix.clone()), ..RouterSpec::default() };
        if !privilege::in_initial_user_namespace() {
            assert!(matches!(Testbed::build(&spec), Err(BuildError::Privilege(_))), "names are for root");
            return;
        }
        let before = traces_after_the_first();
        let testbed = Testbed::build(&spec).unwrap();
        assert_eq!(names(&prefix), three(&prefix));
        let listed = Command::new("ip").args(["netns", "list"]).output().unwrap().stdout;
        assert!(String::from_utf8(listed).unwrap().contains(&three(&prefix)[1]), "`ip netns` knows it");
        exchange(&testbed, testbed.client.port.ipv4.into(), testbed.server.port.ipv4.into(), 100);
        drop(testbed);
        assert_eq!(names(&prefix), Vec::<String>::new());
        assert_back_to(&before);

        // The last of the three names is taken: the first two go again, the taken one stays.
        let theirs = Netns::named(&three(&prefix)[2]).unwrap();
        let error = Testbed::build(&spec).unwrap_err();
        assert!(error.to_string().contains("exists already"), "{error}");
        assert_eq!(names(&prefix), [three(&prefix)[2].clone()]);
        drop(theirs);
        assert_eq!(names(&prefix), Vec::<String>::new());
        assert_back_to(&before);
    });
}

/// Starts a child that builds a testbed with names, says so, and waits for the end of its input.
fn start_keeper(test: &str, runtime_dir: &Path, role: &str) -> Child {
    let mut command = child_of(&std::env::current_exe().unwrap(), test);
    command.env(ROLE, role).env("XDG_RUNTIME_DIR", runtime_dir).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap).any(|line| line == "ready");
    assert!(said, "the child built its testbed");
    child
}

#[test]
fn clean_removes_what_a_killed_run_left_and_nothing_else() {
    const NAME: &str = "names::clean_removes_what_a_killed_run_left_and_nothing_else";
    with_namespaces(NAME, || {
        if let Ok(prefix) = std::env::var(ROLE) {
            let _testbed = Testbed::build(&RouterSpec { keep: Some(prefix), ..RouterSpec::default() }).unwrap();
            println!("\nready");
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            return;
        }
        if !privilege::in_initial_user_namespace() {
            assert!(Netns::named("flowgauge-test").is_err(), "names are for root");
            return;
        }
        let runtime = Scratch::new("runtime");
        let journals = runtime.0.join("flowgauge");
        let prefix = |which: &str| format!("flowgauge-test-{which}-{}", std::process::id());
        let (dead, alive) = (prefix("dead"), prefix("alive"));
        let mut victim = start_keeper(NAME, &runtime.0, &dead);
        let mut survivor = start_keeper(NAME, &runtime.0, &alive);
        let bystander = Netns::named(&prefix("other")).unwrap();

        let report = journal::clean(&journals, false).unwrap();
        assert_eq!((report.live.len(), report.actions.len()), (2, 0), "both runs are alive: {report:?}");
        victim.kill().unwrap();
        // Not waited for yet: even a zombie counts as dead. The kernel reports it within the wait below at the latest.
        victim.wait().unwrap();
        assert_eq!(names(&dead), three(&dead), "a killed run leaves its names");

        let report = journal::clean(&journals, true).unwrap();
        assert_eq!((report.live.len(), report.actions.len()), (1, 3), "{report:?}");
        assert_eq!(names(&dead), three(&dead), "a dry run removes nothing");
        let report = journal::clean(&journals, false).unwrap();
        assert!(report.actions.iter().all(|(_, action)| matches!(action, Action::Removed)), "{report:?}");
        assert!(report.is_clean() && report.actions.len() == 3);
        assert_eq!(names(&dead), Vec::<String>::new());
        assert_eq!(names(&alive), three(&alive), "a live run keeps its names");
        assert!(path_of(&prefix("other")).exists(), "what no record names stays");

        drop(survivor.stdin.take());
        assert!(survivor.wait().unwrap().success());
        assert_eq!(names(&alive), Vec::<String>::new());
        assert!(!journals.exists(), "no record is left, nor their directory");
        drop(bystander);
    });
}
