//! Which kernels an archive offers, and which of them serves a version that is asked for. Only what is whole counts.

use super::{
    DebianVersion, KernelError,
    archive::{Archive, Package},
    cache::version_key,
};

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

/// The kernel package and those that hold its other halves.
pub(super) fn find(archive: &Archive, version: DebianVersion) -> Result<Vec<Package>, KernelError> {
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
pub(super) fn kernels(archive: &Archive) -> Result<Vec<Package>, KernelError> {
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
pub(super) fn release_in(package: &str) -> &str {
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

/// The newest that serves.
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

/// The newest kernel of each MAJOR.MINOR, the newest version first.
pub(super) fn newest_of_each(offered: &[Package]) -> Vec<Offer> {
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

/// The same as text for an error.
fn available(offered: &[Package]) -> Vec<String> {
    newest_of_each(offered).into_iter().rev().map(|offer| offer.spec).collect()
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
