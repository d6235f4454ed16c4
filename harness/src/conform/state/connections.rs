//! Single entries of the DUT's conntrack table: asked for, deleted; and all of them, deleted.

use flowgauge_reports::conform::Entry;
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::Flow;
use flowgauge_topologies::Netns;

use super::entry::{parse, question};
use crate::witnesses::netlink::{Conversation, NETLINK_NETFILTER, NetlinkError, Question, nfgenmsg};

const SUBSYSTEM: u16 = 1 << 8;
const NEW: u16 = SUBSYSTEM;
const GET: u16 = SUBSYSTEM | 1;
const DELETE: u16 = SUBSYSTEM | 2;

/// A conversation with ctnetlink in the DUT.
#[derive(Debug)]
pub struct Connections {
    dut: Conversation,
}

impl Connections {
    /// Opens it.
    pub fn open(dut: &Netns) -> Result<Self, NetlinkError> {
        Ok(Connections { dut: Conversation::open(dut, NETLINK_NETFILTER)? })
    }

    /// The entries of flows, those that there are, in the order of the flows.
    pub fn entries(&mut self, flows: &[Flow], protocol: Protocol) -> Reading<Vec<Entry>> {
        let mut entries = Vec::with_capacity(flows.len());
        for (number, flow) in (0..=u16::MAX).zip(flows) {
            match self.get(flow, protocol, number) {
                Ok(entry) => entries.extend(entry),
                Err(error) => return Reading::Missing { why: error.to_string() },
            }
        }
        Reading::Seen(entries)
    }

    /// The entry of a flow, if it has one.
    pub fn entry(&mut self, flow: &Flow, protocol: Protocol) -> Result<Option<Entry>, NetlinkError> {
        self.get(flow, protocol, 0)
    }

    fn get(&mut self, flow: &Flow, protocol: Protocol, number: u16) -> Result<Option<Entry>, NetlinkError> {
        let payload = question(flow, protocol);
        let asked = Question { doing: "reading a conntrack entry", message_type: GET, dump: false, payload: &payload };
        let read = |entry: &mut Option<Entry>, kind: u16, message: &[u8]| {
            if kind == NEW {
                *entry = Some(parse(message, number)?);
            }
            Ok(())
        };
        absent(self.dut.ask(asked, || None, read), None)
    }

    /// Deletes the entry of a flow. False: it had none.
    pub fn delete(&mut self, flow: &Flow, protocol: Protocol) -> Result<bool, NetlinkError> {
        let payload = question(flow, protocol);
        let asked =
            Question { doing: "deleting a conntrack entry", message_type: DELETE, dump: false, payload: &payload };
        absent(self.dut.ask(asked, || true, |_, _, _| Ok(())), false)
    }

    /// Deletes every entry.
    pub fn flush(&mut self) -> Result<(), NetlinkError> {
        let payload = nfgenmsg(0);
        let doing = "deleting all conntrack entries";
        self.dut.ask(Question { doing, message_type: DELETE, dump: false, payload: &payload }, || (), |(), _, _| Ok(()))
    }
}

/// An entry that does not exist is an answer.
fn absent<T>(answer: Result<T, NetlinkError>, none: T) -> Result<T, NetlinkError> {
    match answer {
        Err(error) if error.errno() == Some(libc::ENOENT) => Ok(none),
        answer => answer,
    }
}
