//! A checksum that tells damage and change, not malice: FNV-1a, 64 bits
//! (draft-eastlake-fnv). The same in every build of flowgauge, so it may go to disk.

/// A running FNV-1a sum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checksum(u64);

impl Checksum {
    /// The sum of nothing.
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in bytes.
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    /// 16 hexadecimal digits.
    pub(crate) fn hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a() {
        // The test vectors of the draft.
        assert_eq!(Checksum::new().hex(), "cbf29ce484222325");
        assert_eq!(Checksum::new().add(b"a").hex(), "af63dc4c8601ec8c");
        assert_eq!(Checksum::new().add(b"foo").add(b"bar").hex(), "85944171f73967e8");
    }
}
