//! The DUT's ruleset: applied, read back and removed.

use flowgauge_scenarios::ruleset::{TABLE, WATCH_TABLE};
use flowgauge_topologies::Netns;

use super::program::{NftError, run};
use super::read_back::{ReadBack, parse};
use super::refusal::Refusal;
use super::tables::families_of;

/// Replaces the ruleset in `netns` by `text`, in one transaction: our tables of every family go, and what `text` says
/// comes; or, when nft refuses, nothing changes.
///
/// Other tables are left alone. A text without statements leaves no table of ours.
pub fn apply(netns: &Netns, text: &str) -> Result<(), NftError> {
    let deletions = deletions(netns)?;
    if deletions.is_empty() && !statements(text) {
        return Ok(());
    }
    let input = format!("{deletions}{text}");
    feed(netns, "the ruleset", &input, deletions.lines().count())
}

/// Runs statements of nft in `netns` as they are, in one transaction. `what` they are, for the error.
pub fn execute(netns: &Netns, what: &str, text: &str) -> Result<(), NftError> {
    feed(netns, what, text, 0)
}

/// Removes the ruleset from `netns`. Without one, there is nothing to do.
pub fn remove(netns: &Netns) -> Result<(), NftError> {
    match deletions(netns)? {
        empty if empty.is_empty() => Ok(()),
        deletions => feed(netns, "to delete the ruleset", &deletions, 0),
    }
}

/// What the kernel holds of the ruleset in `netns`, from `nft list` in native text: nft's JSON omits flags.
pub fn read_back(netns: &Netns) -> Result<ReadBack, NftError> {
    let mut listing = String::new();
    for family in families_of(netns, TABLE)? {
        listing += &list(netns, &["list", "table", family, TABLE])?;
    }
    Ok(parse(&listing))
}

/// Every ruleset in `netns`, ours or not. Reads only.
pub fn list_everything(netns: &Netns) -> Result<ReadBack, NftError> {
    list(netns, &["list", "ruleset"]).map(|listing| parse(&listing))
}

fn list(netns: &Netns, arguments: &[&str]) -> Result<String, NftError> {
    let output = run(netns, arguments, "")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Refusal::read("to list the ruleset", &String::from_utf8_lossy(&output.stderr), "", 0).into())
}

/// One line that deletes our tables in every family that has them; a line, so that nft's line numbers stay simple.
fn deletions(netns: &Netns) -> Result<String, NftError> {
    let mut line = String::new();
    for table in [TABLE, WATCH_TABLE] {
        for family in families_of(netns, table)? {
            line += &format!("delete table {family} {table};");
        }
    }
    if !line.is_empty() {
        line.push('\n');
    }
    Ok(line)
}

fn feed(netns: &Netns, what: &str, input: &str, added: usize) -> Result<(), NftError> {
    let output = run(netns, &["-f", "-"], input)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Refusal::read(what, &String::from_utf8_lossy(&output.stderr), input, added).into())
}

/// Whether a ruleset says anything beside comments.
fn statements(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_statements() {
        assert!(!statements("# plain forwarding: no rules\n\n   # nothing\n"));
        assert!(statements("# a table\ntable ip t {\n}\n"));
    }
}
