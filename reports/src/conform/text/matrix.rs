//! Tables of the terminal.

use comfy_table::{Attribute, Cell as Field, Color, Table};

use flowgauge_scenarios::conform::ConformPlan;

use crate::conform::MutantResult;
use crate::conform::cell::{self, Cell, Standing, Tally};
use crate::conform::mutants::by_group;
use crate::table::{Style, empty};
use crate::wording::printable;

/// Groups by datapaths, with how many cells stand where.
pub(super) fn matrix(cells: &[Cell<'_>], style: Style) -> Table {
    let mut table = empty(style);
    let datapaths = cell::datapaths(cells);
    let heads = std::iter::once("group").chain(datapaths.iter().map(|datapath| datapath.name()));
    table.set_header(heads.map(Field::new));
    let row = |name: &str, wanted: &dyn Fn(&Cell<'_>) -> bool| {
        let tallies = datapaths.iter().map(|datapath| {
            let here = cells.iter().filter(|cell| cell.result.datapath == *datapath && wanted(cell));
            counted(&Tally::of(here))
        });
        std::iter::once(Field::new(name)).chain(tallies).collect::<Vec<Field>>()
    };
    let groups = cell::groups(cells);
    for group in &groups {
        table.add_row(row(group.name(), &|cell| cell.case.group == *group));
    }
    if groups.len() > 1 {
        table.add_row(row("all", &|_| true));
    }
    pad(&mut table);
    table
}

fn counted(tally: &Tally) -> Field {
    let Some(worst) = tally.worst() else { return Field::new("") };
    Field::new(tally.text().replace(", ", "\n")).fg(colour(worst))
}

/// Mutants, with who killed them.
pub(super) fn mutants(plan: &ConformPlan, mutants: &[MutantResult], style: Style) -> Table {
    let mut table = empty(style);
    table.set_header(["mutant", "datapath", "killed by", "in", "clearest"].map(Field::new));
    for mutant in mutants {
        let killers = mutant.killed_by.len();
        let killed = match (killers, &mutant.refused) {
            (0, Some(_)) => Field::new("not made"),
            (0, None) => Field::new("SURVIVED").fg(Color::Red).add_attribute(Attribute::Bold),
            _ => Field::new(format!("{killers} of {}", mutant.instances)).fg(Color::Green),
        };
        let clearest = match (mutant.killed_by.first(), &mutant.refused) {
            (Some(first), _) => format!("{}\n{}", printable(first), printable(&mutant.sign)),
            (None, Some(refused)) => printable(refused),
            (None, None) => format!("none of {} instances noticed: {}", mutant.instances, mutant.mutation.about()),
        };
        let groups: Vec<String> =
            by_group(plan, mutant).into_iter().map(|(group, count)| format!("{count} {}", group.name())).collect();
        let name = mutant.mutation.name();
        table.add_row([
            Field::new(name),
            Field::new(mutant.datapath.name()),
            killed,
            Field::new(groups.join("\n")),
            Field::new(clearest),
        ]);
    }
    pad(&mut table);
    table
}

fn pad(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
}

const fn colour(standing: Standing) -> Color {
    match standing {
        Standing::Pass => Color::Green,
        Standing::Known | Standing::Unsupported => Color::Reset,
        Standing::UnexpectedPass | Standing::Unproven => Color::Yellow,
        Standing::Fail | Standing::Error => Color::Red,
    }
}
