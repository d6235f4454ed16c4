//! Shards of the made-up result, joined again, and everything that must not be.

use flowgauge_scenarios::Scenario;

use super::*;
use crate::environment::Clock;
use crate::event::FailureKind;
use crate::sample;

/// The made-up result as `of` shards would have it.
fn cut(whole: &RunResult, of: u32) -> Vec<Piece> {
    (1..=of).map(|index| Piece { label: format!("shard-{index}"), result: shard(whole, index, of) }).collect()
}

fn shard(whole: &RunResult, index: u32, of: u32) -> RunResult {
    let plan = whole.plan.shard(index, of).unwrap();
    let own: BTreeSet<usize> = plan.own_steps().into_iter().map(|(step, _)| step).collect();
    let is_own = |test: &dyn Fn(u32, usize) -> bool| own.iter().any(|&s| test(plan.steps[s].block, plan.steps[s].cell));
    let mut part = whole.clone();
    part.run = format!("{}-{index}of{of}", whole.run);
    part.unix_s = whole.unix_s + f64::from(of - index);
    part.command.extend(["--shard".to_owned(), format!("{index}/{of}")]);
    part.trials.retain(|trial| own.contains(&trial.step));
    part.calibrations.retain(|c| is_own(&|block, cell| (block, plan.cells[cell].scenario) == (c.block, c.scenario)));
    part.onsets.retain(|onset| is_own(&|block, cell| (block, cell) == (0, onset.cell)));
    part.plan = plan;
    part
}

fn refused(pieces: Vec<Piece>) -> String {
    merge(pieces, &BTreeSet::new()).unwrap_err().to_string()
}

#[test]
fn shards_joined_are_the_whole_however_many_there_are() {
    let whole = sample::result();
    for of in [1, 2, 3, 4, 7, 30] {
        let mut pieces = cut(&whole, of);
        assert!(pieces.iter().all(|piece| !piece.result.trials.is_empty()));
        pieces.reverse();
        let joined = merge(pieces, &BTreeSet::new()).unwrap();
        assert_eq!(joined.plan, whole.plan, "{of} shards");
        assert_eq!(joined.trials, whole.trials);
        assert_eq!(joined.judgement, whole.judgement);
        assert_eq!(joined.environment, whole.environment);
        assert_eq!((joined.ending, joined.command), (Ending::Complete, whole.command.clone()));
        assert!(joined.warnings[0].text.contains(&format!("joined from {of} of {of} shards")));
    }
}

#[test]
fn the_joined_result_is_read_again_as_it_was_written() {
    let joined = merge(cut(&sample::result(), 4), &BTreeSet::new()).unwrap();
    let path = std::env::temp_dir().join(format!("flowgauge-merge-{}.json", std::process::id()));
    joined.save(&path).unwrap();
    let again = RunResult::load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(again, joined);
}

#[test]
fn what_is_missing_unfinished_or_there_twice_is_named() {
    let whole = sample::result();
    assert!(refused(Vec::new()).contains("nothing to join"));
    let mut pieces = cut(&whole, 4);
    pieces.remove(2);
    assert!(refused(pieces.clone()).contains("shard 3 of 4 is missing"), "{}", refused(pieces.clone()));
    pieces.remove(0);
    assert!(refused(pieces.clone()).contains("shards 1, 3 of 4 are missing"));
    let tolerant = BTreeSet::from([Allowance::Missing]);
    let joined = merge(pieces, &tolerant).unwrap();
    assert_eq!(joined.ending, Ending::Truncated);
    assert!(joined.trials.len() < whole.trials.len());

    let mut pieces = cut(&whole, 4);
    pieces.push(Piece { label: "again".to_owned(), ..pieces[1].clone() });
    let said = refused(pieces.clone());
    assert!(said.contains("shard 2/4 is there twice: shard-2 and again"), "{said}");
    // The first attempt failed: the second counts.
    pieces[1].result.ending = Ending::Failed { kind: FailureKind::Environment, message: "no room\nnowhere".to_owned() };
    pieces[1].result.trials.truncate(3);
    assert_eq!(merge(pieces.clone(), &BTreeSet::new()).unwrap().trials, whole.trials);
    pieces.pop();
    let said = refused(pieces.clone());
    assert!(said.contains("shard-2 (shard 2/4) failed: no room; run it again"), "{said}");
    assert_eq!(merge(pieces, &tolerant).unwrap().ending, Ending::Truncated);
    assert!(refused(vec![Piece { label: "all".to_owned(), result: whole }]).contains("all is a whole run"));
}

#[test]
fn shards_of_different_plans_are_refused_with_their_difference() {
    let whole = sample::result();
    let said = |change: &dyn Fn(&mut Plan)| {
        let mut pieces = cut(&whole, 2);
        change(&mut pieces[1].result.plan);
        refused(pieces)
    };
    let of = said(&|plan| plan.shard = Some(Shard { index: 2, of: 3 }));
    assert!(of.contains("shard-1 is one of 2 shards, shard-2 one of 3"), "{of}");
    let seed = said(&|plan| plan.seed = 8);
    assert!(seed.contains("not of one plan: seed 8, not 7"), "{seed}");
    let flows = said(&|plan| plan.scenarios[1].traffic.flows = 5);
    assert!(flows.contains("udp-ipv6: traffic.flows 5, not "), "{flows}");
    let names = said(&|plan| plan.scenarios[0] = Scenario::load("many-flows").unwrap());
    assert!(names.contains("scenarios many-flows, udp-ipv6"), "{names}");
    assert!(said(&|plan| plan.steps.swap(0, 1)).contains("in another order"));
    assert!(said(&|plan| plan.shard = Some(Shard { index: 9, of: 2 })).contains("says that it is shard 9 of 2"));
}

#[test]
fn a_step_is_there_once_and_is_its_own_shards() {
    let whole = sample::result();
    let mut pieces = cut(&whole, 4);
    let strange = pieces[0].result.trials[0].clone();
    pieces[1].result.trials.push(strange.clone());
    let said = refused(pieces);
    assert!(
        said.contains(&format!("shard-2 (shard 2/4) holds a trial of step {}, which is shard 1's", strange.step)),
        "{said}"
    );
    let mut pieces = cut(&whole, 4);
    pieces[0].result.trials.push(strange);
    assert!(refused(pieces).contains("two trials of step"));
    let mut pieces = cut(&whole, 4);
    pieces[3].result.trials.pop();
    assert!(refused(pieces).contains("lacks the trial of step"));
}

#[test]
fn environments_that_cannot_be_compared_are_refused_with_their_difference() {
    let whole = sample::result();
    let with = |change: &dyn Fn(&mut Environment)| {
        let mut pieces = cut(&whole, 2);
        change(pieces[1].result.environment.as_mut().unwrap());
        pieces
    };
    let kernel = refused(with(&|e| e.kernel_release = "6.1.0".to_owned()));
    assert!(kernel.contains("kernel release 6.1.0, not 6.12.0-sample"), "{kernel}");
    assert!(refused(with(&|e| e.clock = Clock::Instructions)).contains("clock Instructions, not Wall"));
    assert!(refused(with(&|e| e.nics[1].driver = "other".to_owned())).contains("lan port of router other, not veth"));
    let setting = refused(with(&|e| e.settings[0] = "net.netfilter.nf_conntrack_acct = 0".to_owned()));
    assert!(setting.contains("net.netfilter.nf_conntrack_acct 0, not 1"), "{setting}");

    let other_cpu = with(&|e| e.host_cpu = "Other \u{1b}[31m9000".to_owned());
    let said = refused(other_cpu.clone());
    assert!(said.contains("ran on other CPUs") && said.contains("--allow cpu") && !said.contains('\u{1b}'), "{said}");
    let joined = merge(other_cpu, &BTreeSet::from([Allowance::Cpu])).unwrap();
    assert!(joined.warnings.iter().any(|w| w.text.contains("host's CPU")));
    let counted = |piece: &mut Piece| piece.result.environment.as_mut().unwrap().clock = Clock::Instructions;
    let mut counting = with(&|e| e.host_cpu = "Other 9000".to_owned());
    counting.iter_mut().for_each(counted);
    assert!(merge(counting, &BTreeSet::new()).is_ok(), "instructions are the guest's");

    let more_memory = merge(with(&|e| e.memory_bytes *= 2), &BTreeSet::new()).unwrap();
    assert!(more_memory.warnings.iter().any(|w| w.text.contains("memory 4096 MiB, not 2048 MiB")));
    // A shard builds only the topologies that it needs.
    let fewer = with(&|e| e.nics.retain(|nic| nic.topology.has_nic()));
    assert_eq!(merge(fewer, &BTreeSet::new()).unwrap().environment.unwrap().nics.len(), 8);
}
