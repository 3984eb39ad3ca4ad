//! A group's values as they are now: its features for every entity, as of the end of the data.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::datasource::provider_as_source;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, TableSource, cast, lit};
use mlsys_plan::{ExprKind, Features, Type, ValueType, columns};
use serde::{Deserialize, Serialize};

use super::events::{Events, seen_rows};
use super::plan::{Bind, Group, features_at, key_name};
use crate::error::DataError;
use crate::expr::{column, lower};
use crate::lookup::bind;
use crate::session::{Dataflow, Execution};
use crate::sink::store;
use crate::source::Progress;
use crate::table::{POSITION, StoredTable};
use crate::types::{self, arrow_type, instant};
use crate::zip::zip;

/// The column with the moment of which values are.
pub const AS_OF: &str = "as_of";

/// The column that counts entities.
const NUMBER: &str = "__number";

/// What a group's values came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValuesReport {
    /// Entities, each with one row of values.
    pub entities: u64,
    /// The moment of which values are, in microseconds since 1970: the first that sees every row. None without rows.
    pub as_of: Option<i64>,
    /// The feature columns, in order.
    pub columns: Vec<String>,
    /// How the plan ran, operator by operator, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<String>,
}

impl Dataflow {
    /// Writes a group's features for every entity to `output`, ordered by key, as of the first moment at which every row of
    /// its source is seen: the entity's keys, `as_of`, and every feature of the group.
    ///
    /// # Errors
    /// As [`Dataflow::join`].
    pub async fn values(
        &self,
        features: &Features,
        source_table: &Path,
        output: &Path,
        progress: Progress<'_>,
    ) -> Result<ValuesReport, DataError> {
        let table = Arc::new(StoredTable::open(source_table)?);
        let look_up = |plan| bind(plan, self.tables(), features.time.as_deref());
        let as_of = self.end_of(features, &table, &look_up).await?;
        let table: Arc<dyn TableSource> = provider_as_source(table);
        let names = feature_names(features);
        let plan = logical_plan(features, &names, as_of.unwrap_or(0), &table, &look_up)?;
        let Execution { plan, rows } = self.execute(&self.parallel_session(), plan, None).await?;
        let entities = store(rows, &output_schema(features, &names), output, progress).await?;
        let columns = names.into_iter().map(|(name, _)| name.to_owned()).collect();
        Ok(ValuesReport { entities, as_of, columns, explain: self.explained(plan.as_ref()) })
    }

    /// The first moment at which a group sees every row; none if it never sees one.
    async fn end_of(
        &self,
        features: &Features,
        table: &Arc<StoredTable>,
        look_up: Bind<'_>,
    ) -> Result<Option<i64>, DataError> {
        let known = match &features.at.kind {
            ExprKind::Column { name } => table.span(name)?,
            _ => None,
        };
        if let Some((_, last)) = known {
            return Ok(Some(last.saturating_add(1)));
        }
        let plan = seen_rows(features, provider_as_source(Arc::clone(table) as _))?;
        let plan = plan.project([lower(&features.at)?.alias(columns::AT)])?.build()?;
        let last = self.greatest(look_up(plan)?, columns::AT).await?;
        Ok(last.map(|last| last.saturating_add(1)))
    }
}

/// Every feature of a group with its type, in declared order: aggregates that are features by themselves, then derived ones.
fn feature_names(features: &Features) -> Vec<(&str, &ValueType)> {
    let aggregates = features.aggregates.iter().filter(|one| one.is_feature()).map(|one| (one.name.as_str(), &one.ty));
    aggregates.chain(features.derived.iter().map(|one| (one.name.as_str(), &one.expr.ty))).collect()
}

fn output_schema(features: &Features, names: &[(&str, &ValueType)]) -> SchemaRef {
    let keys = features.keys.iter().map(|key| types::column(&key.name, &key.ty));
    let as_of = types::column(AS_OF, &Type::Timestamp.required());
    let values = names.iter().map(|(name, ty)| types::column(name, ty));
    Arc::new(Schema::new(keys.chain([as_of]).chain(values).collect::<Vec<_>>()))
}

/// The plan whose columns are the entity's keys, the moment and the features, ordered by key.
fn logical_plan(
    features: &Features,
    names: &[(&str, &ValueType)],
    as_of: i64,
    table: &Arc<dyn TableSource>,
    look_up: Bind<'_>,
) -> Result<LogicalPlan, DataError> {
    let entities = entities(features, as_of, table, look_up)?;
    let wanted: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let events = Events::of(Arc::clone(table));
    let group = Group { features, wanted: wanted.clone(), events: &events, bind: look_up, prefix: String::new() };
    let found = features_at(entities.clone(), &[group])?;
    let value = |name: &&str| format!("__value.{name}");
    let outputs = wanted.iter().map(|name| column(name).alias(value(name))).chain([column(POSITION)]);
    let found = found.project(outputs.collect::<Vec<_>>())?.build()?;
    let keys = features.keys.iter().map(|key| column(&key_name(&key.name)).alias(key.name.as_str()));
    let moment = column(columns::AT).alias(AS_OF);
    let values = wanted.iter().map(|name| column(&value(name)).alias(*name));
    let plan = LogicalPlanBuilder::from(zip(entities, found)?);
    Ok(plan.project(keys.chain([moment]).chain(values).collect::<Vec<_>>())?.build()?)
}

/// The entities of which a group has rows, each asking for a moment, numbered in the order of their keys.
fn entities(
    features: &Features,
    as_of: i64,
    table: &Arc<dyn TableSource>,
    look_up: Bind<'_>,
) -> Result<LogicalPlan, DataError> {
    let keys =
        features.keys.iter().map(|key| cast(column(&key.column), arrow_type(&key.ty.ty)).alias(key_name(&key.name)));
    let rows = seen_rows(features, Arc::clone(table))?.project(keys.collect::<Vec<_>>())?.build()?;
    let names: Vec<String> = features.keys.iter().map(|key| key_name(&key.name)).collect();
    let order = names.iter().map(|name| column(name).sort(true, true)).collect();
    let number = row_number().order_by(order).build()?.alias(NUMBER);
    let outputs = names.iter().map(|name| column(name)).chain([
        lit(instant(as_of)).alias(columns::AT),
        (cast(column(NUMBER), DataType::Int64) - lit(1_i64)).alias(POSITION),
    ]);
    let plan = LogicalPlanBuilder::from(look_up(rows)?).distinct()?.window([number])?;
    Ok(plan.project(outputs.collect::<Vec<Expr>>())?.build()?)
}
