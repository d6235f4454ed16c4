//! The ports of a testbed that belong to a namespace outside it.

use super::lent::{self, Lent};
use super::rules;
use super::{LoanError, NicPorts};
use crate::addresses::{CLIENT_LINK, SERVER_LINK};
use crate::driver::driver_of;
use crate::features::{self, FeatureError};
use crate::netns::{Netns, NetnsError, RouteSocket};
use crate::router::Rooms;
use crate::testbed::BuildError;

/// The feature of a port that takes flow rules (NETIF_F_HW_TC).
const OFFLOAD: &str = "hw-tc-offload";

/// Ports on loan, and where they belong.
#[derive(Debug)]
pub(crate) struct Loan {
    home: Netns,
    ports: Vec<Lent>,
}

impl Loan {
    /// A loan from the namespace of the calling thread, of nothing yet.
    pub(crate) fn from_here() -> Result<Loan, NetnsError> {
        Ok(Loan { home: Netns::current()?, ports: Vec::new() })
    }

    /// Moves the four ports into their rooms, down, with their addresses and MTU, the DUT's ready to take flow rules.
    /// After an error some may have moved: [`Loan::give_back`]. `mtus`: of the ports at the client's cable and at the
    /// server's.
    pub(crate) async fn take(
        &mut self,
        names: &NicPorts,
        rooms: &Rooms<'_>,
        mtus: (u32, u32),
    ) -> Result<(), BuildError> {
        let mut home = open(&self.home)?;
        let plan = [
            (&names.lan, rooms.dut, CLIENT_LINK.dut_mac, mtus.0),
            (&names.lan_wire, rooms.client, CLIENT_LINK.tester_mac, mtus.0),
            (&names.wan, rooms.dut, SERVER_LINK.dut_mac, mtus.1),
            (&names.wan_wire, rooms.server, SERVER_LINK.tester_mac, mtus.1),
        ];
        // All are found before the first is touched.
        let mut ports = Vec::new();
        for (name, room, ..) in plan {
            ports.push(lent::find(&self.home, &mut home, name, room).await?);
        }
        self.ports = ports;
        for (port, (_, room, mac, mtu)) in self.ports.iter().zip(plan) {
            port.go(&home.handle, &open(room)?.handle, mac, mtu).await?;
        }
        rooms.dut.run(|| [&names.lan, &names.wan].into_iter().try_for_each(|port| offload_on(port)))?
    }

    /// Lets the testers receive in threads. Their ports must be up. Returns whether all of them can.
    pub(crate) fn receive_in_threads(&mut self, testers: [&str; 2]) -> Result<bool, BuildError> {
        let mut all = true;
        for port in self.ports.iter_mut().filter(|port| testers.contains(&port.name.as_str())) {
            all &= port.receive_in_threads()?;
        }
        Ok(all)
    }

    /// Brings every port home, also when one of them cannot; then the first error is returned.
    pub(crate) async fn give_back(&mut self) -> Result<(), BuildError> {
        let mut outcome = Ok(());
        // In the room of each port; a second time there is nothing left.
        for port in &self.ports {
            outcome = outcome.and(rules::delete_all(port.room()));
        }
        for port in std::mem::take(&mut self.ports) {
            let back = async {
                let (home, room) = (open(&self.home)?, open(port.room())?);
                port.come_back(&self.home, &home.handle, &room.handle).await
            };
            outcome = outcome.and(back.await);
        }
        outcome
    }
}

fn open(netns: &Netns) -> Result<RouteSocket, NetnsError> {
    let mut socket = netns.connection(&tokio::runtime::Handle::current())?;
    tokio::spawn(std::mem::replace(&mut socket.connection, Box::pin(std::future::ready(()))));
    Ok(socket)
}

/// Lets a port of the calling thread's namespace take flow rules, and verifies that it does.
fn offload_on(port: &str) -> Result<(), BuildError> {
    let refused = |state| {
        let driver = driver_of(port)?;
        Err(LoanError::NoOffload { port: port.to_owned(), driver, state }.into())
    };
    match features::read(port)?.get(OFFLOAD) {
        Some(feature) if feature.active => Ok(()),
        Some(feature) if feature.changeable => match features::set(port, &[(OFFLOAD.to_owned(), true)].into()) {
            Err(FeatureError::NotInForce { .. }) => refused("off, and it does not go on"),
            outcome => Ok(outcome?),
        },
        _ => refused("off, fixed"),
    }
}
