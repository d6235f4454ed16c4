//! The rows of the matrix: groups, cases, instances.

use std::collections::{BTreeSet, HashMap, HashSet};

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{Case, Group, REFERENCE};

use super::detail::{Depth, Detail};
use super::{chips, release};
use crate::conform::ConformResult;
use crate::conform::cell::{Cell, Standing, Tally, datapaths};

/// A column: a datapath of a kernel.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    /// Index of the result.
    pub(super) result: usize,
    pub(super) kernel: &'a str,
    pub(super) datapath: Datapath,
}

/// The cases of a group.
pub(super) struct Section<'a> {
    pub(super) group: Group,
    pub(super) cases: Vec<CaseRow<'a>>,
}

/// A case.
pub(super) struct CaseRow<'a> {
    pub(super) case: &'a Case,
    /// Where cells of it stand, the best first.
    pub(super) standings: BTreeSet<Standing>,
    /// Of each column.
    pub(super) chips: Vec<Vec<(&'static str, String)>>,
    pub(super) instances: Vec<InstanceRow<'a>>,
    pub(super) details: Vec<Detail<'a>>,
}

impl CaseRow<'_> {
    /// Whether somebody must look at it.
    pub(super) fn alarming(&self) -> bool {
        self.standings.iter().any(|standing| standing.to_act_on())
    }
}

/// An instance of a case.
pub(super) struct InstanceRow<'a> {
    pub(super) variant: &'a str,
    /// Of each column; none where it does not apply.
    pub(super) marks: Vec<Option<Mark>>,
}

/// Where a cell stands, and where on the page the rest is.
pub(super) struct Mark {
    pub(super) standing: Standing,
    pub(super) anchor: Option<String>,
}

pub(super) fn columns<'a>(results: &'a [ConformResult], all: &[Vec<Cell<'a>>]) -> Vec<Column<'a>> {
    let of = |(index, (result, cells)): (usize, (&'a ConformResult, &Vec<Cell<'a>>))| {
        let kernel = release(result);
        let column = move |datapath| Column { result: index, kernel, datapath };
        datapaths(cells).into_iter().map(column).collect::<Vec<_>>()
    };
    results.iter().zip(all).enumerate().flat_map(of).collect()
}

pub(super) fn sections<'a>(
    results: &'a [ConformResult],
    all: &[Vec<Cell<'a>>],
    columns: &[Column<'a>],
    depth: Depth,
) -> Vec<Section<'a>> {
    let mut by_case: HashMap<&str, Vec<(usize, Cell<'a>)>> = HashMap::new();
    let mut order: Vec<&'a Case> = Vec::new();
    for (result, cells) in all.iter().enumerate() {
        for &cell in cells {
            let members = by_case.entry(cell.case.id.as_str()).or_default();
            if members.is_empty() {
                order.push(cell.case);
            }
            members.push((result, cell));
        }
    }
    let numbered: Vec<(usize, &'a Case)> = order.into_iter().enumerate().collect();
    let section = |group: Group| {
        let cases = numbered.iter().filter(|(_, case)| case.group == group);
        let cases: Vec<CaseRow<'a>> =
            cases.map(|&(n, case)| row(results, n, case, &by_case[case.id.as_str()], columns, depth)).collect();
        (!cases.is_empty()).then_some(Section { group, cases })
    };
    Group::ALL.into_iter().filter_map(section).collect()
}

fn row<'a>(
    results: &'a [ConformResult],
    number: usize,
    case: &'a Case,
    cells: &[(usize, Cell<'a>)],
    columns: &[Column<'a>],
    depth: Depth,
) -> CaseRow<'a> {
    let place =
        |result: usize, datapath: Datapath| columns.iter().position(|c| (c.result, c.datapath) == (result, datapath));
    let example = example(cells);
    let mut order: Vec<&'a str> = Vec::new();
    let mut marks: HashMap<&'a str, Vec<Option<Mark>>> = HashMap::new();
    let mut details = Vec::new();
    // The first of each column that stands somewhere shows everything, the others at most what differs.
    let mut shown: HashSet<(usize, Standing)> = HashSet::new();
    for (index, &(result, cell)) in cells.iter().enumerate() {
        let Some(column) = place(result, cell.result.datapath) else { continue };
        let row = marks.entry(cell.variant()).or_insert_with(|| {
            order.push(cell.variant());
            columns.iter().map(|_| None).collect()
        });
        let told = cell.standing != Standing::Pass || example == Some(index);
        let anchor = told.then(|| format!("c{number}-{index}"));
        if let Some(anchor) = &anchor {
            let whole = shown.insert((column, cell.standing));
            let kernel = (results.len() > 1).then_some(columns[column].kernel);
            details.push(Detail::new(
                &results[result],
                result,
                &cell,
                anchor.clone(),
                kernel,
                depth.of(whole, cell.standing),
            ));
        }
        row[column] = Some(Mark { standing: cell.standing, anchor });
    }
    let tally = |column: &Column<'_>| {
        let here =
            cells.iter().filter(|(result, cell)| (*result, cell.result.datapath) == (column.result, column.datapath));
        Tally::of(here.map(|(_, cell)| cell))
    };
    let tallies: Vec<Tally> = columns.iter().map(tally).collect();
    CaseRow {
        case,
        standings: cells.iter().map(|(_, cell)| cell.standing).collect(),
        chips: tallies.iter().map(chips).collect(),
        instances: order
            .into_iter()
            .map(|variant| InstanceRow { variant, marks: marks.remove(variant).unwrap_or_default() })
            .collect(),
        details,
    }
}

/// The passing cell whose packets are shown: the first that is not the reference beside itself.
fn example(cells: &[(usize, Cell<'_>)]) -> Option<usize> {
    let passes = |(_, cell): &(usize, Cell<'_>)| cell.standing == Standing::Pass;
    let tested = cells.iter().position(|one| passes(one) && one.1.result.datapath != REFERENCE);
    tested.or_else(|| cells.iter().position(passes))
}
