//! The terminal table, as reviewed.

use flowgauge_reports::event::{FailureKind, Warning};
use flowgauge_reports::observation::Reading;
use flowgauge_reports::result::Ending;
use flowgauge_reports::table::{Style, render};
use flowgauge_reports::{RunResult, judge, sample};

#[test]
fn the_table_is_as_reviewed() {
    let text = render(&sample::result(), Style::default());
    assert!(text.lines().all(|line| line.chars().count() <= 100), "wider than 100 columns");
    assert!(!text.contains('\u{1b}'), "colours without a terminal");
    insta::assert_snapshot!(text);
}

#[test]
fn colours_are_for_terminals_and_a_narrow_one_still_shows_every_row() {
    let text = render(&sample::result(), Style { width: 80, colour: true });
    assert!(text.contains('\u{1b}'));
    let plain = render(&sample::result(), Style { width: 60, colour: false });
    assert!(plain.matches("good").count() >= 8, "{plain}");
}

/// Clears the screen, sets a title, rings, returns, reorders.
const EVIL: &str = "x\u{1b}[2J\u{1b}]0;gone\u{7}\u{9b}1m\r\n\u{8}\u{202e}y\u{2066}\u{2069}\u{7f}z";

#[test]
fn text_of_others_cannot_command_the_terminal() {
    let mut result = sample::result();
    let evil = || EVIL.to_owned();
    (result.run, result.command) = (evil(), vec![evil()]);
    for scenario in &mut result.plan.scenarios {
        (scenario.name, scenario.about) = (evil(), evil());
    }
    result.plan.holes[0].gap.reason = evil();
    let environment = result.environment.as_mut().unwrap();
    (environment.kernel_release, environment.kernel_origin, environment.topology) = (evil(), evil(), evil());
    (environment.kernel_version, environment.cpu, environment.host_cpu) = (evil(), evil(), evil());
    result.warnings.push(Warning { text: evil(), remedy: evil() });
    result.trials[0].after.ports = Reading::Missing { why: evil() };
    result.trials[0].ruleset = evil();
    result.ending = Ending::Failed { kind: FailureKind::Environment, message: evil() };
    result.judgement =
        judge(&result.plan, &result.trials, &result.calibrations, &result.onsets, result.environment.as_ref());
    let text = render(&result, Style::default());
    assert!(text.contains("x\u{fffd}[2J"));
    let commands = |c: &char| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{2069}').contains(c) && *c != '\u{202f}';
    assert_eq!(text.chars().find(commands), None);
    // With colours, the only escapes are those of the table.
    let coloured = render(&result, Style { width: 100, colour: true });
    for escape in coloured.split('\u{1b}').skip(1) {
        let code: String = escape.chars().take_while(|c| *c != 'm').collect();
        assert!(code.starts_with('[') && code[1..].chars().all(|c| c.is_ascii_digit() || c == ';'), "{code:?}");
    }
}

#[test]
fn a_run_that_was_cut_off_says_so_and_shows_what_is_missing() {
    let mut events = sample::events();
    events.truncate(40);
    let text = render(&RunResult::from_events(events).unwrap(), Style::default());
    assert!(
        text.contains("CUT OFF") && text.contains("planned trials were done") && text.contains("fewer than 5"),
        "{text}"
    );
}
