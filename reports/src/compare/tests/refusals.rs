//! What is not comparable, and how it is told.

use flowgauge_scenarios::Span;

use super::fixture::{compared, counted, verdict, wall};
use crate::RunResult;
use crate::compare::{Aspect, Compared, Incomparable, Options, Standing, compare};
use crate::environment::{Accelerator, Environment};

const VALUES: [f64; 12] = [58_000.0; 12];

fn changed(mut result: RunResult, change: impl Fn(&mut Environment)) -> RunResult {
    result.environment.iter_mut().for_each(change);
    result
}

/// Compares a run with one of another environment; refused, and allowed when told.
#[track_caller]
fn refused(new: RunResult, aspect: Aspect, says: &str) {
    let (base, new) = ([wall("a", &VALUES)], [new]);
    let error = compare(&base, &new, &Options::default()).unwrap_err();
    let Incomparable::Differences(differences) = &error else { panic!("{error}") };
    assert!(differences.iter().all(|d| d.aspect == aspect && d.standing == Standing::Refused), "{differences:?}");
    let text = error.to_string();
    assert!(text.contains(says) && text.ends_with(&format!("--allow {}", aspect.name())), "{text}");
    let options = Options { allow: [aspect].into(), ..Options::default() };
    let comparison = compare(&base, &new, &options).unwrap();
    assert!(comparison.differences.iter().any(|d| d.aspect == aspect && d.standing == Standing::Allowed));
}

#[test]
fn other_machines_are_named_and_refused() {
    let run = || wall("b", &VALUES);
    refused(changed(run(), |e| e.cpu = "Other".to_owned()), Aspect::Cpu, "base QEMU TCG CPU; new Other");
    refused(changed(run(), |e| e.host_cpu = "Other".to_owned()), Aspect::Cpu, "CPU of the host");
    refused(changed(run(), |e| e.cpus = 4), Aspect::Cpus, "base 2; new 4");
    refused(changed(run(), |e| e.memory_bytes = 4 << 30), Aspect::Memory, "base 2048 MiB; new 4096 MiB");
    refused(changed(run(), |e| e.accelerator = Accelerator::Kvm), Aspect::Accelerator, "new VM by KVM");
    refused(changed(run(), |e| e.nics[1].driver = "mlx5_core".to_owned()), Aspect::Driver, "new mlx5_core");
    refused(
        changed(run(), |e| e.settings[0] = "net.netfilter.nf_conntrack_acct = 0".to_owned()),
        Aspect::Settings,
        "acct",
    );
    refused(changed(run(), |e| e.tools[1].version = "QEMU 9".to_owned()), Aspect::Emulator, "new QEMU 9");
    let clock = changed(run(), |e| e.clock = crate::environment::Clock::Instructions);
    refused(clock, Aspect::Clock, "base wall");
}

#[test]
fn what_does_not_change_figures_is_noted() {
    let noted = |change: fn(&mut Environment), aspect| {
        let comparison = compared(wall("a", &VALUES), changed(wall("b", &VALUES), change));
        assert!(comparison.differences.iter().all(|d| (d.aspect, d.standing) == (aspect, Standing::Noted)));
        assert_eq!(comparison.differences.len(), 1, "{:?}", comparison.differences);
    };
    noted(|e| e.flowgauge = "9.9.9".to_owned(), Aspect::Flowgauge);
    noted(|e| e.kernel_version = "#2 SMP".to_owned(), Aspect::Kernel);
    noted(|e| e.tools[0].version = "nftables v1.1".to_owned(), Aspect::Tools);
    noted(|e| e.settings.push("net.new = 1".to_owned()), Aspect::Settings);
    assert_eq!(compared(wall("a", &VALUES), wall("b", &VALUES)).differences, []);
}

#[test]
fn instructions_do_not_depend_on_the_host() {
    let other = changed(counted("b", &[4000.0, 4001.0]), |e| e.host_cpu = "Other".to_owned());
    let comparison = compared(counted("a", &[4000.0, 4001.0]), other);
    assert_eq!(verdict(&comparison), Compared::Equivalent);
    assert_eq!(comparison.differences[0].standing, Standing::Noted);
}

#[test]
fn a_scenario_of_one_name_and_other_content_is_refused_by_the_field() {
    let other = |change: fn(&mut flowgauge_scenarios::Scenario)| {
        let mut result = wall("b", &VALUES);
        change(&mut result.plan.scenarios[0]);
        result
    };
    refused(other(|s| s.traffic.flows = 7), Aspect::Plan, "traffic.flows of scenario udp-ipv4");
    refused(other(|s| s.method.trial = Span::from_ms(60_000)), Aspect::Plan, "method.trial of scenario udp-ipv4");
    refused(other(|s| s.extra_rules = 1), Aspect::Plan, "extra_rules of scenario udp-ipv4: base nothing; new 1");
    for free in [
        (|s: &mut flowgauge_scenarios::Scenario| s.method.blocks = 99) as fn(&mut _),
        |s| s.about = "other words".to_owned(),
        |s| s.datapaths.truncate(1),
    ] {
        let comparison = compared(wall("a", &VALUES), other(free));
        assert!(comparison.differences.iter().all(|d| d.standing == Standing::Noted), "{:?}", comparison.differences);
    }
}

#[test]
fn other_company_in_the_boot_is_refused_by_the_instruction_clock_only() {
    let alone = |mut result: RunResult| {
        result.plan.scenarios[0].datapaths.truncate(1);
        result
    };
    let counts = || counted("b", &[4000.0, 4001.0]);
    let error = compare(&[counts()], &[alone(counts())], &Options::default()).unwrap_err().to_string();
    assert!(
        error.contains("scenarios and datapaths of the run: base udp-ipv4 on conntrack, flowtable, forward; new"),
        "{error}"
    );
    assert!(error.ends_with("--allow plan"), "{error}");
    let comparison = compared(wall("a", &VALUES), alone(wall("b", &VALUES)));
    assert_eq!(comparison.differences[0].standing, Standing::Noted);
}

#[test]
fn another_ruleset_of_one_scenario_is_refused_by_its_lines() {
    let with_trials = |name: &str| {
        let mut result = wall(name, &VALUES);
        result.trials = crate::sample::result().trials;
        result.trials.retain(|trial| result.plan.cells[trial.cell].scenario == 0);
        result
    };
    let mut new = with_trials("b");
    assert_eq!(compared(with_trials("a"), new.clone()).differences, []);
    for trial in new.trials.iter_mut().filter(|t| t.datapath == flowgauge_scenarios::Datapath::Flowtable) {
        trial.ruleset = trial.ruleset.replacen("accept", "accept comment \"\u{1b}[2J\"", 1);
    }
    let error = compare(&[with_trials("a")], &[new], &Options::default()).unwrap_err().to_string();
    assert!(error.contains("ruleset of scenario udp-ipv4 on flowtable: base `"), "{error}");
    assert!(error.contains("\u{fffd}[2J") && !error.contains('\u{1b}') && !error.contains("on conntrack"), "{error}");
}

#[test]
fn runs_of_one_side_must_be_comparable_too() {
    let base = [wall("a", &VALUES), changed(wall("a2", &VALUES), |e| e.cpus = 8)];
    let error = compare(&base, &[wall("b", &VALUES)], &Options::default()).unwrap_err().to_string();
    assert!(error.contains("cpus: number of CPUs: base 2 and 8; new 2"), "{error}");
    let builds = [wall("a", &VALUES), changed(wall("a2", &VALUES), |e| e.kernel_version = "#2 SMP".to_owned())];
    let error = compare(&builds, &[wall("b", &VALUES)], &Options::default()).unwrap_err().to_string();
    assert!(error.contains("builds of 6.12.0-sample on one side, BASE"), "{error}");
    assert!(error.ends_with("--allow kernel"), "{error}");
}

#[test]
fn hostile_texts_do_not_reach_the_terminal() {
    let hostile = changed(wall("b", &VALUES), |e| e.cpu = "\u{1b}]0;owned\u{7}\u{202e}".to_owned());
    let error = compare(&[wall("a", &VALUES)], &[hostile], &Options::default()).unwrap_err().to_string();
    assert!(!error.contains(['\u{1b}', '\u{7}', '\u{202e}']) && error.contains("owned"), "{error:?}");
}

#[test]
fn nothing_is_refused_in_words() {
    let error = compare(&[], &[wall("b", &VALUES)], &Options::default()).unwrap_err().to_string();
    assert_eq!(error, "BASE has no rows: its runs planned nothing");
}
