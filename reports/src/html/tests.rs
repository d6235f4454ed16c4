//! What must hold for every page.

use super::*;
use crate::sample;

#[test]
fn every_row_and_hole_is_on_the_page() {
    let result = sample::result();
    let page = render(&result).unwrap();
    assert_eq!(page.matches("<th scope=\"row\">flowtable<small>").count(), 4);
    assert_eq!(page.matches("6.12.0-sample<small>wall clock</small>").count(), result.judgement.rows.len());
    for scenario in &result.plan.scenarios {
        assert!(page.contains(&scenario.about.replace('\'', "&#39;")), "{}", scenario.name);
    }
    assert!(page.contains("forward was not measured:"));
    assert!(page.contains("--seed 7"));
    assert!(page.contains("two witnesses agree") && page.contains("5 witnesses agree"));
}

#[test]
fn figures_of_a_simulated_nic_are_marked_and_not_its_speed_is_the_answer() {
    let result = sample::result();
    let page = render(&result).unwrap();
    assert_eq!(page.matches("<small class=\"simulated\">").count(), 7);
    assert!(page.contains("it spends 230\u{a0}ns a lookup, accounted apart"));
    let answers = headline::answers(&result);
    let answer = answers.iter().find(|a| a.contains("simulated")).unwrap();
    assert!(answer.contains("0 within") && answer.contains("took the path through the hardware"), "{answer}");
    assert!(!answer.contains("forwards") && !answer.contains("pps"), "{answer}");
    assert!(page.contains("Flows waiting, over time") && page.contains("never offloaded"));
    let mut real = result;
    real.environment.as_mut().unwrap().nics.iter_mut().for_each(|nic| nic.simulated = false);
    real.judgement =
        crate::judge(&real.plan, &real.trials, &real.calibrations, &real.onsets, real.environment.as_ref());
    assert!(headline::answers(&real).iter().any(|a| a.contains("flowtable-hw forwards")));
    assert!(!render(&real).unwrap().contains('†'));
}

#[test]
fn nothing_is_loaded_from_a_network() {
    let page = render(&sample::result()).unwrap();
    for word in ["http:", "https:", "//cdn", "@import", "<script", "url("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn what_others_wrote_is_escaped() {
    let mut result = sample::result();
    let evil = "<script>alert('x')</script>";
    result.run = evil.to_owned();
    result.command.push(evil.to_owned());
    result.plan.scenarios[0].name = evil.to_owned();
    result.plan.scenarios[0].about = evil.to_owned();
    result.environment.as_mut().unwrap().cpu = evil.to_owned();
    result.trials[0].ruleset = evil.to_owned();
    result.warnings.push(Warning { text: evil.to_owned(), remedy: evil.to_owned() });
    let trials = result.trials.clone();
    result.judgement =
        crate::judge(&result.plan, &trials, &result.calibrations, &result.onsets, result.environment.as_ref());
    let page = render(&result).unwrap();
    assert!(!page.contains("<script"), "a name reached the page as markup");
    assert!(page.contains("script"));
}

#[test]
fn a_run_that_measured_nothing_has_a_page() {
    let mut events = sample::events();
    events.truncate(1);
    let result = RunResult::from_events(events).unwrap();
    let page = render(&result).unwrap();
    assert!(page.contains("cut off") && page.contains("unproven"));
}

#[test]
fn charts_follow_the_colours_of_the_page() {
    let page = render(&sample::result()).unwrap();
    assert!(page.matches("<svg role=\"img\"").count() > 3 * 4);
    assert_eq!(page.matches("<svg ").count(), page.matches("<title>").count() - 1);
    let literal = |svg: &str| svg.contains("fill=\"#") || svg.contains("stroke=\"#");
    assert!(!page.split("<svg").skip(1).any(|svg| literal(svg.split("</svg>").next().unwrap())));
}

#[test]
fn dates_are_dates() {
    assert_eq!(utc(0.0), "1970-01-01 00:00 UTC");
    assert_eq!(utc(951_827_696.0), "2000-02-29 12:34 UTC");
    assert_eq!(utc(1_767_225_600.0), "2026-01-01 00:00 UTC");
}

#[test]
fn a_command_is_quoted_where_a_shell_would_split_it() {
    assert_eq!(quoted("udp-ipv4"), "udp-ipv4");
    assert_eq!(quoted("it's here"), "'it'\\''s here'");
}
