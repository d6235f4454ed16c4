//! Which parts of a packet's payload travel in which fragment.

use std::ops::Range;

use flowgauge_scenarios::conform::PacketSpec;

use super::error::CraftError;

/// Where the fragments of a payload of `len` bytes begin and end. None where the packet is sent whole.
pub(super) fn parts(spec: &PacketSpec, len: usize) -> Result<Option<Vec<Range<usize>>>, CraftError> {
    if let Some((from, to)) = spec.part {
        if !from.is_multiple_of(8) {
            return Err(CraftError::Fragment { field: "part", value: from });
        }
        if from > to || usize::from(to) > len {
            return Err(CraftError::Part { from, to, len });
        }
        return Ok(Some(std::iter::once(from.into()..to.into()).collect()));
    }
    if !spec.fragment.is_multiple_of(8) {
        return Err(CraftError::Fragment { field: "fragment", value: spec.fragment });
    }
    Ok((spec.fragment > 0).then(|| {
        let step = usize::from(spec.fragment);
        (0..len.max(1)).step_by(step).map(|from| from..len.min(from + step)).collect()
    }))
}
