//! Counters that the kernel keeps in 32 bits, continued in 64.

use std::collections::BTreeMap;

/// Continues 32-bit counters beyond their end, as long as each is read before it goes round once.
#[derive(Debug)]
pub(super) struct Widening<K> {
    totals: BTreeMap<K, u64>,
}

impl<K> Default for Widening<K> {
    fn default() -> Self {
        Widening { totals: BTreeMap::new() }
    }
}

impl<K: Ord> Widening<K> {
    /// The counter `key`, which now reads `value`, in 64 bits. The first reading is taken as it is.
    pub(super) fn widen(&mut self, key: K, value: u32) -> u64 {
        let total = self.totals.entry(key).or_insert(u64::from(value));
        *total += u64::from(value.wrapping_sub(*total as u32));
        *total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_goes_on_alone() {
        let mut widening = Widening::default();
        assert_eq!(widening.widen("a", 5), 5);
        assert_eq!(widening.widen("b", u32::MAX), u64::from(u32::MAX));
        assert_eq!(widening.widen("a", 7), 7);
        assert_eq!(widening.widen("b", 1), (1 << 32) + 1);
        assert_eq!(widening.widen("b", 0), 2 << 32);
    }
}
