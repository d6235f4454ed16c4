//! The table and the JSON.

use super::fixture::{about, compared, counted, wall};
use crate::compare::{Comparison, render};
use crate::table::Style;

fn mixed() -> Comparison {
    let (mut base, mut new) = (wall("2026-01-01-a", &about(58_000.0, 0.02, 12, 1)), wall("2026-01-02-b", &[]));
    let of = |mean: f64, salt| wall("x", &about(mean, 0.02, 12, salt)).judgement.rows;
    for (index, mean) in [50_000.0, 58_200.0, 66_000.0, 58_000.0].into_iter().enumerate().take(new.judgement.rows.len())
    {
        let cell = new.judgement.rows[index].clone();
        new.judgement.rows[index] =
            crate::judge::Row { datapath: cell.datapath, ..of(mean, 7 + index as u32)[index].clone() };
    }
    if let Some(environment) = &mut new.environment {
        environment.kernel_release = "7.2.0-sample".to_owned();
    }
    let mut lost = base.judgement.rows[0].clone();
    lost.name = "lost \u{1b}[31m| row".to_owned();
    base.judgement.rows.push(lost);
    compared(base, new)
}

#[test]
fn the_table_is_as_reviewed() {
    insta::assert_snapshot!(render(&mixed(), Style::default()));
}

#[test]
fn instructions_have_their_legend() {
    let text = render(&compared(counted("a", &[4000.0, 4001.0]), counted("b", &[4050.0, 4051.0])), Style::default());
    assert!(text.contains("+1.25\u{a0}%") && text.contains("within 0.2 % it is noise"), "{text}");
    assert!(text.contains("* fewer than 5 samples"), "{text}");
    assert!(!text.contains("Holm"), "{text}");
}

#[test]
fn no_text_of_others_commands_the_terminal_and_lines_fit() {
    for width in [60, 100, 160] {
        let text = render(&mixed(), Style { width, colour: false });
        assert!(text.contains("lost \u{fffd}[31m| row") && !text.contains('\u{1b}'), "{text}");
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(width), "{widest} of {width}\n{text}");
    }
    let coloured = render(&mixed(), Style { width: 100, colour: true });
    assert!(coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}[31m| row"));
}

/// After a change of the model: `FLOWGAUGE_WRITE_SCHEMA=1 cargo test --release -p flowgauge-reports --lib published`.
#[test]
fn json_obeys_the_published_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/compare.schema.json");
    let current = serde_json::to_string_pretty(&schemars::schema_for!(Comparison)).unwrap() + "\n";
    if std::env::var_os("FLOWGAUGE_WRITE_SCHEMA").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == current,
        "compare.schema.json is not that of the code: run this test again with FLOWGAUGE_WRITE_SCHEMA=1, and raise \
         COMPARISON_VERSION if an old reader would misread a new file"
    );
    let validator = jsonschema::validator_for(&serde_json::from_str(&current).unwrap()).unwrap();
    let good = serde_json::to_value(mixed()).unwrap();
    assert!(validator.is_valid(&good));
    assert_eq!(serde_json::from_value::<Comparison>(good.clone()).unwrap(), mixed());
    for pointer in ["/rows/0/verdict", "/rows/0/shift/ratio", "/differences/0/standing", "/comparison_version"] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = serde_json::json!("nonsense");
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}
