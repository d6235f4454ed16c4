//! Lending: testbeds on the NIC one after the other, each proven to carry frames, and the ports home in between.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use flowgauge_scenarios::Topology;
use flowgauge_topologies::{BuildError, LinkOffloads, LoanError, Netns, Ports, RouterSpec, Testbed, features};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};

use crate::guest::{feed, load, ports_as_they_are, unload};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const ROUNDS: usize = 20;

/// An nft ruleset that offloads to the NIC. It is left in place, for the end of the testbed to deal with.
const OFFLOAD: &str = "table inet t {
    flowtable f { hook ingress priority 0; devices = { nic0, nic1 }; flags offload; }
    chain forward { type filter hook forward priority 0; meta l4proto udp flow add @f; }
}
table netdev t {
    chain ingress { type filter hook ingress device nic0 priority 1; policy accept; flags offload; udp dport 9 drop; }
}";

pub(crate) fn worker(module: &str) -> ExitCode {
    match lend_and_return(module) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Builds a testbed, says so, and waits to be killed.
pub(crate) fn holder() -> ExitCode {
    match Testbed::build(&spec()) {
        Ok(testbed) => {
            println!("built");
            let _ = std::io::stdin().read_line(&mut String::new());
            drop(testbed);
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn spec() -> RouterSpec {
    RouterSpec { ports: Ports::from(Topology::NicRouter), ..RouterSpec::default() }
}

fn lend_and_return(module: &str) -> Outcome {
    let absent = Testbed::build(&spec()).err().map(|error| error.to_string()).unwrap_or_default();
    check(absent.contains("nic0") && absent.contains("flowgauge_nic"), || format!("without the module: {absent:?}"))?;
    load(module)?;
    let before = ports_as_they_are();
    refusals(&before)?;
    let mut fastest = [Duration::MAX; 2];
    for round in 0..ROUNDS {
        let offloads = LinkOffloads { gro: round % 3 == 1, ..LinkOffloads::default() };
        let mtu = [1500, 9000, 1280][round % 3];
        let spec = RouterSpec { mtu, client_link: offloads, server_link: offloads, ..spec() };
        let start = Instant::now();
        let testbed = Testbed::build(&spec)?;
        fastest[0] = fastest[0].min(start.elapsed());
        carries(&testbed, &spec).map_err(|error| format!("round {round}: {error}"))?;
        if round % 2 == 1 {
            feed(&testbed.dut.netns, "nft", &["-f", "-"], OFFLOAD)?;
            carries(&testbed, &spec).map_err(|error| format!("round {round}, offloaded: {error}"))?;
        }
        let start = Instant::now();
        match round % 4 {
            3 => drop(testbed),
            _ => testbed.close()?,
        }
        fastest[1] = fastest[1].min(start.elapsed());
        same_ports(&before, || format!("round {round}"))?;
    }
    println!(
        "{ROUNDS} testbeds, the ports back as they were each time; up in {:?}, down in {:?}",
        fastest[0], fastest[1]
    );
    killed(&before)?;
    unload()?;
    Ok(())
}

/// The testbed is as it says, and frames cross the DUT with their TTL one less.
fn carries(testbed: &Testbed, spec: &RouterSpec) -> Outcome {
    let (dut, client, server) = (&testbed.dut, &testbed.client, &testbed.server);
    let names = [&client.port.name, &dut.lan.name, &dut.wan.name, &server.port.name];
    check(names == ["wire0", "nic0", "nic1", "wire1"], || format!("{names:?}"))?;
    let drivers = [&client.port, &dut.lan, &dut.wan, &server.port].map(|port| port.driver.as_str());
    check(drivers == ["flowgauge_nic"; 4], || format!("{drivers:?}"))?;
    check(testbed.simulated && testbed.testers_in_threads, || "it does not say what it is".to_owned())?;
    for port in [&dut.lan.name, &dut.wan.name] {
        let features = dut.netns.run(|| features::read(port))??;
        check(features.get("hw-tc-offload").is_some_and(|f| f.active), || format!("{port} takes no rules"))?;
        check(features["rx-gro"].active == spec.client_link.gro, || format!("GRO of {port} is not as asked"))?;
    }
    let pairs: [(IpAddr, IpAddr); 2] =
        [(client.port.ipv4.into(), server.port.ipv4.into()), (client.port.ipv6.into(), server.port.ipv6.into())];
    for (here, there) in pairs {
        // Several there and back, so that an offloaded flow is in hardware for the last.
        let full = spec.mtu as usize - if here.is_ipv4() { 28 } else { 48 };
        let (out, back) = (udp(&client.netns, here)?, udp(&server.netns, there)?);
        for len in [64, full, 1, full, full, 64] {
            for (from, to) in [(&out, &back), (&back, &out)] {
                from.send_to(&vec![7; len], to.local_addr()?)?;
                let (got, ttl) = receive(to)?;
                check((got, ttl) == (len, 63), || format!("{got} bytes with TTL {ttl}, sent {len} with 64"))?;
            }
        }
    }
    Ok(())
}

/// What cannot be built is refused, with what to do, and nothing has changed.
fn refusals(before: &BTreeMap<String, String>) -> Outcome {
    let here = Netns::current()?;
    feed(&here, "ip", &["link", "set", "wire1", "up"], "")?;
    let error = Testbed::build(&spec()).err();
    check(matches!(error, Some(BuildError::Loan(LoanError::InUse { .. }))), || format!("{error:?}"))?;
    feed(&here, "ip", &["link", "set", "wire1", "down"], "")?;
    same_ports(before, || "after a refusal".to_owned())?;
    let bed = Testbed::build(&spec())?;
    let error = Testbed::build(&spec()).err();
    check(matches!(error, Some(BuildError::Loan(LoanError::Absent { .. }))), || format!("{error:?}"))?;
    bed.close()?;
    // The testers' ports take no rules: half way through, the build gives back what it had.
    let Ports::Nic(mut nic) = spec().ports else { return Err("not on the NIC".into()) };
    std::mem::swap(&mut nic.wan, &mut nic.wan_wire);
    let error = Testbed::build(&RouterSpec { ports: Ports::Nic(nic), ..spec() }).err();
    check(matches!(error, Some(BuildError::Loan(LoanError::NoOffload { .. }))), || format!("{error:?}"))?;
    same_ports(before, || "after a build that failed half way".to_owned())
}

/// A testbed whose process is killed: the ports come home by themselves, also when their name is taken meanwhile.
fn killed(before: &BTreeMap<String, String>) -> Outcome {
    let here = Netns::current()?;
    for clash in [false, true] {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--as-holder")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().ok_or("no stdout")?), &mut said)?;
        check(said.trim() == "built", || said.clone())?;
        if clash {
            feed(&here, "ip", &["link", "add", "nic0", "type", "dummy"], "")?;
        }
        child.kill()?;
        child.wait()?;
        if clash {
            // All are home when the last is: they come in no order.
            let mut ports = String::new();
            while !["wire0:", " nic1:", "wire1:", " dev"].iter().all(|name| ports.contains(name)) {
                std::thread::yield_now();
                ports = std::fs::read_to_string("/proc/net/dev")?;
            }
            feed(&here, "ip", &["link", "del", "nic0"], "")?;
        }
        let testbed = Testbed::build(&spec())?;
        carries(&testbed, &spec())?;
        testbed.close()?;
        println!("built again after kill -9{}", if clash { ", with nic0 taken meanwhile" } else { "" });
    }
    // A killed testbed cannot put back MTU, addresses and features; names are as they were.
    let now = ports_as_they_are();
    check(now.keys().eq(before.keys()) && now.values().all(|port| port.contains("state DOWN")), || format!("{now:?}"))
}

fn same_ports(before: &BTreeMap<String, String>, when: impl Fn() -> String) -> Outcome {
    let now = ports_as_they_are();
    for (port, was) in before {
        check(now.get(port) == Some(was), || format!("{}: {port} was {was}\nand is {:?}", when(), now.get(port)))?;
    }
    Ok(())
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}

fn udp(netns: &Netns, address: IpAddr) -> Result<UdpSocket, Box<dyn std::error::Error>> {
    let socket = netns.run(|| UdpSocket::bind(SocketAddr::new(address, 0)))??;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    match address {
        IpAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?,
        IpAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?,
    }
    Ok(socket)
}

/// The length of a datagram, and the TTL or hop limit it arrived with.
fn receive(socket: &UdpSocket) -> Result<(usize, i32), Box<dyn std::error::Error>> {
    let mut buffer = vec![0; 65536];
    let mut space = nix::cmsg_space!(i32);
    let mut parts = [std::io::IoSliceMut::new(&mut buffer)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::empty())?;
    let ttl = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => Some(ttl),
        _ => None,
    });
    Ok((message.bytes, ttl.ok_or("no TTL came with the datagram")?))
}
