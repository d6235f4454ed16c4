//! The records in the buffer (perf_event_open(2), "MMAP layout"). Pure.

/// Values of a call chain from here on are no addresses but say whose they are: PERF_CONTEXT_MAX, -4095.
const CONTEXTS: u64 = -4095_i64 as u64;
const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_SAMPLE: u32 = 9;
/// struct perf_event_header: type, misc, size.
const HEADER: usize = 8;

/// What a buffer held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// The addresses of each sample, the place that ran first, then where it returns to.
    pub(super) stacks: Vec<Vec<u64>>,
    /// What the kernel says within the buffer that it had to leave out.
    pub(super) lost: u64,
}

/// Reads a buffer of whole records, each a PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN sample or of another kind. The error is
/// the place of a record that does not fit.
pub(super) fn records(buffer: &[u8]) -> Result<Records, usize> {
    let mut found = Records::default();
    let mut at = 0;
    while at < buffer.len() {
        let record = record(&buffer[at..]).ok_or(at)?;
        let body = &record[HEADER..];
        match u32_at(record, 0) {
            Some(PERF_RECORD_SAMPLE) => found.stacks.push(sample(body).ok_or(at)?),
            // The id of the event, and the number.
            Some(PERF_RECORD_LOST) => found.lost += u64_at(body, 8).ok_or(at)?,
            // Throttling and the like.
            _ => {}
        }
        at += record.len();
    }
    Ok(found)
}

fn record(buffer: &[u8]) -> Option<&[u8]> {
    let size = usize::from(u16::from_ne_bytes(buffer.get(6..8)?.try_into().ok()?));
    buffer.get(..size).filter(|record| record.len() >= HEADER)
}

fn sample(body: &[u8]) -> Option<Vec<u64>> {
    let (place, length) = (u64_at(body, 0)?, usize::try_from(u64_at(body, 8)?).ok()?);
    let chain = body.get(16..16_usize.checked_add(length.checked_mul(8)?)?)?;
    let addresses = chain.chunks_exact(8).filter_map(|word| u64_at(word, 0)).filter(|&address| address < CONTEXTS);
    let mut stack: Vec<u64> = addresses.collect();
    // The chain begins with the place itself, except where the kernel could not walk the stack.
    if stack.first() != Some(&place) {
        stack.insert(0, place);
    }
    Some(stack)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: u64 = -128_i64 as u64;

    fn encoded(kind: u32, words: &[u64]) -> Vec<u8> {
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend(1_u16.to_ne_bytes());
        bytes.extend((HEADER as u16 + 8 * words.len() as u16).to_ne_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes
    }

    #[test]
    fn samples_have_their_place_first_and_no_marks() {
        let mut buffer = encoded(PERF_RECORD_SAMPLE, &[0x10, 3, KERNEL, 0x10, 0x20]);
        buffer.extend(encoded(5, &[1, 2, 3]));
        buffer.extend(encoded(PERF_RECORD_LOST, &[7, 40]));
        buffer.extend(encoded(PERF_RECORD_SAMPLE, &[0x30, 0]));
        buffer.extend(encoded(PERF_RECORD_LOST, &[7, 2]));
        let found = records(&buffer);
        assert_eq!(found, Ok(Records { stacks: vec![vec![0x10, 0x20], vec![0x30]], lost: 42 }));
    }

    #[test]
    fn damage_is_told_with_its_place() {
        let good = encoded(PERF_RECORD_SAMPLE, &[0x10, 1, 0x10]);
        let mut buffer = good.clone();
        buffer.extend(encoded(PERF_RECORD_SAMPLE, &[0x10, 9, 0x10]));
        assert_eq!(records(&buffer), Err(good.len()));
        assert_eq!(records(&good[..good.len() - 1]), Err(0));
        // A size of zero would never end.
        assert_eq!(records(&[0; 16]), Err(0));
        assert_eq!(records(&encoded(PERF_RECORD_SAMPLE, &[0x10, u64::MAX])), Err(0));
    }
}
