//! Which functions a change comes from, on profiles that were made up.

use super::fixture::counted;
use crate::RunResult;
use crate::compare::{Comparison, Explained, Options, compare, explain, explained_svg, render_explained};
use crate::judge::Sample;
use crate::profile::{Frame, Profile};
use crate::stats::{Estimate, Unit};
use crate::table::Style;
use crate::trial::CellProfile;

/// What the generator takes of each packet, by its calibration.
const GENERATOR: f64 = 2000.0;
/// Samples of a thousand instructions.
const SAMPLES: f64 = 4000.0;

/// A run whose packets take these instructions in these functions (leaf first), sampled evenly, and the generator 2100.
fn sampled(name: &str, stacks: &[(&str, f64)]) -> RunResult {
    let net = stacks.iter().map(|(_, cost)| cost).sum::<f64>() + 2100.0 - GENERATOR;
    let mut result = counted(name, &[net, net]);
    for row in &mut result.judgement.rows {
        row.samples.iter_mut().for_each(|s| *s = Sample { gross: Some(net + GENERATOR), ..s.clone() });
        row.gross = Estimate::of(&[net + GENERATOR], Unit::InstructionsPerPacket);
        let frames = |words: &str| words.split(' ').map(Frame::kernel).collect();
        let all = stacks.iter().chain([&("pktgen_xmit", 2100.0)]);
        let profile =
            Profile::gather(20_000, 0, all.map(|(words, cost)| (frames(words), (cost * SAMPLES / 1000.0) as u64)));
        result.profiles.push(CellProfile { cell: row.cell, packets: 1000, profile });
    }
    result
}

fn explained(base: &RunResult, new: &RunResult, which: Explained) -> Comparison {
    let (base, new, options) = (std::slice::from_ref(base), std::slice::from_ref(new), Options::default());
    let mut comparison = compare(base, new, &options).unwrap();
    explain(base, new, &options, which, &mut comparison).unwrap();
    comparison
}

fn named(comparison: &Comparison) -> Vec<Vec<&str>> {
    let of = |e: &'_ crate::compare::Explanation| e.difference.is_some();
    assert!(comparison.explained.iter().all(of), "{:#?}", comparison.explained);
    let names = |d| -> Vec<&str> { crate::profile::Difference::causes(d).map(|c| c.frame.function.as_str()).collect() };
    comparison.explained.iter().filter_map(|e| e.difference.as_ref().map(names)).collect()
}

const SOUND: [(&str, f64); 3] =
    [("fib_table_lookup ip_rcv", 400.0), ("nft_do_chain ip_rcv", 300.0), ("memcpy ip_rcv", 300.0)];

#[test]
fn the_same_profile_on_both_sides_names_no_function() {
    let base = sampled("a", &SOUND);
    let same = explained(&base, &sampled("b", &SOUND), Explained::All);
    assert!(!named(&same).is_empty() && named(&same).iter().all(Vec::is_empty));
    assert!(render_explained(&same, Style::default()).contains("no function is named"));
    let unchanged = explained(&base, &sampled("b", &SOUND), Explained::Changed);
    assert!(unchanged.explained.is_empty() && explained_svg(&unchanged).unwrap().is_none());
    assert!(render_explained(&unchanged, Style::default()).contains("No row changed"));
}

#[test]
fn a_function_that_became_dearer_is_named_alone_and_explains_the_whole_shift() {
    let base = sampled("a", &SOUND);
    let dearer = [SOUND[0], ("nft_do_chain ip_rcv", 450.0), SOUND[2]];
    let comparison = explained(&base, &sampled("b", &dearer), Explained::Changed);
    assert_eq!(comparison.explained.len(), comparison.rows.len());
    assert!(named(&comparison).iter().all(|names| *names == ["nft_do_chain"]), "{:?}", named(&comparison));
    let difference = comparison.explained[0].difference.as_ref().unwrap();
    assert!((difference.in_all() - 150.0).abs() < 1e-9 && difference.apart.unwrap().base == GENERATOR);
    let sum: f64 = difference.causes().map(|c| c.difference()).sum();
    assert!((sum - 150.0).abs() < 1.0, "{sum}");
    let svg = explained_svg(&comparison).unwrap().unwrap();
    assert!(svg.contains("nft_do_chain") && !svg.contains("fib_table_lookup") && svg.contains("prefers-color-scheme"));
}

#[test]
fn copies_of_the_compiler_are_one_function_and_inlining_is_said() {
    let base = [SOUND[0], ("nft_do_chain.isra.0 ip_rcv", 300.0), ("helper.constprop.0 ip_forward ip_rcv", 200.0)];
    let new = [SOUND[0], ("nft_do_chain.part.0 ip_rcv", 300.0), ("ip_forward ip_rcv", 200.0)];
    let more = [("ip_forward ip_rcv", 100.0)];
    let base: Vec<_> = base.into_iter().chain(more).collect();
    let new: Vec<_> = new.into_iter().chain(more).collect();
    let comparison = explained(&sampled("a", &base), &sampled("b", &new), Explained::All);
    let mut names = named(&comparison)[0].clone();
    names.sort_unstable();
    assert_eq!(names, ["helper", "ip_forward"]);
    let text = render_explained(&comparison, Style { width: 200, colour: false });
    assert!(text.contains("helper is on one side only, and with its caller ip_forward it comes to 0 ±"), "{text}");
}

#[test]
fn a_side_that_was_not_sampled_is_named() {
    let (base, mut new) = (sampled("a", &SOUND), sampled("the-new-one", &SOUND));
    new.profiles.clear();
    let (base, new, options) = ([base], [new], Options::default());
    let mut comparison = compare(&base, &new, &options).unwrap();
    let said = explain(&base, &new, &options, Explained::All, &mut comparison).unwrap_err().to_string();
    assert!(said.contains("NEW (the-new-one)") && said.contains("--explain"), "{said}");
}
