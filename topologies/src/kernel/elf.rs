//! As much of ELF64 (little endian) as is needed: a section by name, program headers, notes.
//! Layout: elf(5), include/uapi/linux/elf.h.

/// One entry of the program header table.
pub(crate) struct Segment {
    /// PT_LOAD 1, PT_INTERP 3, PT_NOTE 4.
    pub(crate) kind: u32,
    /// Where the segment starts in the file.
    pub(crate) offset: usize,
    /// How many bytes of the file it takes.
    pub(crate) file_size: usize,
}

pub(super) fn u16_at(data: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?).into())
}

pub(super) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(super) fn u64_at(data: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(data.get(at..at.checked_add(8)?)?.try_into().ok()?)).ok()
}

/// Whether the data starts as a 64-bit little-endian ELF file.
pub(crate) fn is_elf64(data: &[u8]) -> bool {
    data.starts_with(b"\x7fELF\x02\x01")
}

/// The bytes of the section with this name.
pub(crate) fn section<'a>(data: &'a [u8], name: &str) -> Option<&'a [u8]> {
    if !is_elf64(data) {
        return None;
    }
    let (table, entry, count, names) =
        (u64_at(data, 0x28)?, u16_at(data, 0x3a)?, u16_at(data, 0x3c)?, u16_at(data, 0x3e)?);
    let place = |index: usize| -> Option<(usize, usize, usize)> {
        let header = table.checked_add(index * entry)?;
        let name = usize::try_from(u32_at(data, header)?).ok()?;
        Some((name, u64_at(data, header + 0x18)?, u64_at(data, header + 0x20)?))
    };
    let (_, names_offset, _) = place(names)?;
    (0..count).find_map(|index| {
        let (at, offset, size) = place(index)?;
        let found = data.get(names_offset.checked_add(at)?..)?;
        let rest = found.strip_prefix(name.as_bytes())?;
        if rest.first() == Some(&0) { data.get(offset..offset.checked_add(size)?) } else { None }
    })
}

/// The program headers; empty when this is no ELF64 file or the table is cut off.
pub(crate) fn segments(data: &[u8]) -> Vec<Segment> {
    let read = || -> Option<Vec<Segment>> {
        let (table, entry, count) = (u64_at(data, 0x20)?, u16_at(data, 0x36)?, u16_at(data, 0x38)?);
        (0..count)
            .map(|index| {
                let at = table.checked_add(index * entry)?;
                Some(Segment {
                    kind: u32_at(data, at)?,
                    offset: u64_at(data, at + 8)?,
                    file_size: u64_at(data, at + 0x20)?,
                })
            })
            .collect()
    };
    if is_elf64(data) { read().unwrap_or_default() } else { Vec::new() }
}

/// Whether a note of this owner and type exists (XEN_ELFNOTE_PHYS32_ENTRY is "Xen", 18).
pub(crate) fn has_note(data: &[u8], owner: &[u8], kind: u32) -> bool {
    segments(data).iter().filter(|s| s.kind == 4).any(|segment| {
        let end = segment.offset.saturating_add(segment.file_size).min(data.len());
        let mut at = segment.offset;
        while at + 12 <= end {
            let (Some(name_len), Some(body_len), Some(found)) =
                (u32_at(data, at), u32_at(data, at + 4), u32_at(data, at + 8))
            else {
                return false;
            };
            let name = at + 12;
            let is_owner = data.get(name..).is_some_and(|d| d.starts_with(owner) && d.get(owner.len()) == Some(&0));
            if is_owner && found == kind {
                return true;
            }
            at = name + (name_len as usize).next_multiple_of(4) + (body_len as usize).next_multiple_of(4);
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_binary_has_the_sections_of_a_program() {
        let data = std::fs::read("/proc/self/exe").expect("own binary");
        assert!(section(&data, ".text").is_some_and(|text| text.len() > 1000));
        assert!(section(&data, ".tex").is_none());
        assert!(segments(&data).iter().any(|s| s.kind == 1));
        assert!(!has_note(&data, b"Xen", 18));
        assert!(has_note(&data, b"GNU", 3), "build id");
    }

    #[test]
    fn garbage_is_no_elf_and_does_not_panic() {
        assert!(section(b"\x7fELF\x02\x01", ".text").is_none());
        assert!(segments(&[0xff; 200]).is_empty());
    }
}
