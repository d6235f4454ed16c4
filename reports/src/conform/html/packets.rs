//! Frames of a step: what was sent, and what came out on the reference and under test.

use std::collections::HashSet;

use super::bytes;
use crate::conform::decode::{Field, decode};
use crate::conform::legitimate::legitimate;
use crate::conform::{Arrived, Finding, Sent, sentence};

/// A frame of the reference and the one under test that it is compared with.
pub(in crate::conform) struct Pair {
    /// Where it arrived.
    pub(in crate::conform) side: &'static str,
    /// The frame in words: the one under test, or the one that is missing.
    pub(in crate::conform) line: String,
    /// What differs; empty where nothing does.
    pub(in crate::conform) told: String,
    pub(in crate::conform) table: Option<Table>,
}

/// Frames field by field.
pub(in crate::conform) struct Table {
    /// Whether what was sent is beside them.
    pub(in crate::conform) sent: bool,
    pub(in crate::conform) rows: Vec<Row>,
    /// Fields that are the same and not shown.
    pub(in crate::conform) left_out: usize,
    /// HTML.
    pub(in crate::conform) bytes: String,
}

/// A field.
pub(in crate::conform) struct Row {
    pub(in crate::conform) name: String,
    pub(in crate::conform) sent: String,
    pub(in crate::conform) reference: String,
    pub(in crate::conform) tested: String,
    /// `differs`, `may` where it may differ, or nothing.
    pub(in crate::conform) class: &'static str,
}

/// How many of a step's frames are decoded, and which of their fields are shown.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    /// How many pairs have a table.
    pub(super) tables: usize,
    /// Whether pairs that are the same have one, too.
    pub(super) same: bool,
    /// Whether fields that are the same are shown.
    pub(super) whole: bool,
}

/// Frames of the reference and under test side by side. Pairs are those of the findings; then what is the same; then, at each
/// tester, one after the other.
pub(super) fn pairs(sent: &[Sent], was: &[Arrived], is: &[Arrived], findings: &[&Finding], shown: Shown) -> Vec<Pair> {
    let matched = matched(was, is, findings);
    let beside = matched.len() == sent.len();
    let mut tables = 0;
    let pair = |(place, (a, b)): (usize, (Option<usize>, Option<usize>))| {
        let (before, after) = (a.and_then(|a| was.get(a)), b.and_then(|b| is.get(b)));
        let one = after.or(before)?;
        let about = findings
            .iter()
            .filter(|f| (f.frame.is_some() || f.reference_frame.is_some()) && (f.reference_frame, f.frame) == (a, b));
        let told: Vec<&str> = about.map(|finding| finding.field.as_str()).collect();
        let wanted = (shown.same || !told.is_empty()) && tables < shown.tables;
        tables += usize::from(wanted);
        let table = wanted.then(|| {
            let sent = if beside { sent.get(place).map(|one| one.frame.as_slice()) } else { None };
            table(sent, before.map(|one| &one.frame[..]), after.map(|one| &one.frame[..]), shown.whole)
        });
        Some(Pair { side: sentence::side(one.side), line: sentence::frame(&one.frame), told: told.join(", "), table })
    };
    matched.iter().copied().enumerate().filter_map(pair).collect()
}

type Places = (Option<usize>, Option<usize>);

fn matched(was: &[Arrived], is: &[Arrived], findings: &[&Finding]) -> Vec<Places> {
    let mut pairs: Vec<Places> = Vec::new();
    let (mut of_was, mut of_is) = (HashSet::new(), HashSet::new());
    for finding in findings.iter().filter(|f| f.frame.is_some() || f.reference_frame.is_some()) {
        let pair = (finding.reference_frame, finding.frame);
        if !pairs.contains(&pair) {
            pairs.push(pair);
            of_was.extend(pair.0);
            of_is.extend(pair.1);
        }
    }
    let same = |a: &Arrived, b: &Arrived| a.side == b.side && a.frame == b.frame;
    let beside = |a: &Arrived, b: &Arrived| a.side == b.side;
    for fits in [same, beside] {
        for (a, before) in was.iter().enumerate() {
            if of_was.contains(&a) {
                continue;
            }
            let found = is.iter().enumerate().find(|(b, after)| !of_is.contains(b) && fits(before, after));
            if let Some((b, _)) = found {
                of_was.insert(a);
                of_is.insert(b);
                pairs.push((Some(a), Some(b)));
            }
        }
    }
    pairs.extend((0..was.len()).filter(|a| !of_was.contains(a)).map(|a| (Some(a), None)));
    pairs.extend((0..is.len()).filter(|b| !of_is.contains(b)).map(|b| (None, Some(b))));
    pairs.sort_by_key(|(a, b)| (b.or(*a), a.is_some()));
    pairs
}

/// A field with its place among those of the same name.
type Key<'a> = (&'a str, usize);

fn keyed(fields: &[Field]) -> Vec<(Key<'_>, &Field)> {
    let nth = |place: usize| fields[..place].iter().filter(|field| field.name == fields[place].name).count();
    fields.iter().enumerate().map(|(place, field)| ((field.name.as_str(), nth(place)), field)).collect()
}

fn table(sent: Option<&[u8]>, was: Option<&[u8]>, is: Option<&[u8]>, whole: bool) -> Table {
    let decoded = [sent, was, is].map(|frame| frame.map(decode).unwrap_or_default());
    let columns = [keyed(&decoded[0]), keyed(&decoded[1]), keyed(&decoded[2])];
    // The order of what came out; a field that only another frame has stands behind the one that it follows there.
    let mut keys: Vec<Key<'_>> = Vec::new();
    for column in [&columns[2], &columns[1], &columns[0]] {
        let mut at = 0;
        for (key, _) in column {
            match keys.iter().position(|known| known == key) {
                Some(place) => at = place + 1,
                None => {
                    keys.insert(at, *key);
                    at += 1;
                }
            }
        }
    }
    let find =
        |column: usize, key: &Key<'_>| columns[column].iter().find(|(other, _)| other == key).map(|(_, field)| *field);
    let both = was.is_some() && is.is_some();
    let row = |key: &Key<'_>| {
        let (before, after) = (find(1, key), find(2, key));
        let differs = both && raw(was, before) != raw(is, after);
        let class = match differs {
            true if legitimate(key.0, &decoded[1]).is_some() => "may",
            true => "differs",
            false => "",
        };
        let value = |field: Option<&Field>| field.map_or_else(String::new, |field| field.value.clone());
        Row { name: key.0.to_owned(), sent: value(find(0, key)), reference: value(before), tested: value(after), class }
    };
    let rows: Vec<Row> = keys.iter().map(row).collect();
    let all = rows.len();
    let rows: Vec<Row> = rows.into_iter().filter(|row| whole || !both || !row.class.is_empty()).collect();
    Table { sent: sent.is_some(), left_out: all - rows.len(), rows, bytes: bytes::dump(was, is) }
}

fn raw<'a>(frame: Option<&'a [u8]>, field: Option<&Field>) -> Option<&'a [u8]> {
    field.and_then(|field| frame?.get(field.at..field.at + field.len))
}
