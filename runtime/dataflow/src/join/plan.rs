//! The logical plan of a join node: both inputs reduced to what the operator reads, the operator, the derived
//! features, and the observations' order.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::logical_expr::{Expr, Extension, JoinType, LogicalPlan, LogicalPlanBuilder, TableSource, cast};
use mlsys_plan::{Aggregate, Derived, Features, Join, ValueType, columns};

use super::events::{Events, Rows, rows};
use super::node::PointInTime;
use crate::error::DataError;
use crate::expr::column;
use crate::source::derive;
use crate::table::POSITION;
use crate::types::{self, arrow_type};
use crate::zip::zip;

/// Where the operator's inputs are read.
pub(crate) struct Inputs {
    /// The observations, with their position.
    pub(crate) observations: Arc<dyn TableSource>,
    /// The rows of the group's source, with their position.
    pub(crate) events: Events,
}

/// Puts into the plan of a group's rows what they look up.
pub(crate) type Bind<'a> = &'a (dyn Fn(LogicalPlan) -> datafusion::error::Result<LogicalPlan> + Sync);

/// A feature that is wanted, or that a wanted one is computed from.
struct Needed<'a> {
    aggregates: Vec<&'a Aggregate>,
    derived: Vec<Derived>,
}

/// For whom, when and which features are asked beside rows.
pub(crate) struct Asked {
    /// The entity's keys, in the entity's order.
    pub(crate) keys: Vec<Expr>,
    /// The instant.
    pub(crate) at: Expr,
    /// Features, and the names under which they stand beside the rows.
    pub(crate) wanted: Vec<(String, String)>,
}

/// The plan whose columns are the wanted features, in the observations' order.
///
/// # Errors
/// E0910 if an aggregate or function is not known, E0999 if the plan names a feature or key that is not there.
pub(crate) fn logical_plan(
    join: &Join,
    features: &Features,
    inputs: Inputs,
    bind: Bind<'_>,
) -> Result<LogicalPlan, DataError> {
    let wanted: Vec<&str> = join.features.iter().map(String::as_str).collect();
    let observations = observations(join, features, inputs.observations)?;
    let plan = features_at(observations, features, &wanted, &inputs.events, bind)?;
    let outputs = join.features.iter().map(|name| column(name).alias(output_name(join, name)));
    let plan = plan.project(outputs.chain([column(POSITION)]).collect::<Vec<_>>())?;
    let sorted = plan.sort([column(POSITION).sort(true, true)])?;
    let outputs = join.features.iter().map(|name| column(&output_name(join, name)));
    Ok(sorted.project(outputs)?.build()?)
}

/// The rows of a plan, which are numbered by [`POSITION`], with features beside them, in the rows' order.
///
/// # Errors
/// As [`logical_plan`].
pub(crate) fn beside(
    rows: LogicalPlan,
    asked: &Asked,
    features: &Features,
    events: Arc<dyn TableSource>,
    bind: Bind<'_>,
) -> Result<LogicalPlan, DataError> {
    let keys = features.keys.iter().zip(&asked.keys);
    let keys = keys.map(|(key, value)| cast(value.clone(), arrow_type(&key.ty.ty)).alias(key_name(&key.name)));
    let outputs = keys.chain([asked.at.clone().alias(columns::AT), column(POSITION)]);
    let observations = LogicalPlanBuilder::from(rows.clone()).project(outputs.collect::<Vec<_>>())?.build()?;
    let wanted: Vec<&str> = asked.wanted.iter().map(|(name, _)| name.as_str()).collect();
    let found = features_at(observations, features, &wanted, &Events::of(events), bind)?;
    let outputs = asked.wanted.iter().map(|(name, alias)| column(name).alias(alias.as_str()));
    let found = found.project(outputs.chain([column(POSITION)]).collect::<Vec<_>>())?.build()?;
    Ok(zip(rows, found)?)
}

/// Features at observations, which are keys, an instant and a position: the features, the instant and the position, in
/// no order.
pub(super) fn features_at(
    observations: LogicalPlan,
    features: &Features,
    wanted: &[&str],
    events: &Events,
    bind: Bind<'_>,
) -> Result<LogicalPlanBuilder, DataError> {
    let needed = needed(wanted, features)?;
    let Rows { mut plan, spec, .. } = rows(features, &needed.aggregates, events, bind)?;
    if events.are_few {
        plan = of_asked_keys(&observations, plan, spec.keys)?;
    }
    let node = PointInTime::try_new(observations, plan, spec)?;
    let operator = LogicalPlan::Extension(Extension { node: Arc::new(node) });
    let names: Vec<&str> = needed.aggregates.iter().map(|aggregate| aggregate.name.as_str()).collect();
    let typed = needed
        .aggregates
        .iter()
        .map(|aggregate| cast(column(&aggregate.name), arrow_type(&aggregate.ty.ty)).alias(aggregate.name.as_str()));
    // Derived features may read the observation's instant: it is what `now` means there.
    let carried = [columns::AT, POSITION];
    let plan = LogicalPlanBuilder::from(operator).project(typed.chain(carried.map(column)))?;
    derive(plan, &names, &needed.derived, &carried)
}

/// Those of the events whose keys are asked for: the others need not be ordered.
fn of_asked_keys(observations: &LogicalPlan, events: LogicalPlan, keys: usize) -> Result<LogicalPlan, DataError> {
    let names: Vec<String> =
        observations.schema().fields().iter().take(keys).map(|field| field.name().clone()).collect();
    let asked = |name: &String| format!("__asked{name}");
    let outputs = names.iter().map(|name| column(name).alias(asked(name)));
    let distinct = LogicalPlanBuilder::from(observations.clone()).project(outputs.collect::<Vec<_>>())?.distinct()?;
    let equal = names.iter().map(|name| column(&asked(name)).eq(column(name)));
    Ok(distinct.join_on(events, JoinType::RightSemi, equal)?.build()?)
}

/// The columns that a join node writes.
///
/// # Errors
/// E0999 if the plan names a feature that is not there.
pub(crate) fn output_schema(join: &Join, features: &Features) -> Result<SchemaRef, DataError> {
    let field = |name: &String| {
        let ty = feature_type(features, name).ok_or_else(|| unknown_feature(features, name))?;
        Ok(types::column(&output_name(join, name), ty))
    };
    let fields = join.features.iter().map(field).collect::<Result<Vec<_>, DataError>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

pub(super) fn output_name(join: &Join, feature: &str) -> String {
    format!("{}.{feature}", join.alias.as_ref().unwrap_or(&join.group))
}

fn feature_type<'a>(features: &'a Features, name: &str) -> Option<&'a ValueType> {
    let aggregate = features.aggregates.iter().find(|aggregate| aggregate.name == name).map(|found| &found.ty);
    aggregate.or_else(|| features.derived.iter().find(|derived| derived.name == name).map(|found| &found.expr.ty))
}

fn unknown_feature(features: &Features, name: &str) -> DataError {
    DataError::internal(format!("the plan asks for the feature `{name}`, which `{}` does not have", features.name))
}

/// The wanted features and what they are computed from, each in declared order.
fn needed<'a>(wanted: &[&'a str], features: &'a Features) -> Result<Needed<'a>, DataError> {
    let wanted = || wanted.iter().copied();
    if let Some(unknown) = wanted().find(|name| feature_type(features, name).is_none()) {
        return Err(unknown_feature(features, unknown));
    }
    let names = features.needed(wanted());
    let derived = features.derived.iter().filter(|one| names.contains(one.name.as_str())).cloned().collect();
    let aggregates = features.aggregates.iter().filter(|one| names.contains(one.name.as_str())).collect();
    Ok(Needed { aggregates, derived })
}

/// The aggregates that a join needs.
pub(super) fn wanted_aggregates<'a>(join: &'a Join, features: &'a Features) -> Vec<&'a Aggregate> {
    let wanted: Vec<&str> = join.features.iter().map(String::as_str).collect();
    needed(&wanted, features).map_or_else(|_| features.aggregates.iter().collect(), |needed| needed.aggregates)
}

/// The observations: keys in the entity's order, the instant, the position.
fn observations(join: &Join, features: &Features, table: Arc<dyn TableSource>) -> Result<LogicalPlan, DataError> {
    let mut outputs = Vec::new();
    for key in &features.keys {
        let played = join.keys.iter().find(|played| played.key == key.name).ok_or_else(|| {
            DataError::internal(format!("the plan says not which observation column plays the key `{}`", key.name))
        })?;
        let value = column(&format!("{}{}", columns::KEY, played.column));
        outputs.push(cast(value, arrow_type(&key.ty.ty)).alias(key_name(&key.name)));
    }
    outputs.extend([column(columns::AT), column(POSITION)]);
    let name = format!("observe.{}", join.model);
    let name = datafusion::common::TableReference::bare(name);
    Ok(LogicalPlanBuilder::scan(name, table, None)?.project(outputs)?.build()?)
}

pub(super) fn key_name(key: &str) -> String {
    format!("{}{key}", columns::KEY)
}
