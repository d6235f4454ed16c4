//! The steps of an opening, and how their packets are known by.

use flowgauge_scenarios::traffic::STAMP_LEN;

use super::endpoint::Side;
use super::packet::Packet;
use super::stream::{flow_of, initial_sequence};
use super::template::{ACK, PSH, SYN, Segment};

/// One step, the same for every flow.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) from: Side,
    pub(super) flags: u8,
    pub(super) stamped: bool,
}

const fn step(name: &'static str, from: Side, flags: u8, stamped: bool) -> Step {
    Step { name, from, flags, stamped }
}

/// UDP there and back twice.
pub(super) const UDP: [Step; 4] = [
    step("first client packet", Side::Client, 0, true),
    step("first server packet", Side::Server, 0, true),
    step("second client packet", Side::Client, 0, true),
    step("second server packet", Side::Server, 0, true),
];

/// The handshake, and a data packet each way.
pub(super) const TCP: [Step; 5] = [
    step("SYN", Side::Client, SYN, false),
    step("SYN-ACK", Side::Server, SYN | ACK, false),
    step("ACK", Side::Client, ACK, false),
    step("client data", Side::Client, ACK | PSH, true),
    step("server data", Side::Server, ACK | PSH, true),
];

/// The handshake without its last packet, which the first measured frame stands for.
pub(super) const TCP_PREPARED: [Step; 2] =
    [step("SYN", Side::Client, SYN, false), step("SYN-ACK", Side::Server, SYN | ACK, false)];

/// The TCP numbers of a step's packet.
pub(super) fn segment(step: &Step, flow: u32) -> Segment {
    let (own, other) = (initial_sequence(step.from, flow), initial_sequence(step.from.peer(), flow));
    match (step.flags, step.stamped, step.from) {
        (SYN, ..) => Segment { sequence: own, acknowledgement: 0 },
        (_, false, Side::Server) => Segment { sequence: own, acknowledgement: other.wrapping_add(1) },
        // The server's data acknowledges the client's stamp.
        (_, _, Side::Server) => {
            Segment { sequence: own.wrapping_add(1), acknowledgement: other.wrapping_add(1 + STAMP_LEN as u32) }
        }
        _ => Segment { sequence: own.wrapping_add(1), acknowledgement: other.wrapping_add(1) },
    }
}

/// The flow of a packet without data if it is this step's: its TCP numbers tell.
pub(super) fn flow_of_segment(packet: &Packet<'_>, step: &Step) -> Option<u32> {
    let number_at =
        |at: usize| u32::from_be_bytes([packet.l4[at], packet.l4[at + 1], packet.l4[at + 2], packet.l4[at + 3]]);
    let sequence = number_at(4);
    let first = if step.flags & SYN != 0 { sequence } else { sequence.wrapping_sub(1) };
    let flow = flow_of(step.from, first)?;
    let expected = segment(step, flow);
    (packet.l4[13] == step.flags && number_at(8) == expected.acknowledgement && packet.payload.is_empty())
        .then_some(flow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_acknowledges_what_it_should() {
        let [syn, syn_ack, ack, client, server] = TCP.each_ref().map(|step| segment(step, 4711));
        assert_eq!(syn_ack.acknowledgement, syn.sequence + 1);
        assert_eq!((ack.sequence, ack.acknowledgement), (syn.sequence + 1, syn_ack.sequence + 1));
        assert_eq!(client, ack, "the ACK carries no data");
        assert_eq!((server.sequence, server.acknowledgement), (syn_ack.sequence + 1, client.sequence + 18));
    }
}
