//! Differences between two things of one kind, field by field, as a person names them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wording::printable;

/// One field that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The field's path: `traffic.flows`.
    pub what: String,
    /// What the first has.
    pub one: String,
    /// What the second has.
    pub other: String,
}

impl std::fmt::Display for Difference {
    /// `traffic.flows 100, not 1000`, harmless on a terminal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}, not {}", printable(&self.what), printable(&self.other), printable(&self.one))
    }
}

/// The fields in which two things of one kind differ, in the order of their names.
pub fn between<T: Serialize>(one: &T, other: &T) -> Vec<Difference> {
    let mut found = Vec::new();
    // What can be kept as JSON in a result can be made JSON here.
    let value = |thing: &T| serde_json::to_value(thing).unwrap_or(Value::Null);
    walk("", &value(one), &value(other), &mut found);
    found
}

fn walk(path: &str, one: &Value, other: &Value, found: &mut Vec<Difference>) {
    if one == other {
        return;
    }
    if let (Value::Object(a), Value::Object(b)) = (one, other) {
        let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let of = |map: &'_ serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            walk(&path, &of(a), &of(b), found);
        }
        return;
    }
    found.push(Difference { what: path.to_owned(), one: text(one), other: text(other) });
}

/// A value in words; what is long is cut.
fn text(value: &Value) -> String {
    let whole = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if whole.chars().count() > 80 { whole.chars().take(77).chain("...".chars()).collect() } else { whole }
}

/// The first few as a sentence's end: `traffic.flows 100, not 1000; and 2 more`.
pub fn some(differences: &[Difference]) -> String {
    const SHOWN: usize = 3;
    let mut texts: Vec<String> = differences.iter().take(SHOWN).map(ToString::to_string).collect();
    if differences.len() > SHOWN {
        texts.push(format!("and {} more", differences.len() - SHOWN));
    }
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::Scenario;

    use super::*;

    #[test]
    fn fields_are_named_by_their_path() {
        let one = Scenario::load("udp-ipv4").unwrap();
        let mut other = one.clone();
        assert_eq!(between(&one, &other), []);
        other.traffic.flows = 7;
        other.about = "x".repeat(200);
        let found = between(&one, &other);
        assert_eq!(found.iter().map(|d| d.what.as_str()).collect::<Vec<_>>(), ["about", "traffic.flows"]);
        assert_eq!(found[1].to_string(), format!("traffic.flows 7, not {}", one.traffic.flows));
        assert!(found[0].other.ends_with("...") && found[0].other.len() == 80);
    }

    #[test]
    fn many_are_counted_and_commands_of_a_terminal_are_not_passed_on() {
        let one = serde_json::json!({"a": 1, "b": 2, "c": 3, "d": "x"});
        let other = serde_json::json!({"a": 2, "b": 3, "c": 4, "d": "\u{1b}[2J", "e": null});
        let found = between(&one, &other);
        assert_eq!(some(&found), "a 2, not 1; b 3, not 2; c 4, not 3; and 1 more");
        assert!(!some(&found[3..]).contains('\u{1b}'));
    }
}
