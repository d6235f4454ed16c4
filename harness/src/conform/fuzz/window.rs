//! The windows of a TCP connection as conntrack on the reference keeps them (tcp_in_window and nf_conntrack_tcp_packet in
//! net/netfilter/nf_conntrack_proto_tcp.c): which segments it must take for invalid, judged by those that it let through.

use super::cause::{ACK, FIN, RST, SYN};

/// MAXACKWINCONST.
const ACK_WINDOW: u32 = 66_000;

/// What conntrack reads of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    seq: u32,
    ack: u32,
    /// Behind its last byte; SYN and FIN count.
    end: u32,
    window: u32,
    flags: u8,
    /// The window scale of a SYN.
    scale: u8,
}

impl Segment {
    /// From a TCP header and its payload. None where that is not whole.
    pub(super) fn read(bytes: &[u8]) -> Option<Segment> {
        let long = |at: usize| bytes.get(at..at + 4)?.first_chunk().map(|word| u32::from_be_bytes(*word));
        let (offset, flags) = (usize::from(bytes.get(12)? >> 4) * 4, *bytes.get(13)?);
        let options = bytes.get(20..offset)?;
        let scale = options.windows(3).find(|option| option[..2] == [3, 3]).map_or(0, |option| option[2].min(14));
        let phantom = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        let seq = long(4)?;
        let end = seq.wrapping_add((bytes.len() - offset) as u32).wrapping_add(phantom);
        let window = u32::from(u16::from_be_bytes([*bytes.get(14)?, *bytes.get(15)?]));
        Some(Segment { seq, ack: long(8)?, end, window, flags, scale })
    }

    /// FIN, SYN, RST and so on.
    pub(super) const fn flags(&self) -> u8 {
        self.flags
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// ip_ct_tcp_state
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    end: u32,
    max_end: u32,
    max_window: u32,
    max_ack: Option<u32>,
    scale: u8,
}

/// What conntrack does with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It passes.
    Passes,
    /// It does not, for the reason of this case.
    Invalid(&'static str),
}

/// Both directions of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    seen: [Seen; 2],
    /// What each end had acknowledged when the flow was offloaded: of later acknowledgements the conntrack under test knows nothing.
    offloaded: [Option<u32>; 2],
    /// A SYN of the client that was let through in an established connection, while it is the last that conntrack took in
    /// (`last_index`): what a SYN-ACK must acknowledge to be believed, and an answer to it may be any RST.
    syn: Option<Segment>,
}

const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

impl Window {
    /// Says that the fast path has the flow from here on.
    pub(super) fn offload(&mut self) {
        self.offloaded = self.seen.map(|seen| seen.max_ack);
    }

    /// Judges a segment of the client (0) or the server (1), and takes in those that pass.
    pub(super) fn judge(&mut self, from: usize, segment: &Segment) -> Verdict {
        let s = *segment;
        let (open, last_syn) = (self.seen[from].max_window > 0, self.syn);
        if open && s.has(SYN) && !s.has(RST) {
            match last_syn.filter(|syn| from == 1 && s.has(ACK) && s.ack == syn.end) {
                // "This SYN/ACK acknowledges a SYN that we earlier ignored": both ends are in sync, and so is conntrack again.
                Some(syn) => {
                    let [client, server] = &mut self.seen;
                    (client.end, client.max_end, client.scale) = (syn.end, syn.end, syn.scale);
                    client.max_window = syn.window.max(1);
                    *server = Seen::default();
                    self.syn = None;
                }
                None => {
                    // A SYN of the client is ignored, so it passes; one of the server is no matter of windows.
                    self.syn = (from == 0).then_some(s);
                    return Verdict::Passes;
                }
            }
        }
        if s.has(RST) && self.syn.is_none() && self.seen[1 - from].max_ack.is_some_and(|ack| before(s.seq, ack)) {
            let long_ago = self.offloaded[1 - from].is_some_and(|ack| before(s.seq, ack));
            return Verdict::Invalid(if long_ago {
                "rst-outside-the-window"
            } else {
                "rst-behind-what-was-acknowledged"
            });
        }
        self.in_window(from, s)
    }

    fn in_window(&mut self, from: usize, s: Segment) -> Verdict {
        let [mut sender, mut receiver] = [self.seen[from], self.seen[1 - from]];
        if sender.max_window == 0 {
            (sender.end, sender.max_window) = (s.end, s.window.max(1));
            if s.has(SYN) {
                (sender.max_end, sender.scale) = (s.end, s.scale);
            } else {
                sender.max_window = (s.window << sender.scale).max(1);
                sender.max_end = s.end.wrapping_add(sender.max_window);
                if receiver.max_window == 0 {
                    (receiver.end, receiver.max_end) = (s.ack, s.ack);
                }
            }
            if s.has(SYN) && !s.has(ACK) {
                self.seen[from] = sender;
                return Verdict::Passes;
            }
        }
        let unasked = !s.has(ACK) || s.has(RST) && s.ack == 0;
        let ack = if unasked { receiver.end } else { s.ack };
        let oldest = receiver.end.wrapping_sub(sender.max_window.max(ACK_WINDOW)).wrapping_sub(1);
        let overlaps = before(sender.end.wrapping_sub(receiver.max_window).wrapping_sub(1), s.end);
        if !before(s.seq, sender.max_end.wrapping_add(1)) {
            let overshot = s.end.wrapping_sub(sender.max_end).wrapping_add(1);
            let acks = before(oldest, ack) && before(ack, receiver.end.wrapping_add(1));
            if receiver.max_window > 0 && overlaps && acks && overshot <= receiver.max_window {
                self.seen[from].end = s.end;
                return Verdict::Passes;
            }
            return Verdict::Invalid("tcp-out-of-window");
        }
        if !before(ack, receiver.end.wrapping_add(1)) {
            return Verdict::Invalid("tcp-ack-of-the-unsent");
        }
        // What is too old is ignored: it passes, and moves nothing.
        if receiver.max_window > 0 && !overlaps || !before(oldest, ack) {
            return Verdict::Passes;
        }
        let window = if s.has(SYN) { s.window } else { s.window << sender.scale };
        sender.max_window = sender.max_window.max(window);
        if before(sender.end, s.end) {
            sender.end = s.end;
        }
        if s.has(ACK) && sender.max_ack.is_none_or(|max| before(max, ack)) {
            sender.max_ack = Some(ack);
        }
        if receiver.max_window != 0 && before(sender.max_end, s.end) {
            receiver.max_window = receiver.max_window.wrapping_add(s.end.wrapping_sub(sender.max_end));
        }
        let until = ack.wrapping_add(window);
        if before(receiver.max_end.wrapping_sub(1), until) {
            receiver.max_end = until.wrapping_add(u32::from(window == 0));
        }
        (self.seen[from], self.seen[1 - from]) = (sender, receiver);
        self.syn = None;
        Verdict::Passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: u32 = 65_535;

    fn segment(seq: u32, ack: u32, len: u32, flags: u8) -> Segment {
        let phantom = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        Segment { seq, ack, end: seq.wrapping_add(len + phantom), window: WIDE, flags, scale: 3 }
    }

    /// Opened as the fuzzer does: client at 1033, server at 5033.
    fn opened() -> Window {
        let mut window = Window::default();
        for (from, s) in [
            (0, segment(1000, 0, 0, SYN)),
            (1, segment(5000, 1001, 0, SYN | ACK)),
            (0, segment(1001, 5001, 0, ACK)),
            (0, segment(1001, 5001, 32, ACK)),
            (1, segment(5001, 1033, 32, ACK)),
        ] {
            assert_eq!(window.judge(from, &s), Verdict::Passes);
        }
        window.offload();
        window
    }

    #[test]
    fn segments_in_the_window_pass_and_others_do_not() {
        let judge = |from, s: Segment| opened().judge(from, &s);
        assert_eq!(judge(0, segment(1033, 5033, 32, ACK)), Verdict::Passes);
        assert_eq!(judge(0, segment(1001, 5001, 32, ACK)), Verdict::Passes);
        assert_eq!(judge(0, segment(1033 + 65_535, 5033, 32, ACK)), Verdict::Passes);
        // Up to a window beyond the window is ignored, and so passes ("Work around TCPs that send more bytes than allowed").
        assert_eq!(judge(0, segment(1033 + 600_000, 5033, 32, ACK)), Verdict::Passes);
        assert_eq!(judge(0, segment(1033 + 1_200_000, 5033, 32, ACK)), Verdict::Invalid("tcp-out-of-window"));
        assert_eq!(judge(0, segment(1033, 5034, 32, ACK)), Verdict::Invalid("tcp-ack-of-the-unsent"));
        assert_eq!(judge(1, segment(5033, 1033, 32, ACK)), Verdict::Passes);
        // The client has acknowledged 5001, and no more.
        assert_eq!(judge(1, segment(5000, 1033, 0, RST)), Verdict::Invalid("rst-outside-the-window"));
        assert_eq!(judge(1, segment(5001, 1033, 0, RST)), Verdict::Passes);
        assert_eq!(judge(1, segment(5033, 1033, 0, RST)), Verdict::Passes);
    }

    /// Conntrack behind the fast path has seen neither the data nor its acknowledgement, and so nothing against the RST.
    #[test]
    fn a_rst_behind_an_acknowledgement_of_the_fast_path_is_told_apart() {
        let mut window = opened();
        assert_eq!(window.judge(0, &segment(1033, 5033, 32, ACK)), Verdict::Passes);
        let behind = Verdict::Invalid("rst-behind-what-was-acknowledged");
        assert_eq!(window.judge(1, &segment(5001, 1065, 0, RST)), behind);
        assert_eq!(window.judge(1, &segment(5032, 1065, 0, RST)), behind);
        assert_eq!(window.judge(1, &segment(5000, 1065, 0, RST)), Verdict::Invalid("rst-outside-the-window"));
        assert_eq!(window.judge(1, &segment(5033, 1065, 0, RST)), Verdict::Passes);
    }

    /// What was lost before conntrack moves the numbers of the ends, and not those of conntrack.
    #[test]
    fn a_segment_that_was_not_seen_makes_its_answer_invalid() {
        let mut window = opened();
        assert_eq!(window.judge(0, &segment(1033, 5065, 32, ACK)), Verdict::Invalid("tcp-ack-of-the-unsent"));
        assert_eq!(window.judge(1, &segment(5033, 1033, 32, ACK)), Verdict::Passes);
        assert_eq!(window.judge(0, &segment(1033, 5065, 32, ACK)), Verdict::Passes);
    }

    #[test]
    fn an_ignored_syn_that_is_answered_begins_anew() {
        let mut window = opened();
        assert_eq!(window.judge(0, &segment(900_000, 0, 0, SYN)), Verdict::Passes);
        assert_eq!(window.judge(1, &segment(7000, 900_001, 0, SYN | ACK)), Verdict::Passes);
        assert_eq!(window.judge(0, &segment(900_001, 7001, 32, ACK)), Verdict::Passes);
        assert_eq!(window.judge(0, &segment(1033, 5033, 32, ACK)), Verdict::Passes);
        assert_eq!(window.judge(1, &segment(4_000_000, 900_033, 32, ACK)), Verdict::Invalid("tcp-out-of-window"));
    }

    #[test]
    fn after_an_ignored_syn_any_rst_may_answer_it_until_something_else_is_seen() {
        let mut window = opened();
        assert_eq!(window.judge(0, &segment(1033, 0, 0, SYN)), Verdict::Passes);
        let old = segment(4000, 1034, 0, RST | ACK);
        assert_ne!({ window }.judge(1, &old), Verdict::Invalid("rst-outside-the-window"));
        assert_eq!(window.judge(0, &segment(1033, 5033, 32, ACK)), Verdict::Passes);
        assert_eq!(window.judge(1, &old), Verdict::Invalid("rst-outside-the-window"));
    }
}
