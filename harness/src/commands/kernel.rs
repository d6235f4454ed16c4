//! `flowgauge kernel`: the kernels that can be booted, and fetching one before it is needed.

use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, Subcommand};
use flowgauge_topologies::kernel::debian::{self, Offer};
use flowgauge_topologies::kernel::{self, DebianVersion, KernelError, KernelSpec, Suite};
use indicatif::{ProgressBar, ProgressStyle};

use super::exit::{Exit, print};

/// Show and fetch the kernels that can be booted in a VM.
///
/// Kernels lie in the cache folder ($FLOWGAUGE_CACHE, else ~/.cache/flowgauge). Debian's are found through package lists
/// of our own there; those of the host, and what it has installed, stay as they are. No privilege is needed.
#[derive(Debug, Args)]
pub(super) struct Kernel {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the kernels in the cache, and what Debian's stable, backports and sid offer
    List {
        /// Only those in the cache; asks no archive
        #[arg(long)]
        cached: bool,
    },
    /// Fetch a kernel into the cache; one that is there already only when there is a newer one
    Fetch {
        /// debian:6.12, debian:6.12.117, debian:stable, debian:backports or debian:sid (or newest)
        #[arg(required = true, value_name = "KERNEL")]
        kernels: Vec<KernelSpec>,
    },
}

impl Kernel {
    pub(super) fn run(self) -> Result<(), Exit> {
        match self.action {
            Action::List { cached } => list(cached),
            Action::Fetch { kernels } => fetch(&kernels),
        }
    }
}

fn list(only_cached: bool) -> Result<(), Exit> {
    let cache = kernel::cache_dir().map_err(environment)?;
    let mut text = format!("In the cache ({})\n", cache.display());
    let cached = kernel::list_cached(&cache);
    if cached.is_empty() {
        text += "  none yet: `flowgauge kernel fetch debian:6.12` fetches one\n";
    }
    for kernel in &cached {
        text += &format!("  {:<18} {:<26} {}\n", kernel.spec, kernel.image.release, kernel.image.origin);
    }
    print(&text)?;
    if only_cached {
        return Ok(());
    }
    // A host without apt has no sources of its own; the suites will say so.
    let host = debian::host_offers().unwrap_or_default();
    print(&section("This host's apt", None, &host))?;
    let mut failed = None;
    for suite in Suite::ALL {
        let steps = Steps::new();
        let offers = debian::offers(suite, &cache, &|step| steps.tell(step));
        drop(steps);
        match offers {
            Ok(offers) => print(&section(&format!("Debian {}", suite.archive_name()), Some(suite), &offers))?,
            // The other suites may still be had.
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(()), |error| Err(environment(error)))
}

/// Offers, the newest first; that one has the suite's name as well.
fn section(title: &str, suite: Option<Suite>, offers: &[Offer]) -> String {
    let mut text = format!("\n{title}\n");
    for (place, offer) in offers.iter().enumerate() {
        let suite = suite.filter(|_| place == 0).map_or_else(String::new, |s| format!(", debian:{}", s.name()));
        text += &format!("  {:<18} {:<26} {}{suite}\n", offer.spec, offer.release, offer.package_version);
    }
    if offers.is_empty() {
        text += "  no kernel for amd64\n";
    }
    text
}

fn fetch(kernels: &[KernelSpec]) -> Result<(), Exit> {
    let versions: Vec<DebianVersion> = kernels.iter().map(version).collect::<Result<_, _>>()?;
    let cache = kernel::cache_dir().map_err(environment)?;
    for version in versions {
        let steps = Steps::new();
        let image = debian::renew(version, &cache, &|step| steps.tell(step)).map_err(environment)?;
        drop(steps);
        print(&format!("debian:{version}  {}  {}\n", image.release, image.vmlinuz.display()))?;
    }
    Ok(())
}

fn version(spec: &KernelSpec) -> Result<DebianVersion, Exit> {
    match spec {
        KernelSpec::Debian(version) => Ok(*version),
        KernelSpec::Path(_) | KernelSpec::Auto | KernelSpec::Host => Err(Exit::input(format!(
            "{spec} is not fetched from anywhere; give debian:6.12, debian:stable or the like"
        ))),
    }
}

fn environment(error: KernelError) -> Exit {
    Exit::Environment(error.to_string())
}

/// Steps on standard error: a line that changes on a terminal, lines elsewhere.
struct Steps {
    bar: Option<ProgressBar>,
}

impl Steps {
    fn new() -> Steps {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Steps { bar }
    }

    fn tell(&self, step: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(step.to_owned()),
            None => eprintln!("{step}"),
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debians_kernels_are_fetched() {
        let said = |text: &str| version(&text.parse().expect("a kernel"));
        assert_eq!(said("debian:sid"), Ok(DebianVersion::Suite(Suite::Sid)));
        for other in ["auto", "host", "./bzImage"] {
            assert!(matches!(said(other), Err(Exit::Input(text)) if text.contains(other)), "{other}");
        }
    }
}
