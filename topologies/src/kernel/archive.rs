//! The distribution's package archive, through apt's own tools: nothing is installed, no privilege
//! is used, and the host's lists stay as they are.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use super::KernelError;

/// One way of asking apt: with the host's package lists, or with lists of our own.
pub(crate) struct Archive {
    options: Vec<String>,
    private: Option<PathBuf>,
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
        Self { options: vec!["-oAPT::Sandbox::User=root".into()], private: None }
    }

    /// Lists of our own in the cache; empty until [`Archive::update`].
    pub(crate) fn private(cache: &Path) -> Result<Self, KernelError> {
        let dir = cache.join("apt");
        for folder in ["lists/partial", "archives/partial"] {
            let folder = dir.join(folder);
            std::fs::create_dir_all(&folder).map_err(KernelError::io("create cache folder", &folder))?;
        }
        let mut archive = Self::host();
        archive.options.push(format!("-oDir::State::lists={}", dir.join("lists").display()));
        archive.options.push(format!("-oDir::Cache={}", dir.display()));
        archive.private = Some(dir);
        Ok(archive)
    }

    /// Fetches the lists. Only for private lists: the host's are not ours to change.
    pub(crate) fn update(&self) -> Result<(), KernelError> {
        if self.private.is_some() {
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
}
