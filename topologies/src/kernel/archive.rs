//! The distribution's package archive, through apt's own tools: nothing is installed, no privilege
//! is used, and the host's lists stay as they are.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{KernelError, Suite, cache::lock};

/// The keys of Debian's archive, from the package debian-archive-keyring.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Written when lists have been fetched.
const STAMP: &str = "updated";

/// One way of asking apt: with the host's package lists, or with lists of our own.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    options: Vec<String>,
    /// Where lists of our own lie; none for the host's.
    own: Option<PathBuf>,
}

/// A package that can be downloaded now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl Archive {
    /// The lists that the last `apt-get update` of the host left.
    pub(crate) fn host() -> Self {
        // Root may read everything; apt's own sandbox user may not write into our cache.
        Self { options: vec!["-oAPT::Sandbox::User=root".into()], own: None }
    }

    /// Lists of our own in the cache; empty until [`Archive::update`].
    pub(crate) fn private(cache: &Path) -> Result<Self, KernelError> {
        Self::lists_in(&cache.join("apt"))
    }

    /// Lists of our own of one of Debian's suites, from the mirror that the host uses for Debian, whether or not its own
    /// sources name that suite; empty until [`Archive::update`]. Signed by Debian's keys like all else.
    pub(crate) fn suite(suite: Suite, cache: &Path) -> Result<Self, KernelError> {
        let format = ["--format", "$(REPO_URI) $(ORIGIN)", "Created-By: Packages"];
        let targets = run("apt-get", "apt", &[&["indextargets"], &format[..]].concat(), Path::new("/"))?;
        let mirror = debian_mirror(&targets).ok_or(KernelError::NoMirror)?;
        let dir = cache.join(format!("apt-{}", suite.name()));
        let mut archive = Self::lists_in(&dir)?;
        // Without the package debian-archive-keyring the keys that apt trusts for everything must do.
        let keys = Path::new(DEBIAN_KEYRING).exists().then(|| format!("Signed-By: {DEBIAN_KEYRING}\n"));
        let entry = format!(
            "Types: deb\nURIs: {mirror}\nSuites: {}\nComponents: main\nArchitectures: amd64\n{}",
            suite.archive_name(),
            keys.unwrap_or_default()
        );
        let sources = dir.join(format!("{}.sources", suite.name()));
        // Where it is newer than what apt has made of the lists, apt makes that again, which takes seconds.
        if std::fs::read_to_string(&sources).ok().as_ref() != Some(&entry) {
            std::fs::write(&sources, &entry).map_err(KernelError::io("write", &sources))?;
        }
        archive.options.push(format!("-oDir::Etc::sourcelist={}", sources.display()));
        archive.options.push("-oDir::Etc::sourceparts=/dev/null".into());
        // Neither translations nor the descriptions for software centres.
        archive.options.push("-oAcquire::Languages=none".into());
        archive.options.push("-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".into());
        Ok(archive)
    }

    fn lists_in(dir: &Path) -> Result<Self, KernelError> {
        for folder in ["lists/partial", "archives/partial"] {
            let folder = dir.join(folder);
            std::fs::create_dir_all(&folder).map_err(KernelError::io("create cache folder", &folder))?;
        }
        let mut archive = Self::host();
        archive.options.push(format!("-oDir::State::lists={}", dir.join("lists").display()));
        archive.options.push(format!("-oDir::Cache={}", dir.display()));
        // Container images switch these off; without them every question parses the lists again, for seconds.
        for cache in ["pkgcache", "srcpkgcache"] {
            archive.options.push(format!("-oDir::Cache::{cache}={cache}.bin"));
        }
        archive.own = Some(dir.to_owned());
        Ok(archive)
    }

    /// Fetches the lists. Only for private lists: the host's are not ours to change.
    pub(crate) fn update(&self) -> Result<(), KernelError> {
        let Some(dir) = &self.own else { return Ok(()) };
        // apt does not wait for another apt that fetches the same lists, but fails.
        let _held = lock(dir)?;
        // Without this a mirror that does not answer is a warning only, and old lists pass for new ones.
        self.run(
            "apt-get",
            "apt",
            &["update", "-q", "-oAPT::Update::Error-Mode=any", "-oAcquire::Retries=1"],
            Path::new("/"),
        )?;
        let stamp = dir.join(STAMP);
        std::fs::write(&stamp, b"").map_err(KernelError::io("write", stamp))
    }

    /// Fetches the lists unless that was done within the time given; `tell` is called before.
    pub(crate) fn update_if_older(&self, age: Duration, tell: impl FnOnce()) -> Result<(), KernelError> {
        let stamp = self.own.as_ref().and_then(|dir| std::fs::metadata(dir.join(STAMP)).ok()?.modified().ok());
        match stamp.and_then(|at| at.elapsed().ok()) {
            Some(elapsed) if elapsed < age => Ok(()),
            _ => {
                tell();
                self.update()
            }
        }
    }

    /// Every package whose name starts so and that the archive offers now, each in its newest version.
    pub(crate) fn offered(&self, prefix: &str) -> Result<Vec<Package>, KernelError> {
        let names = self.run("apt-cache", "apt", &["pkgnames", prefix], Path::new("/"))?;
        let names: Vec<&str> = names.lines().collect();
        self.versions(&names)
    }

    /// Those of the named packages that are offered.
    pub(crate) fn versions(&self, names: &[&str]) -> Result<Vec<Package>, KernelError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let args: Vec<&str> = std::iter::once("madison").chain(names.iter().copied()).collect();
        let table = self.run("apt-cache", "apt", &args, Path::new("/"))?;
        Ok(parse_madison(&table))
    }

    /// The names of the packages that this one depends on, the first of each set of alternatives.
    pub(crate) fn depends(&self, package: &Package) -> Result<Vec<String>, KernelError> {
        Ok(self.depends_of(std::slice::from_ref(package))?.remove(&package.name).unwrap_or_default())
    }

    /// As [`Archive::depends`], of many packages at once, by their names.
    pub(crate) fn depends_of(&self, packages: &[Package]) -> Result<BTreeMap<String, Vec<String>>, KernelError> {
        if packages.is_empty() {
            return Ok(BTreeMap::new());
        }
        let which: Vec<String> = packages.iter().map(|p| format!("{}={}", p.name, p.version)).collect();
        let args: Vec<&str> = std::iter::once("show").chain(which.iter().map(String::as_str)).collect();
        let control = self.run("apt-cache", "apt", &args, Path::new("/"))?;
        Ok(control.split("\n\n").filter_map(parse_depends).collect())
    }

    /// Downloads the packages into `dir`.
    pub(crate) fn download(&self, packages: &[Package], dir: &Path) -> Result<(), KernelError> {
        let named: Vec<String> = packages.iter().map(|p| format!("{}={}", p.name, p.version)).collect();
        let args: Vec<&str> = ["download", "-q"].into_iter().chain(named.iter().map(String::as_str)).collect();
        self.run("apt-get", "apt", &args, dir).map(drop)
    }

    fn run(
        &self,
        program: &'static str,
        package: &'static str,
        args: &[&str],
        cwd: &Path,
    ) -> Result<String, KernelError> {
        let options = self.options.iter().map(String::as_str);
        let args: Vec<&str> = options.chain(args.iter().copied()).collect();
        run(program, package, &args, cwd)
    }
}

/// Runs a program to its end and returns its stdout.
pub(crate) fn run(
    program: &'static str,
    package: &'static str,
    args: &[&str],
    cwd: &Path,
) -> Result<String, KernelError> {
    // Where the lists lie is of no use to who reads of a failure.
    let shown: Vec<&str> = args.iter().copied().filter(|arg| !arg.starts_with("-o")).take(8).collect();
    let command = format!("{program} {}", shown.join(" "));
    let output = Command::new(program).args(args).current_dir(cwd).env("LC_ALL", "C").output();
    let output = output.map_err(|source| match source.kind() {
        ErrorKind::NotFound => KernelError::ProgramMissing { program, package },
        _ => KernelError::Io { action: "run", path: program.into(), source },
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let end = lines[lines.len().saturating_sub(4)..].join("; ");
    Err(KernelError::Program { command, status: output.status.to_string(), stderr: end })
}

/// Lines of `name | version | source`, newest version first per name.
fn parse_madison(table: &str) -> Vec<Package> {
    let mut found: Vec<Package> = Vec::new();
    for line in table.lines() {
        let mut columns = line.split('|').map(str::trim);
        if let (Some(name), Some(version), Some(source)) = (columns.next(), columns.next(), columns.next())
            && source.ends_with("Packages")
            && !found.iter().any(|p| p.name == name)
        {
            found.push(Package { name: name.to_owned(), version: version.to_owned() });
        }
    }
    found
}

/// The name of a package, and the first words of the items of its `Depends:`.
fn parse_depends(control: &str) -> Option<(String, Vec<String>)> {
    let field = |name: &str| control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let depends = field("Depends").unwrap_or_default().split(',');
    Some((
        field("Package")?.to_owned(),
        depends.filter_map(|i| Some(i.split_whitespace().next()?.to_owned())).collect(),
    ))
}

/// The mirror of Debian's main archive among lines of `URI ORIGIN`. Before the first update apt knows no origin; the
/// name of the folder tells then.
fn debian_mirror(targets: &str) -> Option<&str> {
    targets
        .lines()
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .filter(|(uri, _)| uri.trim_end_matches('/').ends_with("/debian"))
        .find(|(_, origin)| *origin == "Debian" || !origin.chars().all(char::is_alphanumeric) || origin.is_empty())
        .map(|(uri, _)| uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn madison_lists_binaries_newest_first() {
        let table = "linux-image-6.1.0-56-amd64 | 6.1.192-2 | http://deb.example/debian bookworm/main amd64 Packages\n\
                     linux-image-6.1.0-56-amd64 | 6.1.192-1 | http://deb.example/debian bookworm/main amd64 Packages\n\
                     linux-signed-amd64 | 6.1.192+2 | http://deb.example/debian bookworm/main Sources\n";
        let found = parse_madison(table);
        assert_eq!(found, [Package { name: "linux-image-6.1.0-56-amd64".into(), version: "6.1.192-2".into() }]);
    }

    #[test]
    fn the_mirror_is_debians_main_archive() {
        let targets = "http://mirror.example/debian-security/ Debian\nhttp://deb.nodesource.com/node/ .\n\
                       http://mirror.example/debian/ Debian\n";
        assert_eq!(debian_mirror(targets), Some("http://mirror.example/debian/"));
        assert_eq!(debian_mirror("http://mirror.example/debian $(ORIGIN)\n"), Some("http://mirror.example/debian"));
        assert_eq!(debian_mirror("http://archive.ubuntu.com/ubuntu/ Ubuntu\nhttp://x.example/debian/ Docker\n"), None);
    }

    #[test]
    fn depends_are_names() {
        let control = "Package: linux-headers-x\nDepends: gcc-16-for-host, linux-headers-x-common (= 1), \
                       linux-kbuild-x | other\n";
        let (name, depends) = parse_depends(control).expect("a package");
        assert_eq!(name, "linux-headers-x");
        assert_eq!(depends, ["gcc-16-for-host", "linux-headers-x-common", "linux-kbuild-x"]);
        assert_eq!(parse_depends("\n"), None);
    }
}
