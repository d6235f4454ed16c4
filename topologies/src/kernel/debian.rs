//! A Debian (or Ubuntu) kernel from the distribution's archive, unpacked into the cache.

use std::{path::Path, time::Duration};

use super::{
    DebianVersion, Image, KernelError, Suite,
    archive::{Archive, Package, run},
    cache::{load, lock, newest_in, seal, version_key},
    offer::{find, kernels, newest_of_each, release_in},
};

pub use super::offer::Offer;

/// Lists of a suite that are younger are taken as they are. Debian renews them four times a day.
const FRESH: Duration = Duration::from_secs(3600);

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
