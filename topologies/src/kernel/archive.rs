//! The distribution's package archive, through apt's own tools: nothing is installed, no privilege
//! is used, and the host's lists stay as they are.

use std::{io::ErrorKind, path::Path, process::Command};

use super::KernelError;

/// Where Debian's newest kernel lies.
const NEWEST_SUITE: &str = "sid";

/// The keys of Debian's archive, from the package debian-archive-keyring.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One way of asking apt: with the host's package lists, or with lists of our own.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    options: Vec<String>,
    private: bool,
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
        Self { options: vec!["-oAPT::Sandbox::User=root".into()], private: false }
    }

    /// Lists of our own in the cache; empty until [`Archive::update`].
    pub(crate) fn private(cache: &Path) -> Result<Self, KernelError> {
        Self::lists_in(&cache.join("apt"))
    }

    /// Lists of our own of Debian's newest suite, from the mirror that the host uses for Debian, whether or not its own
    /// sources name that suite; empty until [`Archive::update`]. Signed by Debian's keys like all else.
    pub(crate) fn newest(cache: &Path) -> Result<Self, KernelError> {
        let format = ["--format", "$(REPO_URI) $(ORIGIN)", "Created-By: Packages"];
        let targets = run("apt-get", "apt", &[&["indextargets"], &format[..]].concat(), Path::new("/"))?;
        let mirror = debian_mirror(&targets).ok_or(KernelError::NoMirror)?;
        let dir = cache.join("apt-newest");
        let mut archive = Self::lists_in(&dir)?;
        // Without the package debian-archive-keyring the keys that apt trusts for everything must do.
        let keys = Path::new(DEBIAN_KEYRING).exists().then(|| format!("Signed-By: {DEBIAN_KEYRING}\n"));
        let entry = format!(
            "Types: deb\nURIs: {mirror}\nSuites: {NEWEST_SUITE}\nComponents: main\nArchitectures: amd64\n{}",
            keys.unwrap_or_default()
        );
        let sources = dir.join("newest.sources");
        std::fs::write(&sources, entry).map_err(KernelError::io("write", &sources))?;
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
        archive.private = true;
        Ok(archive)
    }

    /// Fetches the lists. Only for private lists: the host's are not ours to change.
    pub(crate) fn update(&self) -> Result<(), KernelError> {
        if self.private {
            self.run("apt-get", "apt", &["update", "-q"], Path::new("/"))?;
        }
        Ok(())
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
        let which = format!("{}={}", package.name, package.version);
        let control = self.run("apt-cache", "apt", &["show", &which], Path::new("/"))?;
        Ok(parse_depends(&control))
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
    let shown: Vec<&str> = args.iter().copied().take(8).collect();
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

/// The first words of the items of `Depends:`.
fn parse_depends(control: &str) -> Vec<String> {
    let line = control.lines().find_map(|line| line.strip_prefix("Depends:")).unwrap_or_default();
    line.split(',').filter_map(|item| Some(item.split_whitespace().next()?.to_owned())).collect()
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
        assert_eq!(parse_depends(control), ["gcc-16-for-host", "linux-headers-x-common", "linux-kbuild-x"]);
    }
}
