//! The logical plan of a join node: both inputs reduced to what the operator reads, the operator, the derived
//! features, and the observations' order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder, TableSource, cast};
use mlsys_plan::{Aggregate, Derived, Features, Join, ValueType, columns};

use super::events::{Events, Rows, is_ordered, rows};
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
struct Needed {
    aggregates: Vec<Aggregate>,
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

/// A join of a model's examples with a group, beside others in one plan.
pub(super) struct Joined<'a> {
    pub(super) join: &'a Join,
    pub(super) features: &'a Features,
    pub(super) events: Events,
    pub(super) bind: Bind<'a>,
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
    joined_plan(&[Joined { join, features, events: inputs.events, bind }], inputs.observations)
}

/// The plan whose columns are the wanted features of several joins, one join after the other, in the observations' order.
/// The same columns of the observations play their groups' keys.
///
/// # Errors
/// As [`logical_plan`].
pub(super) fn joined_plan(joins: &[Joined<'_>], table: Arc<dyn TableSource>) -> Result<LogicalPlan, DataError> {
    let first = joins.first().ok_or_else(|| DataError::internal("a plan of no joins"))?;
    let observations = observations(first.join, first.features, table)?;
    let prefix = |number: usize| if joins.len() == 1 { String::new() } else { format!("{number}.") };
    let groups = joins.iter().enumerate().map(|(number, joined)| Group {
        features: joined.features,
        wanted: joined.join.features.iter().map(String::as_str).collect(),
        events: &joined.events,
        bind: joined.bind,
        prefix: prefix(number),
    });
    let plan = features_at(observations, &groups.collect::<Vec<_>>())?;
    let names: Vec<(String, String)> = joins
        .iter()
        .enumerate()
        .flat_map(|(number, Joined { join, .. })| {
            join.features.iter().map(move |name| (format!("{}{name}", prefix(number)), output_name(join, name)))
        })
        .collect();
    let outputs = names.iter().map(|(name, output)| column(name).alias(output.as_str()));
    let plan = plan.project(outputs.chain([column(POSITION)]).collect::<Vec<_>>())?;
    let sorted = plan.sort([column(POSITION).sort(true, true)])?;
    Ok(sorted.project(names.iter().map(|(_, output)| column(output)))?.build()?)
}

/// The rows of a plan, which are numbered by [`POSITION`], with features beside them, in the rows' order.
///
/// # Errors
/// As [`logical_plan`].
pub(crate) fn beside(
    rows: LogicalPlan,
    asked: &Asked,
    features: &Features,
    events: &Events,
    bind: Bind<'_>,
) -> Result<LogicalPlan, DataError> {
    let keys = features.keys.iter().zip(&asked.keys);
    let keys = keys.map(|(key, value)| cast(value.clone(), arrow_type(&key.ty.ty)).alias(key_name(&key.name)));
    let outputs = keys.chain([asked.at.clone().alias(columns::AT), column(POSITION)]);
    let observations = LogicalPlanBuilder::from(rows.clone()).project(outputs.collect::<Vec<_>>())?.build()?;
    let wanted: Vec<&str> = asked.wanted.iter().map(|(name, _)| name.as_str()).collect();
    let group = Group { features, wanted, events, bind, prefix: String::new() };
    let found = features_at(observations, &[group])?;
    let outputs = asked.wanted.iter().map(|(name, alias)| column(name).alias(alias.as_str()));
    let found = found.project(outputs.chain([column(POSITION)]).collect::<Vec<_>>())?.build()?;
    Ok(zip(rows, found)?)
}

/// Features of a group that are asked for, beside those of others.
pub(super) struct Group<'a> {
    pub(super) features: &'a Features,
    pub(super) wanted: Vec<&'a str>,
    pub(super) events: &'a Events,
    pub(super) bind: Bind<'a>,
    /// What the names of its columns begin with.
    pub(super) prefix: String,
}

/// Features at observations, which are keys, an instant and a position: the features, the instant and the position, in
/// no order. Observations are put in order once, for all groups; groups that see the same rows read them once.
pub(super) fn features_at(observations: LogicalPlan, groups: &[Group<'_>]) -> Result<LogicalPlanBuilder, DataError> {
    let needed = groups.iter().map(Group::needed).collect::<Result<Vec<Needed>, DataError>>()?;
    let mut plan = observations.clone();
    for pass in passes(groups, &needed) {
        let aggregates: Vec<&Aggregate> = pass.iter().flat_map(|group| &needed[*group].aggregates).collect();
        let Group { features, events, bind, .. } = &groups[pass[0]];
        let Rows { plan: mut seen, spec, .. } = rows(features, &aggregates, events, *bind)?;
        if let Some(asked) = &events.asked {
            // The rows of others need not be ordered.
            let keys = seen.schema().fields().iter().take(spec.keys).map(|field| column(field.name())).collect();
            seen = LogicalPlanBuilder::from(seen).filter(Arc::clone(asked).among(keys))?.build()?;
        }
        plan = LogicalPlan::Extension(Extension { node: Arc::new(PointInTime::try_new(plan, seen, spec)?) });
    }
    let aggregates = needed.iter().flat_map(|needed| &needed.aggregates);
    let typed = aggregates.map(|one| cast(column(&one.name), arrow_type(&one.ty.ty)).alias(one.name.as_str()));
    // Derived features may read the observation's instant: it is what `now` means there.
    let carried = [columns::AT, POSITION];
    let mut plan = LogicalPlanBuilder::from(plan).project(typed.chain(carried.map(column)))?;
    for needed in &needed {
        let given: Vec<&str> = needed.aggregates.iter().map(|one| one.name.as_str()).collect();
        let present: Vec<String> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
        let others = present.iter().map(String::as_str).filter(|name| !given.contains(name));
        plan = derive(plan, &given, &needed.derived, &others.collect::<Vec<_>>())?;
    }
    Ok(plan)
}

/// The groups that read their events together, by number.
fn passes(groups: &[Group<'_>], needed: &[Needed]) -> Vec<Vec<usize>> {
    let mut passes: Vec<Vec<usize>> = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        // Rows of one instant are ordered by what aggregates choose from where the source has no key.
        let contend =
            |other: usize| group.features.order.is_empty() && needed[number].is_ordered() && needed[other].is_ordered();
        let pass =
            passes.iter_mut().find(|pass| pass.iter().all(|other| group.sees_as(&groups[*other]) && !contend(*other)));
        match pass {
            Some(pass) => pass.push(number),
            None => passes.push(vec![number]),
        }
    }
    passes
}

impl Group<'_> {
    /// Whether two groups see the same rows, each of which tiles may stand for.
    fn sees_as(&self, other: &Group<'_>) -> bool {
        let (one, two) = (self.features, other.features);
        let columns = |features: &Features| -> Vec<(String, ValueType)> {
            features.keys.iter().map(|key| (key.column.clone(), key.ty.clone())).collect()
        };
        (&one.source, &one.at, &one.filter, &one.order, &one.time)
            == (&two.source, &two.at, &two.filter, &two.order, &two.time)
            && columns(one) == columns(two)
            && self.events.are_those_of(other.events)
    }

    /// The wanted features and what they are computed from, each in declared order, under the names that they have beside
    /// those of other groups.
    fn needed(&self) -> Result<Needed, DataError> {
        let Needed { mut aggregates, mut derived } = needed(&self.wanted, self.features)?;
        if self.prefix.is_empty() {
            return Ok(Needed { aggregates, derived });
        }
        let names: BTreeSet<String> =
            aggregates.iter().map(|one| &one.name).chain(derived.iter().map(|one| &one.name)).cloned().collect();
        let renamed = |name: &str| format!("{}{name}", self.prefix);
        aggregates.iter_mut().for_each(|one| one.name = renamed(&one.name));
        for one in &mut derived {
            one.name = renamed(&one.name);
            let expr = one.expr.clone();
            let types: BTreeMap<String, ValueType> = types_of(&expr);
            let column = |name: &str| {
                let ty = types.get(name).filter(|_| names.contains(name))?;
                Some(mlsys_plan::Expr::column(renamed(name), ty.clone()))
            };
            one.expr = expr.with_columns(&column);
        }
        Ok(Needed { aggregates, derived })
    }
}

impl Needed {
    fn is_ordered(&self) -> bool {
        self.aggregates.iter().any(is_ordered)
    }
}

/// The types of the columns that an expression reads.
fn types_of(expr: &mlsys_plan::Expr) -> BTreeMap<String, ValueType> {
    let mut types = BTreeMap::new();
    expr.visit(&mut |each| {
        if let Some(name) = each.as_column() {
            types.insert(name.to_owned(), each.ty.clone());
        }
    });
    types
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

/// The column in which a feature stands beside observations.
pub(crate) fn output_name(join: &Join, feature: &str) -> String {
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
fn needed(wanted: &[&str], features: &Features) -> Result<Needed, DataError> {
    let wanted = || wanted.iter().copied();
    if let Some(unknown) = wanted().find(|name| feature_type(features, name).is_none()) {
        return Err(unknown_feature(features, unknown));
    }
    let names = features.needed(wanted());
    let derived = features.derived.iter().filter(|one| names.contains(one.name.as_str())).cloned().collect();
    let aggregates = features.aggregates.iter().filter(|one| names.contains(one.name.as_str())).cloned().collect();
    Ok(Needed { aggregates, derived })
}

/// The aggregates that a join needs.
pub(super) fn wanted_aggregates<'a>(join: &Join, features: &'a Features) -> Vec<&'a Aggregate> {
    let names = features.needed(join.features.iter().map(String::as_str));
    features.aggregates.iter().filter(|one| names.contains(one.name.as_str())).collect()
}

/// The plan whose columns are the keys that are asked for, in the entity's order.
///
/// # Errors
/// E0999 as [`logical_plan`].
pub(super) fn keys_plan(
    join: &Join,
    features: &Features,
    table: Arc<dyn TableSource>,
) -> Result<LogicalPlan, DataError> {
    let plan = observations(join, features, table)?;
    let keys = features.keys.iter().map(|key| column(&key_name(&key.name)));
    Ok(LogicalPlanBuilder::from(plan).project(keys.collect::<Vec<_>>())?.build()?)
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
