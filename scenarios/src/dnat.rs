//! The virtual addresses of the policy `dnat`.
//!
//! The client sends to a virtual address; the DUT replaces its prefix by that of the server's pool and keeps the host
//! bits. Virtual addresses are routed nowhere: IPv4 from RFC 1918, IPv6 from the benchmarking range of RFC 5180.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 prefix of the virtual addresses, of [`PREFIX_LEN_IPV4`] bits.
pub const VIRTUAL_IPV4: Ipv4Addr = Ipv4Addr::new(10, 19, 128, 0);
/// IPv4 prefix of the real ones: the server's pool.
pub const REAL_IPV4: Ipv4Addr = Ipv4Addr::new(198, 19, 128, 0);
/// Bits of both IPv4 prefixes.
pub const PREFIX_LEN_IPV4: u32 = 17;
/// IPv6 prefix of the virtual addresses, of [`PREFIX_LEN_IPV6`] bits.
pub const VIRTUAL_IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 2, 0, 0x2002, 0, 0, 0, 0);
/// IPv6 prefix of the real ones: the server's pool.
pub const REAL_IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 2, 0, 0x1002, 0, 0, 0, 0);
/// Bits of both IPv6 prefixes.
pub const PREFIX_LEN_IPV6: u32 = 64;

/// The virtual address that stands for `real`: the same host bits behind the virtual prefix.
pub fn virtual_of(real: IpAddr) -> IpAddr {
    match real {
        IpAddr::V4(real) => {
            let host = u32::MAX >> PREFIX_LEN_IPV4;
            Ipv4Addr::from_bits(VIRTUAL_IPV4.to_bits() | (real.to_bits() & host)).into()
        }
        IpAddr::V6(real) => {
            let host = u128::MAX >> PREFIX_LEN_IPV6;
            Ipv6Addr::from_bits(VIRTUAL_IPV6.to_bits() | (real.to_bits() & host)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_stay() {
        for (real, wanted) in [
            ("198.19.128.5", "10.19.128.5"),
            ("198.19.255.255", "10.19.255.255"),
            ("2001:2:0:1002::7", "2001:2:0:2002::7"),
        ] {
            assert_eq!(virtual_of(real.parse().unwrap()), wanted.parse::<IpAddr>().unwrap());
        }
    }
}
