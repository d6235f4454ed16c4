//! A Debian (or Ubuntu) kernel from the distribution's archive, unpacked into the cache.

use std::path::Path;

use super::{
    DebianVersion, Image, KernelError,
    archive::{Archive, Package, run},
    cache::{lock, newest_in, seal, version_key},
};

/// The newest kernel of this version that apt offers, out of the cache when it is there: then apt is
/// not asked. `progress` is told each step that takes time.
///
/// The host's package lists are used when they name such a kernel; when they are missing or stale,
/// own lists are fetched into the cache. Debian's newest kernel always comes through own lists. A download that breaks
/// off leaves nothing that counts.
pub fn fetch(version: DebianVersion, cache: &Path, progress: &dyn Fn(&str)) -> Result<Image, KernelError> {
    let slot = cache.join("kernels").join(format!("debian-{version}"));
    if let Some(image) = newest_in(&slot) {
        if version == DebianVersion::Newest {
            tell_age(&image, &slot, progress);
        }
        return Ok(image);
    }
    let _held = lock(&cache.join("kernels"))?;
    // Another run may have fetched it while we waited.
    if let Some(image) = newest_in(&slot) {
        return Ok(image);
    }
    if version == DebianVersion::Newest {
        progress("fetching the package lists of Debian's newest suite");
        let newest = Archive::newest(cache)?;
        newest.update()?;
        return install(&newest, &find(&newest, version)?, &slot, progress);
    }
    let host = Archive::host();
    if let Ok(packages) = find(&host, version) {
        match install(&host, &packages, &slot, progress) {
            Err(KernelError::Program { command, .. }) if command.starts_with("apt-get") => {
                progress("the host's package lists are stale; fetching own ones");
            }
            done => return done,
        }
    } else {
        progress(&format!("the host's package lists name no kernel {version}; fetching own ones"));
    }
    let own = Archive::private(cache)?;
    own.update()?;
    install(&own, &find(&own, version)?, &slot, progress)
}

/// What is called newest and lies in the cache may no longer be: the user is told how old it is, and decides.
fn tell_age(image: &Image, slot: &Path, progress: &dyn Fn(&str)) {
    let fetched = std::fs::metadata(&image.vmlinuz).and_then(|facts| facts.created());
    let days = fetched.ok().and_then(|at| at.elapsed().ok()).map_or(0, |age| age.as_secs() / 86_400);
    if days >= 14 {
        let release = &image.release;
        progress(&format!("newest is {release}, fetched {days} days ago; delete {} to look again", slot.display()));
    }
}

/// The kernel package and those that hold its other halves.
fn find(archive: &Archive, version: DebianVersion) -> Result<Vec<Package>, KernelError> {
    let offered = archive.offered("linux-image-")?;
    let image = choose(&offered, version)
        .ok_or_else(|| KernelError::NotOffered { wanted: version.to_string(), available: available(&offered) })?;
    let release = release_in(&image.name);
    // Ubuntu, and Debian from 7.x on, split a kernel over several packages.
    // linux-base-RELEASE (not linux-base) holds the list of what is built in.
    let others = ["linux-binary-", "linux-modules-", "linux-modules-extra-", "linux-base-"];
    let others = others.map(|part| format!("{part}{release}"));
    let others = archive.versions(&others.each_ref().map(String::as_str))?;
    Ok(std::iter::once(image.clone()).chain(others).collect())
}

/// `linux-image-` and the suffix `-unsigned` off: what is left is the release.
fn release_in(package: &str) -> &str {
    let name = package.strip_prefix("linux-image-").unwrap_or(package);
    let name = name.strip_prefix("unsigned-").unwrap_or(name);
    name.strip_suffix("-unsigned").unwrap_or(name)
}

/// MAJOR.MINOR of a plain server kernel for amd64; `None` for every other flavour and for meta packages.
fn version_of(package: &str) -> Option<DebianVersion> {
    let release = release_in(package);
    let (numbers, flavour) = release.rsplit_once('-')?;
    let plain = matches!(flavour, "amd64" | "generic")
        && !["-rt", "-cloud", "-dbg"].iter().any(|other| numbers.ends_with(other));
    let mut parts = numbers.split('.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    // A meta package names no patch level.
    parts.next()?;
    plain.then_some(DebianVersion::Numbered { major, minor })
}

fn choose(offered: &[Package], version: DebianVersion) -> Option<&Package> {
    offered
        .iter()
        .filter(|package| {
            version_of(&package.name).is_some_and(|found| found == version || version == DebianVersion::Newest)
        })
        .max_by_key(|package| (version_key(release_in(&package.name)), !package.name.contains("unsigned")))
}

fn available(offered: &[Package]) -> Vec<String> {
    let mut versions: Vec<_> = offered.iter().filter_map(|package| version_of(&package.name)).collect();
    versions.sort_unstable();
    versions.dedup();
    versions.iter().map(|version| format!("debian:{version}")).collect()
}

/// Downloads and unpacks beside the slot's finished kernels, and renames when whole.
fn install(
    archive: &Archive,
    packages: &[Package],
    slot: &Path,
    progress: &dyn Fn(&str),
) -> Result<Image, KernelError> {
    let Package { name, version } = &packages[0];
    let partial = slot.join(".partial");
    let whole = slot.join(format!("{name}_{version}"));
    // What an earlier run left unfinished, or what failed its check.
    for stale in [&partial, &whole] {
        if stale.exists() {
            std::fs::remove_dir_all(stale).map_err(KernelError::io("remove damaged kernel", stale))?;
        }
    }
    std::fs::create_dir_all(&partial).map_err(KernelError::io("create cache folder", &partial))?;
    progress(&format!("downloading {name} {version}"));
    archive.download(packages, &partial)?;
    progress(&format!("unpacking {name}"));
    let entries = std::fs::read_dir(&partial).map_err(KernelError::io("list", &partial))?;
    for deb in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "deb")) {
        run("dpkg-deb", "dpkg", &["-x", &deb.to_string_lossy(), "root"], &partial)?;
        std::fs::remove_file(&deb).map_err(KernelError::io("remove", &deb))?;
    }
    let release = release_in(name).to_owned();
    let lacks = |what| KernelError::PackageShape { package: name.clone(), what };
    let there =
        |places: [String; 2]| places.into_iter().map(std::path::PathBuf::from).find(|p| partial.join(p).exists());
    let modules = there([format!("root/lib/modules/{release}"), format!("root/usr/lib/modules/{release}")])
        .ok_or_else(|| lacks("modules"))?;
    let inside = modules.join("vmlinuz").to_string_lossy().into_owned();
    let vmlinuz = there([format!("root/boot/vmlinuz-{release}"), inside]).ok_or_else(|| lacks("vmlinuz"))?;
    seal(&partial, Image { vmlinuz, modules, release, origin: format!("{name} {version}") })?;
    std::fs::rename(&partial, &whole).map_err(KernelError::io("move the unpacked kernel to", &whole))?;
    newest_in(slot).ok_or_else(|| lacks("files that can be read back"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(names: &[&str]) -> Vec<Package> {
        names.iter().map(|name| Package { name: (*name).into(), version: "1".into() }).collect()
    }

    #[test]
    fn the_newest_plain_signed_kernel_is_chosen() {
        let offered = packages(&[
            "linux-image-6.12-amd64",
            "linux-image-6.12.99+deb12-amd64",
            "linux-image-6.12.117+deb12-amd64-unsigned",
            "linux-image-6.12.117+deb12-amd64",
            "linux-image-6.12.117+deb12-rt-amd64",
            "linux-image-6.12.117+deb12-cloud-amd64",
            "linux-image-6.12.200+deb12-amd64-dbg",
            "linux-image-6.1.0-56-amd64",
        ]);
        let chosen =
            |version: &str| choose(&offered, version.parse().expect("a version")).map(|package| package.name.as_str());
        assert_eq!(chosen("6.12"), Some("linux-image-6.12.117+deb12-amd64"));
        assert_eq!(chosen("6.1"), Some("linux-image-6.1.0-56-amd64"));
        assert_eq!(chosen("newest"), Some("linux-image-6.12.117+deb12-amd64"));
        assert_eq!(chosen("7.2"), None);
        assert_eq!(available(&offered), ["debian:6.1", "debian:6.12"]);
    }

    #[test]
    fn an_unsigned_kernel_is_taken_when_it_is_the_only_one() {
        let offered = packages(&["linux-image-unsigned-6.8.0-45-generic", "linux-image-6.1.0-56-amd64-unsigned"]);
        for version in ["6.8", "6.1"] {
            assert!(choose(&offered, version.parse().expect("a version")).is_some(), "{version}");
        }
    }
}
