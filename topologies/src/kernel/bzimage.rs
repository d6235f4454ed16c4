//! The bzImage: its release, and the vmlinux inside it.
//! Layout: Documentation/arch/x86/boot.rst ("The Real-Mode Kernel Header").

use std::path::Path;

use super::{KernelError, elf, unpack::unpack};

const SETUP_SECTS: usize = 0x1f1;
const MAGIC_HDRS: usize = 0x202;
const KERNEL_VERSION: usize = 0x20e;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;

/// The release (`uname -r`) of a kernel file: bzImage or uncompressed vmlinux.
pub fn release_of(path: &Path) -> Result<String, KernelError> {
    let data = std::fs::read(path).map_err(KernelError::io("read kernel", path))?;
    let not = |reason: &str| KernelError::NotAKernel { path: path.into(), reason: reason.into() };
    let text = if elf::is_elf64(&data) {
        let banner = b"Linux version ";
        let at = data
            .windows(banner.len())
            .position(|w| w == banner)
            .ok_or_else(|| not("an ELF file without a Linux banner"))?;
        &data[at + banner.len()..]
    } else {
        if data.get(MAGIC_HDRS..MAGIC_HDRS + 4) != Some(b"HdrS") {
            return Err(not("the magic HdrS is not at 0x202"));
        }
        let pointer = usize::from(u16::from_le_bytes([data[KERNEL_VERSION], data[KERNEL_VERSION + 1]]));
        if pointer == 0 {
            return Err(not("its header has no kernel_version"));
        }
        data.get(pointer + 0x200..).ok_or_else(|| not("kernel_version points behind its end"))?
    };
    let release: String = text.iter().take(128).map(|&b| b as char).take_while(|c| c.is_ascii_graphic()).collect();
    if release.starts_with(|c: char| c.is_ascii_digit()) {
        Ok(release)
    } else {
        Err(not("its kernel_version is no release"))
    }
}

/// Unpacks the vmlinux of a bzImage, if it can be booted through PVH; `None` where it cannot
/// (another compression, no CONFIG_PVH). Under TCG the kernel's own decompressor costs one to three
/// seconds of every boot; unpacked once on the host it costs nothing.
pub fn extract_vmlinux(bzimage: &[u8]) -> Option<Vec<u8>> {
    let word =
        |at: usize| -> Option<usize> { Some(u32::from_le_bytes(bzimage.get(at..at + 4)?.try_into().ok()?) as usize) };
    let setup_sectors = match *bzimage.get(SETUP_SECTS)? {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = (setup_sectors + 1) * 512 + word(PAYLOAD_OFFSET)?;
    let payload = bzimage.get(start..start.checked_add(word(PAYLOAD_LENGTH)?)?)?;
    let vmlinux = unpack(payload.to_vec()).ok()?;
    // XEN_ELFNOTE_PHYS32_ENTRY, include/xen/interface/elfnote.h: where QEMU enters a PVH kernel.
    elf::has_note(&vmlinux, b"Xen", 18).then_some(vmlinux)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_is_read_from_the_header() {
        let dir = std::env::temp_dir().join(format!("flowgauge-bzimage-{}", std::process::id()));
        let mut image = vec![0u8; 0x400];
        image[MAGIC_HDRS..MAGIC_HDRS + 4].copy_from_slice(b"HdrS");
        image[KERNEL_VERSION..KERNEL_VERSION + 2].copy_from_slice(&0x100u16.to_le_bytes());
        image[0x300..0x312].copy_from_slice(b"6.12.1-x (me) #1 \0");
        std::fs::write(&dir, &image).expect("scratch file");
        let release = release_of(&dir);
        std::fs::write(&dir, b"no kernel").expect("scratch file");
        let refused = release_of(&dir);
        std::fs::remove_file(&dir).expect("scratch file");
        assert_eq!(release.expect("a kernel"), "6.12.1-x");
        assert!(refused.expect_err("text").to_string().contains("not a bootable x86 kernel"));
    }
}
