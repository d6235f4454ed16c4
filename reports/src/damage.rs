//! What was wrong with frames that arrived.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Frames with something wrong in them, by what a router may not have done. Each frame counts once, in the first of
/// `address`, `payload`, `header`, `ttl`, `checksum` that applies: a checksum is only wrong by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Damage {
    /// TTL or hop limit not less by exactly the routers on the way.
    pub ttl: u64,
    /// A checksum of IPv4, UDP or TCP that does not fit the frame, which is right otherwise.
    pub checksum: u64,
    /// Another field of a header: IPv4 identification or flags, DSCP, ECN, lengths, TCP numbers, flags or window, a tag.
    pub header: u64,
    /// The payload, its stamp or its length.
    pub payload: u64,
    /// MAC address, IP address or port: not what the policy's translation allows.
    pub address: u64,
}

impl Damage {
    /// Frames of all kinds.
    pub fn total(&self) -> u64 {
        let kinds = [self.ttl, self.checksum, self.header, self.payload, self.address];
        kinds.iter().fold(0, |total: u64, &kind| total.saturating_add(kind))
    }

    /// What is wrong with how many, as in "400 frames: wrong TTL or hop limit"; none when nothing is.
    pub fn describe(&self) -> Option<String> {
        let kinds = [
            (self.address, "wrong address or port"),
            (self.payload, "wrong payload"),
            (self.header, "wrong header field"),
            (self.ttl, "wrong TTL or hop limit"),
            (self.checksum, "wrong checksum"),
        ];
        let parts: Vec<String> =
            kinds.iter().filter(|k| k.0 > 0).map(|(frames, what)| format!("{frames} frames: {what}")).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl std::ops::AddAssign for Damage {
    fn add_assign(&mut self, other: Damage) {
        let add = |mine: &mut u64, theirs: u64| *mine = mine.saturating_add(theirs);
        add(&mut self.ttl, other.ttl);
        add(&mut self.checksum, other.checksum);
        add(&mut self.header, other.header);
        add(&mut self.payload, other.payload);
        add(&mut self.address, other.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_by_kind() {
        assert_eq!(Damage::default().describe(), None);
        let mut damage = Damage { ttl: 400, ..Damage::default() };
        damage += Damage { ttl: 1, address: 2, ..Damage::default() };
        assert_eq!(damage.total(), 403);
        assert_eq!(damage.describe().unwrap(), "2 frames: wrong address or port, 401 frames: wrong TTL or hop limit");
    }
}
