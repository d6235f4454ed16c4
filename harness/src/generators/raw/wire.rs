//! A tester's port, and the CPUs that the engine's threads run on.

use std::os::fd::OwnedFd;

/// One tester's port: where frames leave and arrive.
#[derive(Debug)]
pub struct Wire {
    /// The network namespace that holds the port.
    pub netns: OwnedFd,
    /// The port's name there.
    pub ifname: String,
    /// The port's MAC address: source of every frame that leaves, destination of every frame that arrives.
    pub mac: [u8; 6],
    /// The MAC address of the next hop: the DUT's port, or the other tester's on a direct link.
    pub gateway_mac: [u8; 6],
}

/// The MAC addresses that every frame of a wire bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macs {
    /// The tester's port.
    pub own: [u8; 6],
    /// The next hop.
    pub gateway: [u8; 6],
}

impl Wire {
    /// Both MAC addresses.
    pub fn macs(&self) -> Macs {
        Macs { own: self.mac, gateway: self.gateway_mac }
    }
}

/// The CPUs of the engine's threads. Over veth the DUT forwards on the CPU of the thread that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuPlan {
    /// Of the threads that send: client, server.
    pub senders: [usize; 2],
    /// Of the threads that receive: client, server.
    pub receivers: [usize; 2],
}

impl CpuPlan {
    /// Everything on one CPU.
    pub const fn one(cpu: usize) -> CpuPlan {
        CpuPlan { senders: [cpu; 2], receivers: [cpu; 2] }
    }

    /// Threads spread over `cpus`, so that a receiver is never on the CPU of the thread that sends to it while there
    /// are two or more. None if `cpus` is empty.
    pub fn over(cpus: &[usize]) -> Option<CpuPlan> {
        let at = |n: usize| cpus.get(n % cpus.len().max(1)).copied();
        Some(match cpus.len() {
            0 => return None,
            // The client receives what the server sends: opposite CPUs.
            1..=3 => CpuPlan { senders: [at(0)?, at(1)?], receivers: [at(0)?, at(1)?] },
            _ => CpuPlan { senders: [at(0)?, at(1)?], receivers: [at(2)?, at(3)?] },
        })
    }

    /// Threads spread over the CPUs that this process may use.
    pub fn available() -> std::io::Result<CpuPlan> {
        let allowed = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0))?;
        let cpus: Vec<usize> =
            (0..nix::sched::CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false)).collect();
        CpuPlan::over(&cpus).ok_or_else(|| std::io::Error::other("the affinity mask of this process is empty"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_avoids_its_sender() {
        assert_eq!(CpuPlan::over(&[]), None);
        assert_eq!(CpuPlan::over(&[3]), Some(CpuPlan::one(3)));
        for cpus in [vec![0, 1], vec![4, 6, 7], vec![0, 1, 2, 3, 4]] {
            let plan = CpuPlan::over(&cpus).unwrap();
            assert_ne!(plan.senders[0], plan.receivers[1]);
            assert_ne!(plan.senders[1], plan.receivers[0]);
        }
    }
}
