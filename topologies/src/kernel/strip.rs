//! A module without its debug information, which in a build tree is nine tenths of it and would fill the memory of the
//! guest. Nothing that the kernel loads is changed: see load_module in kernel/module/main.c, which takes only sections
//! with SHF_ALLOC, the symbols and `.modinfo`.

use super::elf::{is_elf64, u16_at, u32_at, u64_at};

const SHT_NULL: u32 = 0;
const SHT_NOBITS: u32 = 8;
/// Fields of a section header (elf(5), Elf64_Shdr).
const TYPE: usize = 0x04;
const OFFSET: usize = 0x18;
const SIZE: usize = 0x20;
const ALIGN: usize = 0x30;
const HEADER: usize = 0x40;

/// The object with its sections `.debug_*` and `.rela.debug_*` empty; the object itself where it has none, or where it
/// is not of the kind that a compiler writes.
pub(super) fn without_debug(object: Vec<u8>) -> Vec<u8> {
    stripped(&object).unwrap_or(object)
}

fn stripped(object: &[u8]) -> Option<Vec<u8>> {
    if !is_elf64(object) || u16_at(object, 0x3a)? != HEADER {
        return None;
    }
    let (table, count, names) = (u64_at(object, 0x28)?, u16_at(object, 0x3c)?, u16_at(object, 0x3e)?);
    let headers = object.get(table..table.checked_add(count * HEADER)?)?;
    let names = u64_at(headers, names * HEADER + OFFSET)?;
    let mut sections: Vec<(usize, Vec<u8>)> = headers.chunks_exact(HEADER).map(<[u8]>::to_vec).enumerate().collect();
    // A relocatable object has its sections in the order of the file; nothing but their headers says where they lie.
    sections.sort_by_key(|(_, header)| u64_at(header, OFFSET));
    let mut thin = object.get(..HEADER)?.to_vec();
    let mut found = false;
    for (_, header) in &mut sections {
        let (kind, offset, size) = (u32_at(header, TYPE)?, u64_at(header, OFFSET)?, u64_at(header, SIZE)?);
        let name = object.get(names.checked_add(u32_at(header, 0)? as usize)?..)?;
        if name.starts_with(b".debug_") || name.starts_with(b".rela.debug_") {
            found = true;
            header[TYPE..TYPE + 4].copy_from_slice(&SHT_NOBITS.to_le_bytes());
            header[SIZE..SIZE + 8].fill(0);
        } else if kind != SHT_NULL && kind != SHT_NOBITS {
            let at =
                thin.len().checked_next_multiple_of(u64_at(header, ALIGN)?.max(1)).filter(|&at| at <= object.len())?;
            thin.resize(at, 0);
            thin.extend_from_slice(object.get(offset..offset.checked_add(size)?)?);
            header[OFFSET..OFFSET + 8].copy_from_slice(&(at as u64).to_le_bytes());
            continue;
        }
        if kind != SHT_NULL {
            header[OFFSET..OFFSET + 8].copy_from_slice(&(thin.len() as u64).to_le_bytes());
        }
    }
    if !found {
        return None;
    }
    let at = thin.len().next_multiple_of(8);
    thin.resize(at, 0);
    thin[0x28..0x30].copy_from_slice(&(at as u64).to_le_bytes());
    sections.sort_by_key(|(index, _)| *index);
    thin.extend(sections.into_iter().flat_map(|(_, header)| header));
    Some(thin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::elf::section;

    /// An object of the sections given, in this order, behind the header.
    fn object(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut object = vec![0; HEADER];
        object[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let mut names = vec![0];
        let mut headers = vec![[0; HEADER]];
        let mut put = |object: &mut Vec<u8>, name: usize, body: &[u8]| {
            object.resize(object.len().next_multiple_of(16), 0);
            let mut header = [0; HEADER];
            header[..4].copy_from_slice(&(name as u32).to_le_bytes());
            header[TYPE] = 1;
            header[OFFSET..OFFSET + 8].copy_from_slice(&(object.len() as u64).to_le_bytes());
            header[SIZE..SIZE + 8].copy_from_slice(&(body.len() as u64).to_le_bytes());
            header[ALIGN] = 16;
            headers.push(header);
            object.extend(body);
        };
        for (name, body) in sections {
            let at = names.len();
            names.extend(name.bytes().chain([0]));
            put(&mut object, at, body);
        }
        let own = names.len();
        names.extend(b".shstrtab\0");
        put(&mut object, own, &names);
        let table = object.len() as u64;
        object[0x28..0x30].copy_from_slice(&table.to_le_bytes());
        object[0x3a] = HEADER as u8;
        object[0x3c] = headers.len() as u8;
        object[0x3e] = headers.len() as u8 - 1;
        object.extend(headers.concat());
        object
    }

    #[test]
    fn debug_goes_and_all_else_stays() {
        let debug = vec![7; 100_000];
        let sections: &[(&str, &[u8])] = &[
            (".text", b"code"),
            (".debug_info", &debug),
            (".rela.debug_info", &debug),
            (".modinfo", b"license=GPL\0"),
        ];
        let fat = object(sections);
        let thin = without_debug(fat.clone());
        assert!(thin.len() < 1_000 && fat.len() > 200_000, "{}", thin.len());
        for name in [".text", ".modinfo", ".shstrtab"] {
            assert_eq!(section(&thin, name), section(&fat, name), "{name}");
            assert!(section(&thin, name).is_some(), "{name}");
        }
        assert_eq!(section(&thin, ".debug_info"), Some(&b""[..]));
        // A second time there is nothing left but empty sections.
        assert_eq!(without_debug(thin.clone()).len(), thin.len());
    }

    #[test]
    fn what_has_none_or_is_no_object_stays_as_it_is() {
        let plain = object(&[(".text", b"code")]);
        assert_eq!(without_debug(plain.clone()), plain);
        for garbage in [b"no object".to_vec(), plain[..plain.len() - 10].to_vec(), vec![0xff; 300]] {
            assert_eq!(without_debug(garbage.clone()), garbage);
        }
    }
}
