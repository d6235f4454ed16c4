//! A plan run as an array of Slurm jobs and joined: a real slurmctld, slurmd and munged, on one node, with a configuration,
//! a key and ports of their own. Needs root, and the packages that `.ci/deps` installs.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowgauge_reports::RunResult;
use flowgauge_reports::result::Ending;
use flowgauge_tests::{Machine, Scratch, flowgauge, machine, program, run};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PLAN: &str =
    "udp-ipv4 --kernel host --datapath forward,conntrack --trial 50ms --warmup 0s --blocks 6 --seed 11 --quiet";

/// A cluster of one node: this machine. Its daemons are children of the test and end with it.
struct Cluster {
    folder: PathBuf,
    daemons: Vec<(&'static str, Child)>,
}

impl Cluster {
    fn start(folder: &Path) -> Cluster {
        for name in ["state", "spool"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        let key = folder.join("munge.key");
        let random: Vec<u8> = fs::read("/proc/sys/kernel/random/uuid").unwrap().repeat(4);
        fs::write(&key, random).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
        // Slurm knows nodes by the first part of their name.
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let host = host.trim().split('.').next().unwrap_or("localhost").to_owned();
        fs::write(folder.join("slurm.conf"), configuration(folder, &host)).unwrap();
        let mut cluster = Cluster { folder: folder.to_owned(), daemons: Vec::new() };
        let file = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
        let files = [
            ("key-file", "munge.key"),
            ("socket", "munge.socket"),
            ("pid-file", "munged.pid"),
            ("log-file", "munged.log"),
            ("seed-file", "munged.seed"),
        ];
        let mut arguments: Vec<String> = files.iter().map(|(option, name)| file(option, name)).collect();
        arguments.extend(["--foreground", "--force"].map(str::to_owned));
        cluster.daemon("munged", &arguments);
        cluster.wait("munged", |c| c.folder.join("munge.socket").exists());
        cluster.daemon("slurmctld", &["-D".to_owned(), "-c".to_owned()]);
        cluster.daemon("slurmd", &["-D".to_owned(), "-N".to_owned(), host]);
        cluster.wait("a node that is idle", |c| c.said("sinfo", &["--noheader", "--format=%T"]).trim() == "idle");
        cluster
    }

    fn daemon(&mut self, name: &'static str, arguments: &[String]) {
        let log = fs::File::create(self.folder.join(format!("{name}.said"))).unwrap();
        let mut command = self.command(name);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|e| panic!("starting {name}: {e}; .ci/deps installs it"));
        self.daemons.push((name, child));
    }

    /// A program of Slurm's that knows this cluster, and not one that the test may run in.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("SLURM_CONF", self.folder.join("slurm.conf"));
        command.current_dir(&self.folder);
        command
    }

    fn said(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.command(name).args(arguments).stderr(Stdio::null()).output();
        output.map_or_else(|_| String::new(), |o| String::from_utf8_lossy(&o.stdout).into_owned())
    }

    fn wait(&self, what: &str, ready: impl Fn(&Cluster) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !ready(self) {
            assert!(Instant::now() < deadline, "no {what} within a minute:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The last that each daemon said.
    fn logs(&self) -> String {
        let tail = |name: &str| {
            let text = fs::read_to_string(self.folder.join(format!("{name}.said"))).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("{name}:\n{}\n", lines[lines.len().saturating_sub(15)..].join("\n"))
        };
        self.daemons.iter().map(|(name, _)| tail(name)).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What still runs, because the test failed, goes before the daemons that look after it.
        self.said("scancel", &["--full", "--partition=all"]);
        for (_, child) in self.daemons.iter_mut().rev() {
            let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM);
            let deadline = Instant::now() + Duration::from_secs(10);
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn configuration(folder: &Path, host: &str) -> String {
    let listeners = [0, 0].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let [controller, node] = listeners.map(|listener| listener.local_addr().unwrap().port());
    let folder = folder.display();
    format!(
        "ClusterName=flowgauge
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName={host} NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=10 State=UP
"
    )
}

#[test]
fn four_jobs_of_an_array_joined_are_the_whole() {
    let _alone = machine::alone();
    let before = Machine::look();
    let (scratch, daemons) = (Scratch::new(), Scratch::new());
    let path = |name: &str| scratch.path().join(name);
    {
        let cluster = Cluster::start(daemons.path());
        let script = path("job.sh");
        let bench = format!("{} bench {PLAN} --shard auto --out shards", program::path().display());
        fs::write(&script, format!("#!/bin/sh\nexec {bench}\n")).unwrap();
        let mut sbatch = cluster.command("sbatch");
        sbatch.args(["--wait", "--array=1-4", "--output=job-%a.log"]).arg("--chdir").arg(scratch.path()).arg(&script);
        let outcome = run(sbatch);
        let said: String =
            (1..=4).map(|i| fs::read_to_string(path(&format!("job-{i}.log"))).unwrap_or_default()).collect();
        assert_eq!(outcome.code, 0, "{}\n{said}\n{}", outcome.err, cluster.logs());
    }
    run(flowgauge(&["merge", path("shards").to_str().unwrap(), "--out", path("joined").to_str().unwrap()]))
        .expect_code(0);
    let mut whole = flowgauge(&["bench"]);
    whole.args(PLAN.split(' ')).arg("--out").arg(path("whole"));
    run(whole).expect_code(0);

    let joined = RunResult::load(path("joined")).unwrap();
    let whole = RunResult::load(path("whole/LAST")).unwrap();
    assert_eq!((&joined.plan, &joined.ending), (&whole.plan, &Ending::Complete));
    let steps: Vec<usize> = joined.trials.iter().map(|trial| trial.step).collect();
    assert_eq!(steps, (0..12).collect::<Vec<_>>(), "every step once");
    let rows = |result: &RunResult| -> Vec<_> {
        let rows = result.judgement.rows.iter();
        rows.map(|row| (row.name.clone(), row.datapath, row.trials, row.planned, row.verdict.clone())).collect()
    };
    assert_eq!(rows(&joined), rows(&whole));
    before.expect_unchanged();
}
