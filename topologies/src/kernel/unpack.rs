//! Decompression by magic: gzip, xz and zstd, as the kernel packs its modules and itself.

use std::io::Read;

/// The longest result accepted: a vmlinux is about 60 MB, a module at most a few.
const LIMIT_BYTES: u64 = 512 << 20;

/// Unpacks `data` when it starts with the magic of gzip, xz or zstd; anything else comes back as it
/// is. Bytes after the first stream are ignored: the kernel build appends the unpacked length.
pub(crate) fn unpack(data: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut reader: Box<dyn Read> = match data.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::GzDecoder::new(data.as_slice())),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(lzma_rust2::XzReader::new(data.as_slice(), false)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(ruzstd::decoding::StreamingDecoder::new(data.as_slice()).map_err(std::io::Error::other)?)
        }
        _ => return Ok(data),
    };
    let mut out = Vec::with_capacity(data.len() * 3);
    reader.by_ref().take(LIMIT_BYTES).read_to_end(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn gzip_is_unpacked_and_plain_data_is_left_alone() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(b"flow add @f").expect("write to memory");
        let mut packed = packer.finish().expect("write to memory");
        packed.extend_from_slice(&11u32.to_le_bytes());
        assert_eq!(unpack(packed).expect("valid gzip"), b"flow add @f");
        assert_eq!(unpack(b"\x7fELF".to_vec()).expect("plain"), b"\x7fELF");
    }

    #[test]
    fn damage_is_an_error() {
        assert!(unpack(b"\xfd7zXZ\0garbage".to_vec()).is_err());
        assert!(unpack(b"\x28\xb5\x2f\xfd\x04\x88garbage".to_vec()).is_err());
    }
}
