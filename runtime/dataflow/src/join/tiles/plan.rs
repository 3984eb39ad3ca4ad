//! The plan that makes tiles: events of all of them together, by key and tile, aggregated over all of their rows.

use std::sync::Arc;

use datafusion::logical_expr::{Extension, LogicalPlan};
use mlsys_aggregates::Algebra;
use mlsys_plan::{Aggregate, Features, columns};

use super::super::events::{Events, Rows, rows, value_name};
use super::super::plan::Bind;
use super::node::{Kept, Tile, TileSpec};
use super::rows::row_name;
use crate::error::DataError;
use crate::table::POSITION;

/// The plan whose columns are the keys, the tile's number, the last instant, and what each aggregate comes to; `ends` are the
/// positions at which events of each of so many tiles end, and then go on with those of the first one.
///
/// # Errors
/// E0910 if a function is not known.
pub(super) fn plan(
    kept: &Features,
    events: &Events,
    (tiles, ends): (usize, Vec<i64>),
    bind: Bind<'_>,
) -> Result<LogicalPlan, DataError> {
    let aggregates: Vec<&Aggregate> = kept.aggregates.iter().collect();
    let Rows { plan, spec, arguments } = rows(kept, &aggregates, events, bind)?;
    let first = spec.argument_columns().start;
    let last = Kept { name: columns::AT.to_owned(), function: "max".to_owned(), column: spec.time(), is_row: false };
    let (mut row, mut all) = (vec![(spec.time(), columns::AT.to_owned())], vec![last]);
    for (index, function) in spec.measurements.iter().filter_map(|one| Some((one.argument?, &one.function))) {
        let name = value_name(function, &arguments[index].text);
        let (column, is_row) = (first + index, is_ordered(function));
        row.extend(is_row.then(|| (column, name.clone())));
        let name = if is_row { row_name(&name) } else { name };
        all.push(Kept { name, function: function.clone(), column, is_row });
    }
    // What else orders rows of one instant: a place is no part of a row.
    for column in &spec.order {
        let name = plan.schema().field(*column).name();
        if name != POSITION && !row.iter().any(|(known, _)| known == column) {
            row.push((*column, name.clone()));
        }
    }
    let position = plan.schema().fields().len() - 1;
    let spec = TileSpec { keys: spec.keys, position, order: spec.order, row, kept: all, tiles, ends };
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(Tile::try_new(plan, spec)?) }))
}

fn is_ordered(function: &str) -> bool {
    mlsys_aggregates::by_name(function).is_some_and(|kernel| kernel.algebra() == Algebra::Ordered)
}
