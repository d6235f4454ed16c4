//! The end of an IPsec tunnel, over netlink: an association that decapsulates, and a policy that lets what comes out be forwarded.
//!
//! Structures: include/uapi/linux/xfrm.h. ESP with the null cipher and no integrity is enough to see what the kernel does with
//! packets that have a security path.

use std::net::Ipv4Addr;

use flowgauge_topologies::CLIENT_LINK;

use crate::conform::station::{Bench, Damage, Refused};
use crate::witnesses::netlink::{Conversation, Question, push};

/// NETLINK_XFRM.
const NETLINK_XFRM: isize = 6;
const NEW_ASSOCIATION: u16 = 0x10;
const NEW_POLICY: u16 = 0x13;
const FLUSH_ASSOCIATIONS: u16 = 0x1c;
const FLUSH_POLICIES: u16 = 0x1d;
const XFRMA_ALG_CRYPT: u16 = 2;
const XFRMA_TMPL: u16 = 5;
const CIPHER: &[u8] = b"ecb(cipher_null)";
const ESP: u8 = 50;
const TUNNEL: u8 = 1;
const FORWARD: u8 = 2;
const SPI: u32 = 1;
const IPV4: u16 = 2;

impl Bench {
    pub(super) fn end_tunnel(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::Ipsec);
        let (from, to) = (CLIENT_LINK.ipv4.tester, CLIENT_LINK.ipv4.dut);
        self.xfrm(NEW_ASSOCIATION, "making an IPsec association", &association(from, to))?;
        self.xfrm(NEW_POLICY, "making an IPsec policy", &policy())?;
        Ok(format!("an IPsec tunnel from {from} ends at {to}"))
    }

    pub(in crate::conform) fn forget_tunnels(&mut self) -> Result<(), Refused> {
        self.xfrm(FLUSH_POLICIES, "deleting IPsec policies", &[])?;
        // All protocols: IPSEC_PROTO_ANY.
        self.xfrm(FLUSH_ASSOCIATIONS, "deleting IPsec associations", &[255])
    }

    fn xfrm(&self, message_type: u16, doing: &'static str, payload: &[u8]) -> Result<(), Refused> {
        let mut socket = Conversation::open(&self.bed.dut.netns, NETLINK_XFRM)?;
        let question = Question { doing, message_type, dump: false, payload };
        Ok(socket.ask(question, || (), |(), _, _| Ok(()))?)
    }
}

/// struct xfrm_usersa_info, and the cipher.
fn association(from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let mut info = [0; 224];
    selector(&mut info);
    identity(&mut info[56..], to, SPI);
    info[80..84].copy_from_slice(&from.octets());
    lifetime(&mut info[96..]);
    info[212..214].copy_from_slice(&IPV4.to_ne_bytes());
    info[214] = TUNNEL;
    // struct xfrm_algo: a name of 64 bytes, and a key of no bits.
    let mut cipher = [0; 68];
    cipher[..CIPHER.len()].copy_from_slice(CIPHER);
    let mut message = info.to_vec();
    push(&mut message, XFRMA_ALG_CRYPT, &cipher);
    message
}

/// struct xfrm_userpolicy_info, and the template that a packet's path must match.
fn policy() -> Vec<u8> {
    let mut info = [0; 168];
    selector(&mut info);
    lifetime(&mut info[56..]);
    info[160] = FORWARD;
    // struct xfrm_user_tmpl, of any address and association, with any algorithm.
    let mut template = [0; 64];
    identity(&mut template, Ipv4Addr::UNSPECIFIED, 0);
    template[24..26].copy_from_slice(&IPV4.to_ne_bytes());
    template[48] = TUNNEL;
    template[52..64].fill(0xff);
    let mut message = info.to_vec();
    push(&mut message, XFRMA_TMPL, &template);
    message
}

/// struct xfrm_selector, of everything in IPv4.
fn selector(at: &mut [u8]) {
    at[40..42].copy_from_slice(&IPV4.to_ne_bytes());
}

/// struct xfrm_id.
fn identity(at: &mut [u8], to: Ipv4Addr, spi: u32) {
    at[..4].copy_from_slice(&to.octets());
    at[16..20].copy_from_slice(&spi.to_be_bytes());
    at[20] = ESP;
}

/// struct xfrm_lifetime_cfg without limits of bytes and packets (XFRM_INF).
fn lifetime(at: &mut [u8]) {
    at[..32].fill(0xff);
}
