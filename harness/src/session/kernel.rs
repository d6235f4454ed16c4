//! Chooses the kernel under test and starts a worker beside it.

use std::path::{Path, PathBuf};

use flowgauge_reports::environment::{Accelerator, Clock};
use flowgauge_reports::event::Phase;
use flowgauge_scenarios::{Engine, Plan, Policy};
use flowgauge_topologies::kernel::{self, Ability, DebianVersion, HostAbilities, Image, KernelSpec};

use super::drive::{Session, Signals};
use super::link::Link;
use super::{Request, child, vm};
use crate::worker::protocol::{Failure, Job};

/// The kernel that a request comes down to.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// The running one.
    Host,
    /// One to boot.
    Vm(KernelSpec),
}

/// Starts a worker beside the kernel asked for, and makes its job.
pub(super) async fn start(
    request: &Request,
    asked: &KernelSpec,
    session: &mut Session,
    signals: &mut Signals,
) -> Result<(Link, Job), Failure> {
    if request.modules.is_some() && !matches!(asked, KernelSpec::Path(_)) {
        return Err(Failure::input("--modules goes with the path of a kernel image: --kernel PATH --modules DIR"));
    }
    if request.clock == Clock::Instructions && *asked == KernelSpec::Host {
        return Err(Failure::input(
            "--clock instructions counts those of an emulated CPU: the kernel must run in a VM. Leave --kernel host away, or \
             take --clock wall",
        ));
    }
    let (choice, reason) = match &request.conform {
        Some(_) => choose_for_cases(asked, request.has_nic())?,
        None => choose(asked, &request.plan, HostAbilities::probe)?,
    };
    if let Some(reason) = reason {
        session.progress(Phase::Kernel, reason)?;
    }
    let mut job = Job {
        plan: request.plan.clone(),
        kernel_origin: "host".to_owned(),
        accelerator: Accelerator::Native,
        clock: request.clock,
        host_cpu: cpu_model(),
        host_tools: Vec::new(),
        keep: request.keep.clone(),
        own_machine: false,
        explain: request.explain,
        inject: request.inject,
        conform: request.conform.clone(),
        done: Vec::new(),
    };
    match choice {
        Choice::Host => Ok((child::start()?, job)),
        Choice::Vm(_) if request.keep.is_some() => Err(Failure::input(
            "--keep leaves namespaces on the host's kernel; a VM and all in it end with the run. Add --kernel host, or \
             leave --keep away",
        )),
        Choice::Vm(spec) => {
            let link = vm::start(request, spec, &mut job, session, signals).await?;
            job.own_machine = true;
            Ok((link, job))
        }
    }
}

/// Where pktgen takes orders, once its module is loaded.
const PKTGEN: &str = "/proc/net/pktgen/pgctrl";

/// Host or VM, with the reason where it was not said by the user. `probe` is asked only when it matters.
fn choose(
    spec: &KernelSpec,
    plan: &Plan,
    probe: impl FnOnce() -> HostAbilities,
) -> Result<(Choice, Option<String>), Failure> {
    if matches!(spec, KernelSpec::Path(_) | KernelSpec::Debian(_)) {
        return Ok((Choice::Vm(spec.clone()), None));
    }
    if plan.scenarios.iter().any(|s| s.topology.has_nic()) {
        let why = "the reference NIC is a kernel module, which is loaded only into a VM that is ours";
        let version = DebianVersion::DEFAULT;
        return match spec {
            KernelSpec::Host => Err(Failure::environment(format!(
                "the host's kernel cannot run topology nic-router: {why}. Use --kernel auto or --kernel debian:{version}"
            ))),
            _ => Ok((Choice::Vm(KernelSpec::Debian(version)), Some(format!("{why}; using debian:{version}")))),
        };
    }
    if plan.scenarios.iter().any(|s| s.engine == Engine::Pktgen) && *spec == KernelSpec::Auto {
        let version = DebianVersion::DEFAULT;
        let why = format!("pktgen is a kernel module, which a VM of ours has; using debian:{version}");
        return Ok((Choice::Vm(KernelSpec::Debian(version)), Some(why)));
    }
    if plan.scenarios.iter().any(|s| s.engine == Engine::Pktgen) && !Path::new(PKTGEN).exists() {
        return Err(Failure::environment(format!(
            "the host's kernel cannot run this plan: pktgen: {PKTGEN} is not there. Load the module (modprobe pktgen), or \
             leave --kernel host away: a kernel in a VM brings its own"
        )));
    }
    let gap = first_gap(&probe(), plan);
    match (spec, gap) {
        (_, None) => Ok((Choice::Host, None)),
        (KernelSpec::Host, Some((what, evidence, remedy))) => Err(Failure::environment(format!(
            "the host's kernel cannot run this plan: {what}: {evidence}. {remedy}; or use --kernel auto, which boots \
             a kernel in a VM"
        ))),
        (_, Some((what, evidence, _))) => {
            let version = DebianVersion::DEFAULT;
            let reason = format!("the host's kernel lacks {what} ({evidence}); using debian:{version} in a VM");
            Ok((Choice::Vm(KernelSpec::Debian(version)), Some(reason)))
        }
    }
}

/// Host or VM for cases. They break links and empty tables, and a kernel that has a bug may go down with one of them: by
/// itself that is never the host's.
fn choose_for_cases(spec: &KernelSpec, nic: bool) -> Result<(Choice, Option<String>), Failure> {
    let version = DebianVersion::DEFAULT;
    match spec {
        KernelSpec::Path(_) | KernelSpec::Debian(_) => Ok((Choice::Vm(spec.clone()), None)),
        KernelSpec::Auto => {
            let why = format!("cases run in a VM of their own; using debian:{version}");
            Ok((Choice::Vm(KernelSpec::Debian(version)), Some(why)))
        }
        KernelSpec::Host if nic => Err(Failure::environment(format!(
            "the host's kernel cannot run cases of flowtable-hw: the reference NIC is a kernel module, which is loaded only \
             into a VM that is ours. Use --kernel debian:{version}, or --datapath flowtable"
        ))),
        KernelSpec::Host => Ok((Choice::Host, None)),
    }
}

/// The first thing that the plan needs and the host's kernel lacks: what, evidence, remedy.
fn first_gap(host: &HostAbilities, plan: &Plan) -> Option<(&'static str, String, String)> {
    let needs_nft = |p: &dyn Fn(&flowgauge_scenarios::Cell) -> bool| plan.cells.iter().any(p);
    let offloads = needs_nft(&|cell| cell.datapath.offloads());
    let translates = plan.scenarios.iter().any(|s| matches!(s.policy, Policy::Masquerade | Policy::Dnat));
    host.all().into_iter().find_map(|(name, ability)| {
        let needed = match name {
            "flowtable" => offloads,
            "nat" => translates,
            _ => true,
        };
        match ability {
            Ability::No { evidence, remedy } if needed => Some((name, evidence.clone(), remedy.clone())),
            _ => None,
        }
    })
}

/// The kernel's files, fetched where they are not there yet. Blocks.
pub(super) fn resolve(
    spec: &KernelSpec,
    modules: Option<&PathBuf>,
    progress: &dyn Fn(&str),
) -> Result<(Image, String), Failure> {
    match spec {
        KernelSpec::Path(path) => {
            let image = Image::from_path(path, modules.map(PathBuf::as_path)).map_err(Failure::input)?;
            let origin = image.origin.clone();
            Ok((image, origin))
        }
        KernelSpec::Debian(version) => {
            let cache = kernel::cache_dir().map_err(Failure::environment)?;
            let image = kernel::debian::fetch(*version, &cache, progress).map_err(Failure::environment)?;
            let origin = format!("debian:{version} ({})", image.origin);
            Ok((image, origin))
        }
        KernelSpec::Auto | KernelSpec::Host => Err(Failure::environment("the host's kernel is not booted in a VM")),
    }
}

/// The first `model name` of /proc/cpuinfo.
pub(crate) fn cpu_model() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::Scenario;

    use super::*;

    fn able(flowtable: bool) -> HostAbilities {
        let no = || Ability::No { evidence: "EOPNOTSUPP".to_owned(), remedy: "load nf_flow_table".to_owned() };
        HostAbilities {
            in_user_namespace: false,
            netns: Ability::Yes,
            veth: Ability::Yes,
            nf_tables: Ability::Yes,
            conntrack: Ability::Yes,
            nat: Ability::Yes,
            flowtable: if flowtable { Ability::Yes } else { no() },
        }
    }

    fn plan(datapaths: &[flowgauge_scenarios::Datapath]) -> Plan {
        let mut scenario = Scenario::load("udp-ipv4").unwrap();
        scenario.datapaths = datapaths.to_vec();
        Plan::new(vec![scenario], 1)
    }

    #[test]
    fn auto_takes_the_host_when_it_can_and_says_why_when_not() {
        use flowgauge_scenarios::Datapath::{Conntrack, Flowtable};
        let auto = KernelSpec::Auto;
        assert!(matches!(choose(&auto, &plan(&[Flowtable]), || able(true)), Ok((Choice::Host, None))));
        assert!(matches!(choose(&auto, &plan(&[Conntrack]), || able(false)), Ok((Choice::Host, None))));
        let (choice, reason) = choose(&auto, &plan(&[Flowtable]), || able(false)).unwrap();
        assert!(matches!(choice, Choice::Vm(KernelSpec::Debian(_))));
        assert!(reason.unwrap().contains("EOPNOTSUPP"));
    }

    #[test]
    fn the_reference_nic_never_gets_into_the_hosts_kernel() {
        let plan = Plan::new(vec![Scenario::load("nic-udp-ipv4").unwrap()], 1);
        let able = || -> HostAbilities { unreachable!("what the host can do does not matter") };
        assert!(matches!(choose(&KernelSpec::Auto, &plan, able), Ok((Choice::Vm(_), Some(_)))));
        let error = choose(&KernelSpec::Host, &plan, able).unwrap_err();
        assert!(error.message.contains("nic-router") && error.message.contains("--kernel auto"), "{}", error.message);
    }

    #[test]
    fn cases_run_on_the_hosts_kernel_only_when_asked_to() {
        assert!(matches!(choose_for_cases(&KernelSpec::Auto, false), Ok((Choice::Vm(_), Some(_)))));
        assert!(matches!(choose_for_cases(&KernelSpec::Host, false), Ok((Choice::Host, None))));
        let error = choose_for_cases(&KernelSpec::Host, true).unwrap_err();
        assert!(error.message.contains("--datapath flowtable"), "{}", error.message);
    }

    #[test]
    fn a_host_that_cannot_is_refused_with_evidence_and_remedy() {
        use flowgauge_scenarios::Datapath::Flowtable;
        let error = choose(&KernelSpec::Host, &plan(&[Flowtable]), || able(false)).unwrap_err();
        assert!(error.message.contains("EOPNOTSUPP") && error.message.contains("load nf_flow_table"));
    }
}
