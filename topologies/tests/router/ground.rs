//! What the tests stand on: privilege, what a process holds, a datagram there and back.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flowgauge_topologies::{Netns, RouterSpec, Testbed, privilege};

/// What a child that this file starts is to do.
pub(crate) const ROLE: &str = "FLOWGAUGE_TEST_ROLE";
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// One test at a time: they compare what the whole process holds.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `body` with the privilege it needs.
pub(crate) fn with_namespaces(test: &str, body: impl FnOnce()) {
    let _alone = alone();
    if privilege::is_root() {
        return body();
    }
    let status = in_user_namespace(&mut child_of(&std::env::current_exe().unwrap(), test)).status();
    assert!(status.expect("entering a user namespace").success(), "{test} failed inside a user namespace");
}

pub(crate) fn child_of(binary: &Path, test: &str) -> Command {
    let mut command = Command::new(binary);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command
}

pub(crate) fn in_user_namespace(command: &mut Command) -> &mut Command {
    let enter = || privilege::enter_user_namespace().map_err(std::io::Error::other);
    // SAFETY: the child has one thread after the fork, which is what entering a user namespace asks for; glibc keeps
    // its allocator usable there.
    unsafe { command.pre_exec(enter) }
}

/// What of network namespaces this process could leave: descriptors, threads, mounts, links of its own namespace.
pub(crate) fn traces() -> BTreeSet<String> {
    let mut traces = BTreeSet::new();
    for fd in fs::read_dir("/proc/self/fd").unwrap() {
        if let Ok(target) = fs::read_link(fd.unwrap().path()) {
            let target = target.to_string_lossy().into_owned();
            if target.starts_with("net:") || target.starts_with("socket:") {
                traces.insert(target);
            }
        }
    }
    for task in fs::read_dir("/proc/self/task").unwrap() {
        if let Ok(netns) = fs::read_link(task.unwrap().path().join("ns/net")) {
            traces.insert(format!("thread in {}", netns.display()));
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    traces.extend(
        mounts.lines().filter(|line| line.contains(" nsfs ") && line.contains("flowgauge-test")).map(str::to_owned),
    );
    traces.extend(ports().into_iter().map(|(name, ..)| format!("link {name}")));
    traces
}

/// The traces to compare with. Tokio makes a process-wide signal pipe with the first event loop, and keeps it.
pub(crate) fn traces_after_the_first() -> BTreeSet<String> {
    drop(Testbed::build(&RouterSpec::default()).unwrap());
    traces()
}

/// Asserts that nothing is held beyond `before`. A joined thread may be on its way out of /proc a moment longer: the
/// kernel wakes who joins before it lets go of the namespace (mm_release precedes exit_task_namespaces).
pub(crate) fn assert_back_to(before: &BTreeSet<String>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = traces();
        if now == *before {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {:?}", now.symmetric_difference(before));
        std::thread::yield_now();
    }
}

/// Name, packets received and packets sent of each port of the calling thread's namespace.
pub(crate) fn ports() -> Vec<(String, u64, u64)> {
    let text = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let parse = |line: &str| {
        let (name, counters) = line.split_once(':')?;
        let counters: Vec<u64> = counters.split_whitespace().map(|word| word.parse().unwrap()).collect();
        Some((name.trim().to_owned(), counters[1], counters[9]))
    };
    text.lines().filter_map(parse).collect()
}

pub(crate) fn udp(netns: &Netns, address: IpAddr) -> UdpSocket {
    let socket = netns.run(|| UdpSocket::bind(SocketAddr::new(address, 0))).unwrap().unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A datagram of `len` bytes goes from client to server and back, through the DUT.
pub(crate) fn exchange(testbed: &Testbed, client: IpAddr, server: IpAddr, len: usize) {
    let (here, there) = (udp(&testbed.client.netns, client), udp(&testbed.server.netns, server));
    let mut buffer = vec![0; 65535];
    here.send_to(&vec![7; len], there.local_addr().unwrap()).unwrap();
    let (got, from) = there.recv_from(&mut buffer).expect("the datagram arrives at the server");
    assert_eq!((got, from), (len, here.local_addr().unwrap()));
    there.send_to(&buffer[..got], from).unwrap();
    let (got, from) = here.recv_from(&mut buffer).expect("the answer arrives at the client");
    assert_eq!((got, from), (len, there.local_addr().unwrap()));
}

/// A directory that goes with the test.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("flowgauge-test-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
