//! The journal: what it names is removed once its run is dead, whatever else is there. Needs no privilege.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flowgauge_topologies::journal::{Action, JournalError, clean};
use flowgauge_topologies::journal::{Journal, Resource};
use flowgauge_topologies::{NetnsId, ProcessId};

const DIRECTORY: &str = "FLOWGAUGE_TEST_JOURNAL";

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("flowgauge-test-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    fn journals(&self) -> PathBuf {
        self.0.join("journals")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The part of the child that is to be killed: it makes things, records them first, and waits.
#[expect(clippy::zombie_processes, reason = "the orphan is what the test is about")]
fn be_killed(directory: &Path) {
    let mut journal = Journal::open_in(&directory.join("journals")).unwrap();
    let work = directory.join("work");
    journal.record(Resource::Path(work.clone())).unwrap();
    fs::create_dir(&work).unwrap();
    fs::write(work.join("console.log"), "text").unwrap();
    symlink(directory.join("precious"), work.join("link")).unwrap();
    // Only programs that a run starts are ended, so this one bears the name of such a program.
    let program = directory.join("iperf3");
    fs::copy("/bin/sleep", &program).unwrap();
    let child = Command::new(program).arg("1000").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    journal.record(Resource::Process(ProcessId::of(child.id()).unwrap())).unwrap();
    journal.record(Resource::Path(directory.join("never-made"))).unwrap();
    println!("\nchild {}", child.id());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_killed_run_is_cleaned_up_after_and_nothing_else() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return be_killed(Path::new(&directory));
    }
    let scratch = Scratch::new("killed");
    fs::create_dir(scratch.0.join("precious")).unwrap();
    fs::write(scratch.0.join("precious/file"), "keep").unwrap();
    let mut run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_run_is_cleaned_up_after_and_nothing_else", "--nocapture"])
        .env(DIRECTORY, &scratch.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(run.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
    let child =
        said.find_map(|line| line.strip_prefix("child ").map(|pid| pid.parse().unwrap())).expect("it got ready");
    let child = ProcessId::of(child).unwrap();

    let report = clean(&scratch.journals(), false).unwrap();
    assert_eq!((report.live.len(), report.actions.len()), (1, 0), "a live run is left alone: {report:?}");
    run.kill().unwrap();
    run.wait().unwrap();
    let report = clean(&scratch.journals(), true).unwrap();
    assert_eq!(report.actions.len(), 3, "{report:?}");
    assert!(child.is_alive() && scratch.0.join("work/console.log").exists(), "a dry run removes nothing");

    let report = clean(&scratch.journals(), false).unwrap();
    let did: Vec<_> = report.actions.iter().map(|(_, action)| action).collect();
    assert!(matches!(did[..], [Action::Gone, Action::Removed, Action::Removed]), "last made, first removed: {did:?}");
    assert!(report.is_clean() && !scratch.0.join("work").exists());
    assert!(scratch.0.join("precious/file").exists(), "a link is removed, not followed");
    // The orphan is dead when whoever adopted it has waited for it, or a zombie before that.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while child.is_alive() {
        assert!(std::time::Instant::now() < deadline, "the child was killed");
        std::thread::yield_now();
    }
    assert!(!scratch.journals().exists(), "no record is left, nor their directory");
    assert!(clean(&scratch.journals(), false).unwrap().actions.is_empty());
}

/// The record of a run of ours, turned into one of a dead process.
fn record_of_the_dead(scratch: &Scratch, resources: &[Resource]) -> PathBuf {
    let mut journal = Journal::open_in(&scratch.journals()).unwrap();
    for resource in resources {
        journal.record(resource.clone()).unwrap();
    }
    let path = fs::read_dir(scratch.journals()).unwrap().next().unwrap().unwrap().path();
    let json = fs::read_to_string(&path).unwrap();
    drop(journal);
    assert!(!scratch.journals().exists(), "a run that ends removes its record");
    let mut record: serde_json::Value = serde_json::from_str(&json).unwrap();
    record["owner"]["start_ticks"] = 1.into();
    fs::DirBuilder::new().mode(0o700).create(scratch.journals()).unwrap();
    fs::write(&path, record.to_string()).unwrap();
    path
}

#[test]
fn what_is_not_the_runs_any_more_is_left_alone() {
    let scratch = Scratch::new("foreign");
    let own = ProcessId::own().unwrap();
    let record = record_of_the_dead(
        &scratch,
        &[
            Resource::Process(ProcessId { start_ticks: own.start_ticks + 1, ..own }),
            Resource::Path("/".into()),
            Resource::Path("/tmp".into()),
            Resource::Path("relative/path".into()),
            Resource::NamedNamespace { name: "../../etc".to_owned(), id: NetnsId { device: 0, inode: 0 } },
        ],
    );
    let report = clean(&scratch.journals(), false).unwrap();
    assert_eq!(report.actions.len(), 5);
    assert!(report.actions.iter().all(|(_, action)| matches!(action, Action::Left(_) | Action::Gone)), "{report:?}");
    assert!(!record.exists());
}

#[test]
fn a_record_made_to_do_harm_does_none() {
    let scratch = Scratch::new("harm");
    let precious = scratch.0.join("precious");
    fs::create_dir(&precious).unwrap();
    let detour = scratch.0.join("detour");
    symlink(&scratch.0, &detour).unwrap();
    // Alive, of our own and with the right start; but no program of a run.
    let mut bystander = Command::new("sleep").arg("1000").spawn().unwrap();
    let process = ProcessId::of(bystander.id()).unwrap();
    let outside = std::env::temp_dir().join(format!("no-run-of-ours-{}", std::process::id()));
    fs::write(&outside, "keep").unwrap();
    // Until it has executed, a child is this test's program; what counts is that it is none of a run's.
    let harmful = [
        Resource::Process(process),
        Resource::Path(outside.clone()),
        Resource::Path(scratch.0.join("x/../precious")),
        Resource::Path(detour.join("precious")),
        Resource::NamedNamespace { name: "somebody".to_owned(), id: NetnsId { device: 0, inode: 0 } },
    ];
    let record = record_of_the_dead(&scratch, &harmful);
    let report = clean(&scratch.journals(), false).unwrap();
    let (alive, kept) = (process.is_alive(), outside.exists() && precious.exists());
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    fs::remove_file(&outside).unwrap();
    assert!(alive && kept, "{report:?}");
    assert_eq!(report.actions.len(), harmful.len());
    assert!(report.actions.iter().all(|(_, action)| matches!(action, Action::Left(_))), "{report:?}");
    assert!(!record.exists());
}

#[test]
fn a_record_that_is_not_understood_stays_and_is_named() {
    let scratch = Scratch::new("corrupt");
    let record = record_of_the_dead(&scratch, &[Resource::Path(scratch.0.join("never-made"))]);
    for text in ["", "{", "null", r#"{"version": 1}"#] {
        fs::write(&record, text).unwrap();
        let report = clean(&scratch.journals(), false).unwrap();
        assert!(!report.is_clean() && report.skipped[0].0 == record && record.exists(), "{text:?}: {report:?}");
    }
}

#[test]
fn a_directory_that_others_could_write_is_not_trusted() {
    let scratch = Scratch::new("trust");
    let directory = scratch.journals();
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Journal::open_in(&directory), Err(JournalError::NotOurs(_))));
    assert!(matches!(clean(&directory, false), Err(JournalError::NotOurs(_))));
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(Journal::open_in(&directory).is_ok());
    let link = scratch.0.join("link");
    symlink(&directory, &link).unwrap();
    assert!(matches!(Journal::open_in(&link), Err(JournalError::NotOurs(_))));
}
