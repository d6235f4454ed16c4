//! A Debian (or Ubuntu) kernel from the distribution's archive, unpacked into the cache.

use std::{path::Path, time::Duration};

use super::{
    DebianVersion, Image, KernelError, Suite,
    archive::{Archive, Package, run},
    cache::{load, lock, newest_in, seal, version_key},
};

/// Lists of a suite that are younger are taken as they are. Debian renews them four times a day.
const FRESH: Duration = Duration::from_secs(3600);

/// A kernel that a suite offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its `uname -r`.
    pub release: String,
    /// The version of its package: 6.12.117-1.
    pub package_version: String,
    /// The `--kernel` value that leads to just this one: `debian:6.12.117`.
    pub spec: String,
}

/// The newest kernel of this version that is offered, out of the cache when it is there: then apt is not asked.
/// `progress` is told each step that takes time.
///
/// For a numbered version the host's package lists are used when they name it; when they are missing or stale, own lists
/// of the same sources, then those of Debian's suites. The kernel of a suite always comes through own lists. A download
/// that breaks off leaves nothing that counts.
pub fn fetch(version: DebianVersion, cache: &Path, progress: &dyn Fn(&str)) -> Result<Image, KernelError> {
    let slot = slot(cache, version);
    if let Some(image) = newest_in(&slot) {
        if matches!(version, DebianVersion::Suite(_)) {
            tell_age(version, &image, progress);
        }
        return Ok(image);
    }
    let _held = lock(&cache.join("kernels"))?;
    // Another run may have fetched it while we waited.
    if let Some(image) = newest_in(&slot) {
        return Ok(image);
    }
    look(version, cache, &slot, progress)
}

/// As [`fetch`], but asks the archive in any case, and fetches only where it offers another kernel than the cache holds.
pub fn renew(version: DebianVersion, cache: &Path, progress: &dyn Fn(&str)) -> Result<Image, KernelError> {
    let _held = lock(&cache.join("kernels"))?;
    look(version, cache, &slot(cache, version), progress)
}

/// What a suite offers now: the newest plain kernel of each version, the newest version first.
pub fn offers(suite: Suite, cache: &Path, progress: &dyn Fn(&str)) -> Result<Vec<Offer>, KernelError> {
    Ok(newest_of_each(&kernels(&fresh(suite, cache, progress)?)?))
}

/// What the sources of this host's apt offer, by the lists of its last update.
pub fn host_offers() -> Result<Vec<Offer>, KernelError> {
    Ok(newest_of_each(&kernels(&Archive::host())?))
}

/// A suite with lists that are not old.
fn fresh(suite: Suite, cache: &Path, progress: &dyn Fn(&str)) -> Result<Archive, KernelError> {
    let archive = Archive::suite(suite, cache)?;
    let tell = || progress(&format!("fetching the package lists of Debian {}", suite.archive_name()));
    archive.update_if_older(FRESH, tell)?;
    Ok(archive)
}

fn slot(cache: &Path, version: DebianVersion) -> std::path::PathBuf {
    cache.join("kernels").join(format!("debian-{version}"))
}

/// Asks one set of package lists after the other.
fn look(version: DebianVersion, cache: &Path, slot: &Path, progress: &dyn Fn(&str)) -> Result<Image, KernelError> {
    if let DebianVersion::Suite(suite) = version {
        let archive = fresh(suite, cache, progress)?;
        return install(&archive, &find(&archive, version)?, slot, progress);
    }
    let host = Archive::host();
    if let Ok(packages) = find(&host, version) {
        match install(&host, &packages, slot, progress) {
            Err(KernelError::Program { command, .. }) if command.starts_with("apt-get") => {
                progress("the host's package lists are stale; fetching own ones");
            }
            done => return done,
        }
    } else {
        progress(&format!("the host's package lists name no kernel {version}; looking in own ones"));
    }
    let own = Archive::private(cache)?;
    own.update_if_older(FRESH, || progress("fetching own package lists of the host's sources"))?;
    let mut offered = match find(&own, version) {
        Ok(packages) => return install(&own, &packages, slot, progress),
        Err(KernelError::NotOffered { available, .. }) => available,
        Err(error) => return Err(error),
    };
    for suite in Suite::ALL {
        let archive = match fresh(suite, cache, progress) {
            // A host without any Debian source has no suites.
            Err(KernelError::NoMirror) => break,
            archive => archive?,
        };
        match find(&archive, version) {
            Ok(packages) => return install(&archive, &packages, slot, progress),
            Err(KernelError::NotOffered { available, .. }) => offered.extend(available),
            Err(error) => return Err(error),
        }
    }
    offered.sort_by_key(|spec| version_key(spec));
    offered.dedup();
    Err(KernelError::NotOffered { wanted: version.to_string(), available: offered })
}

/// What was a suite's newest and lies in the cache may no longer be: the user is told how old it is, and decides.
fn tell_age(version: DebianVersion, image: &Image, progress: &dyn Fn(&str)) {
    let fetched = std::fs::metadata(&image.vmlinuz).and_then(|facts| facts.created());
    let days = fetched.ok().and_then(|at| at.elapsed().ok()).map_or(0, |age| age.as_secs() / 86_400);
    if days >= 14 {
        let release = &image.release;
        progress(&format!(
            "{version} is {release}, fetched {days} days ago; `kernel fetch debian:{version}` looks again"
        ));
    }
}

/// The kernel package and those that hold its other halves.
fn find(archive: &Archive, version: DebianVersion) -> Result<Vec<Package>, KernelError> {
    let offered = kernels(archive)?;
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

/// The plain kernels of an archive. Of a kernel that was replaced the archive may still hold the signed package, an empty
/// one, but no longer what that depends on: such are left out.
fn kernels(archive: &Archive) -> Result<Vec<Package>, KernelError> {
    let mut offered = archive.offered("linux-image-")?;
    offered.retain(|package| version_of(package).is_some());
    let depends = archive.depends_of(&offered)?;
    let parts = |package: &Package| -> Vec<&str> {
        let needed = depends.get(&package.name).into_iter().flatten().map(String::as_str);
        needed.filter(|name| name.starts_with("linux-") && name.ends_with(release_in(&package.name))).collect()
    };
    let wanted: Vec<&str> = offered.iter().flat_map(parts).collect();
    let there = archive.versions(&wanted)?;
    let whole = |package: &Package| parts(package).iter().all(|part| there.iter().any(|p| p.name == *part));
    let keep: Vec<bool> = offered.iter().map(whole).collect();
    Ok(offered.into_iter().zip(keep).filter_map(|(package, keep)| keep.then_some(package)).collect())
}

/// `linux-image-` and the suffix `-unsigned` off: what is left is the release.
fn release_in(package: &str) -> &str {
    let name = package.strip_prefix("linux-image-").unwrap_or(package);
    let name = name.strip_prefix("unsigned-").unwrap_or(name);
    name.strip_suffix("-unsigned").unwrap_or(name)
}

/// The version of a plain server kernel for amd64, with its patch level where the package's version tells it; `None` for
/// every other flavour and for meta packages.
fn version_of(package: &Package) -> Option<DebianVersion> {
    let release = release_in(&package.name);
    let (numbers, flavour) = release.rsplit_once('-')?;
    let plain = matches!(flavour, "amd64" | "generic")
        && !["-rt", "-cloud", "-dbg"].iter().any(|other| numbers.ends_with(other));
    let mut parts = numbers.split('.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    // A meta package names no patch level.
    parts.next()?;
    // A release need not say it: 6.1.0-56-amd64 is 6.1.192.
    let patch = match version_key(&package.version)[..] {
        [a, b, patch, ..] if (a, b) == (u64::from(major), u64::from(minor)) => u32::try_from(patch).ok(),
        _ => None,
    };
    plain.then_some(DebianVersion::Numbered { major, minor, patch })
}

/// Whether a kernel of the version found is what was wanted.
fn serves(found: DebianVersion, wanted: DebianVersion) -> bool {
    use DebianVersion::Numbered;
    match (found, wanted) {
        (_, DebianVersion::Suite(_)) => true,
        (Numbered { major: a, minor: b, .. }, Numbered { major, minor, patch: None }) => (a, b) == (major, minor),
        (found, wanted) => found == wanted,
    }
}

fn choose(offered: &[Package], version: DebianVersion) -> Option<&Package> {
    let wanted = |package: &&Package| version_of(package).is_some_and(|found| serves(found, version));
    offered.iter().filter(wanted).max_by_key(|package| newness(package))
}

/// Orders kernels by release; of the same release the signed one is taken.
fn newness(package: &Package) -> (Vec<u64>, bool) {
    (version_key(release_in(&package.name)), !package.name.contains("unsigned"))
}

/// MAJOR.MINOR of a plain kernel.
fn line_of(package: &Package) -> Option<DebianVersion> {
    match version_of(package)? {
        DebianVersion::Numbered { major, minor, .. } => Some(DebianVersion::Numbered { major, minor, patch: None }),
        DebianVersion::Suite(_) => None,
    }
}

fn newest_of_each(offered: &[Package]) -> Vec<Offer> {
    let mut lines: Vec<DebianVersion> = offered.iter().filter_map(line_of).collect();
    lines.sort_unstable();
    lines.dedup();
    let newest = |line: &DebianVersion| {
        choose(offered, *line).map(|package| Offer {
            release: release_in(&package.name).to_owned(),
            package_version: package.version.clone(),
            spec: format!("debian:{}", version_of(package).unwrap_or(*line)),
        })
    };
    lines.iter().rev().filter_map(newest).collect()
}

fn available(offered: &[Package]) -> Vec<String> {
    newest_of_each(offered).into_iter().rev().map(|offer| offer.spec).collect()
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
    if let Some(image) = load(&whole) {
        progress(&format!("{name} {version} is in the cache"));
        return Ok(image);
    }
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
        assert_eq!(available(&offered), ["debian:6.1", "debian:6.12"], "these packages do not tell a patch level");
    }

    #[test]
    fn a_patch_level_is_that_of_the_package() {
        let package = |name: &str, version: &str| Package { name: name.into(), version: version.into() };
        let offered = [
            package("linux-image-6.1.0-55-amd64", "6.1.187-1"),
            package("linux-image-6.1.0-56-amd64", "6.1.192-2"),
            package("linux-image-6.12.117+deb12-amd64", "6.12.117-1~deb12u1"),
        ];
        let chosen = |version: &str| {
            choose(&offered, version.parse().expect("a version")).map(|package| package.version.as_str())
        };
        assert_eq!(chosen("6.1.187"), Some("6.1.187-1"));
        assert_eq!(chosen("6.1"), Some("6.1.192-2"));
        assert_eq!(chosen("6.12.117"), Some("6.12.117-1~deb12u1"));
        assert_eq!(chosen("6.1.0"), None);
        let newest = newest_of_each(&offered);
        let specs: Vec<(&str, &str)> = newest.iter().map(|o| (o.spec.as_str(), o.release.as_str())).collect();
        assert_eq!(specs, [("debian:6.12.117", "6.12.117+deb12-amd64"), ("debian:6.1.192", "6.1.0-56-amd64")]);
    }

    #[test]
    fn an_unsigned_kernel_is_taken_when_it_is_the_only_one() {
        let offered = packages(&["linux-image-unsigned-6.8.0-45-generic", "linux-image-6.1.0-56-amd64-unsigned"]);
        for version in ["6.8", "6.1"] {
            assert!(choose(&offered, version.parse().expect("a version")).is_some(), "{version}");
        }
    }
}
