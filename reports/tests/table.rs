//! The terminal table, as reviewed.

use flowgauge_reports::table::{Style, render};
use flowgauge_reports::{RunResult, sample};

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
