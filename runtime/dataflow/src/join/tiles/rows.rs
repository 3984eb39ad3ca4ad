//! Tiles as events: a row that stands for all rows of a key in a tile, and the rows that are first and last among them.

use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::core::get_field;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use mlsys_plan::{Features, columns};

use super::super::events::{Argument, Branch};
use super::super::plan::key_name;
use crate::error::DataError;
use crate::expr::column;
use crate::table::POSITION;

/// The column of a tile with the row that an aggregate chose.
pub(super) fn row_name(value: &str) -> String {
    format!("__row.{value}")
}

/// The events of tiles, with the columns of those that are read from the source: a row for each key of a tile with what
/// its rows come to, which lies where the row is that one of the aggregates chose, and the rows that others chose.
pub(in crate::join) fn rows(
    features: &Features,
    tiles: &Branch,
    arguments: &[Argument],
    order: &[&str],
) -> Result<Vec<LogicalPlan>, DataError> {
    let reader = Reader { features, tiles, arguments, order };
    let mut chosen = arguments.iter().filter(|one| one.is_ordered);
    let whole = reader.whole(chosen.next())?;
    let others = chosen.map(|argument| reader.chosen(argument));
    [Ok(whole)].into_iter().chain(others).collect()
}

struct Reader<'a> {
    features: &'a Features,
    tiles: &'a Branch,
    arguments: &'a [Argument],
    order: &'a [&'a str],
}

impl Reader<'_> {
    /// One row for each key of a tile, with what its rows come to and the row that an aggregate chose, if there is one. No
    /// window ends within a tile: anywhere in it is as good as anywhere else.
    fn whole(&self, chosen: Option<&Argument>) -> Result<LogicalPlan, DataError> {
        let mut values: Vec<Expr> = Vec::new();
        for one in self.arguments {
            values.push(match chosen.filter(|_| one.is_ordered) {
                Some(chosen) => field(chosen, &one.name),
                None => column(&one.name),
            });
        }
        values.extend(chosen.iter().flat_map(|chosen| self.order.iter().map(|name| field(chosen, name))));
        let last = column(columns::AT);
        let at = chosen.map_or_else(|| last.clone(), |chosen| coalesce(vec![field(chosen, columns::AT), last.clone()]));
        self.plan(self.scan()?, at, values)
    }

    /// The rows that an aggregate chose.
    fn chosen(&self, argument: &Argument) -> Result<LogicalPlan, DataError> {
        let value =
            |one: &Argument| if one.is_ordered { Ok(field(argument, &one.name)) } else { self.missing(&one.name) };
        let values = self.arguments.iter().map(value).chain(self.order.iter().map(|name| Ok(field(argument, name))));
        let values = values.collect::<Result<Vec<Expr>, DataError>>()?;
        let present = column(&row_name(&argument.name)).is_not_null();
        self.plan(self.scan()?.filter(present)?, field(argument, columns::AT), values)
    }

    fn scan(&self) -> Result<LogicalPlanBuilder, DataError> {
        Ok(LogicalPlanBuilder::scan("tiles", std::sync::Arc::clone(&self.tiles.table), None)?)
    }

    fn plan(&self, plan: LogicalPlanBuilder, at: Expr, values: Vec<Expr>) -> Result<LogicalPlan, DataError> {
        let names = self.arguments.iter().map(|one| one.name.as_str()).chain(self.order.iter().copied());
        let keys = self.features.keys.iter().map(|key| column(&key_name(&key.name)));
        let values = values.into_iter().zip(names).map(|(value, name)| value.alias(name));
        let outputs = keys.chain([at.alias(columns::AT)]).chain(values);
        let outputs = outputs.chain([(column(POSITION) + lit(self.tiles.first)).alias(POSITION)]);
        Ok(plan.project(outputs.collect::<Vec<_>>())?.build()?)
    }

    /// What rows come to, where it is missing.
    fn missing(&self, name: &str) -> Result<Expr, DataError> {
        let schema = self.tiles.table.schema();
        let ty = schema.field_with_name(name).map(|field| field.data_type());
        Ok(lit(ScalarValue::try_from(ty.map_err(|_| DataError::internal(format!("a tile without `{name}`")))?)?))
    }
}

/// A column of the row that an aggregate chose.
fn field(argument: &Argument, name: &str) -> Expr {
    get_field().call(vec![column(&row_name(&argument.name)), lit(name)])
}
