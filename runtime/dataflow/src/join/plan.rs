//! The logical plan of a join node: both inputs reduced to what the operator reads, the operator, the derived
//! features, and the observations' order.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{
    Expr, Extension, JoinType, LogicalPlan, LogicalPlanBuilder, TableSource, cast, lit, when,
};
use mlsys_aggregates::{Algebra, Parameter, Parameters};
use mlsys_plan::{Aggregate, Derived, Features, Join, Value, ValueType, Window, columns};

use super::node::{Frame, Measurement, PointInTime, Spec};
use super::reach::Reach;
use crate::error::{Code, DataError};
use crate::expr::{column, lower};
use crate::source::derive;
use crate::table::POSITION;
use crate::types::{self, arrow_type, instant};
use crate::zip::zip;

/// Where the operator's inputs are read.
pub(crate) struct Inputs {
    /// The observations, with their position.
    pub(crate) observations: Arc<dyn TableSource>,
    /// The rows of the group's source, with their position.
    pub(crate) events: Arc<dyn TableSource>,
    /// The first and the last instant of the observations, where they are known.
    pub(crate) span: Option<(i64, i64)>,
    /// Whether there are so few observations that it is worth while to look for the rows of their keys first.
    pub(crate) are_few: bool,
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
    let plan = features_at(observations, features, &wanted, inputs.events, (inputs.span, inputs.are_few), bind)?;
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
    let found = features_at(observations, features, &wanted, events, (None, false), bind)?;
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
    table: Arc<dyn TableSource>,
    (span, are_few): (Option<(i64, i64)>, bool),
    bind: Bind<'_>,
) -> Result<LogicalPlanBuilder, DataError> {
    let needed = needed(wanted, features)?;
    let (events, spec) = events(features, &needed.aggregates, table, span)?;
    let mut events = bind(events)?;
    if are_few {
        events = of_asked_keys(&observations, events, spec.keys)?;
    }
    let node = PointInTime::try_new(observations, events, spec)?;
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

/// The events that can be seen: keys, the instant, argument columns, order columns, the position.
fn events(
    features: &Features,
    aggregates: &[&Aggregate],
    table: Arc<dyn TableSource>,
    span: Option<(i64, i64)>,
) -> Result<(LogicalPlan, Spec), DataError> {
    let mut plan = seen_rows(features, table)?;
    if let Some((first, last)) = span {
        let (from, until) = Reach::of(aggregates).between(first, last);
        plan = plan.filter(lower(&features.at)?.lt(lit(instant(until))))?;
        if let Some(from) = from {
            plan = plan.filter(lower(&features.at)?.gt_eq(lit(instant(from))))?;
        }
    }
    let mut outputs = Vec::new();
    for key in &features.keys {
        outputs.push(cast(column(&key.column), arrow_type(&key.ty.ty)).alias(key_name(&key.name)));
    }
    outputs.push(lower(&features.at)?.alias(columns::AT));
    let mut builder = SpecBuilder::default();
    for aggregate in aggregates {
        builder.add(aggregate).map_err(|error| error.at_line(aggregate.line))?;
    }
    let ordered = builder.is_ordered;
    let order: &[String] = if ordered { &features.order } else { &[] };
    let (arguments, spec) = builder.finish(features.keys.len(), order.len());
    outputs.extend(arguments);
    for (index, name) in order.iter().enumerate() {
        outputs.push(column(name).alias(format!("__order.{index}.{name}")));
    }
    outputs.push(column(POSITION));
    Ok((plan.project(outputs)?.build()?, spec))
}

/// The rows that a group ever sees.
pub(super) fn seen_rows(features: &Features, table: Arc<dyn TableSource>) -> Result<LogicalPlanBuilder, DataError> {
    let name = datafusion::common::TableReference::bare(features.source.as_str());
    let mut plan = LogicalPlanBuilder::scan(name, table, None)?;
    for key in &features.keys {
        plan = plan.filter(column(&key.column).is_not_null())?;
    }
    if let Some(filter) = &features.filter {
        plan = plan.filter(lower(filter)?)?;
    }
    Ok(plan.filter(lower(&features.at)?.is_not_null())?)
}

pub(super) fn key_name(key: &str) -> String {
    format!("{}{key}", columns::KEY)
}

/// Collects what a group's aggregates share: arguments, windows.
#[derive(Default)]
struct SpecBuilder {
    arguments: Vec<(String, Expr)>,
    /// Arguments of which the order of rows decides: they order rows of one instant where the source has no key.
    chosen: BTreeSet<usize>,
    windows: Vec<Frame>,
    measurements: Vec<Measurement>,
    is_ordered: bool,
}

impl SpecBuilder {
    fn add(&mut self, aggregate: &Aggregate) -> Result<(), DataError> {
        let kernel = kernel(aggregate)?;
        let argument = argument(aggregate)?.map(|(text, expr)| self.argument(text, expr));
        // Which of two rows of one instant comes first also decides which one is among the last rows.
        if kernel.algebra() == Algebra::Ordered || matches!(aggregate.window, Window::Last { .. }) {
            self.is_ordered = true;
            // Lists and vectors are left to their place: sorting by them costs more than it tells.
            let is_plain = aggregate.argument.as_ref().is_some_and(|one| !arrow_type(&one.ty.ty).is_nested());
            self.chosen.extend(argument.filter(|_| is_plain));
        }
        let frame = Frame::of(aggregate);
        let window = self.windows.iter().position(|window| *window == frame).unwrap_or_else(|| {
            self.windows.push(frame);
            self.windows.len() - 1
        });
        let (name, function) = (aggregate.name.clone(), kernel.name().to_owned());
        let parameters = parameters(aggregate)?;
        self.measurements.push(Measurement { name, function, argument, parameters, window });
        Ok(())
    }

    fn argument(&mut self, text: String, expr: Expr) -> usize {
        self.arguments.iter().position(|(known, _)| *known == text).unwrap_or_else(|| {
            self.arguments.push((text, expr));
            self.arguments.len() - 1
        })
    }

    fn finish(self, keys: usize, order: usize) -> (Vec<Expr>, Spec) {
        let arguments = self.arguments.len();
        // Behind the keys and the instant come the arguments, then the order columns, then the position.
        let first_argument = keys + 1;
        let chosen = if order == 0 { self.chosen } else { BTreeSet::new() };
        let content: Vec<usize> = chosen.iter().map(|argument| first_argument + argument).collect();
        let declared: Vec<usize> = (0..order).map(|index| first_argument + arguments + index).collect();
        let position = first_argument + arguments + order;
        let order = declared.into_iter().chain(content).chain([position]).collect();
        let spec = Spec { keys, arguments, order, windows: self.windows, measurements: self.measurements };
        let outputs = self.arguments.into_iter().map(|(text, expr)| expr.alias(format!("__value.{text}")));
        (outputs.collect(), spec)
    }
}

/// The kernel of an aggregate.
///
/// # Errors
/// E0910 if there is none, or if it is not defined on the argument.
pub(crate) fn kernel(aggregate: &Aggregate) -> Result<&'static dyn mlsys_aggregates::Kernel, DataError> {
    let unsupported = |message: String| DataError::new(Code::Unsupported, message).at_line(aggregate.line);
    let kernel = mlsys_aggregates::by_name(&aggregate.function).ok_or_else(|| {
        let known = mlsys_aggregates::kernels().iter().map(|kernel| kernel.name());
        unsupported(format!("this runtime has no aggregate `{}`", aggregate.function))
            .with_help(format!("its aggregates are {}", crate::names::list(known)))
    })?;
    let argument = aggregate.argument.as_ref().map(|argument| &argument.ty.ty);
    let argument_type = argument.map(arrow_type);
    let output = kernel.output(argument_type.as_ref());
    let declared = arrow_type(&aggregate.ty.ty);
    match output {
        Some(found) if found == declared || (found.is_numeric() && declared.is_numeric()) => Ok(kernel),
        _ => {
            let argument = argument.map_or_else(String::new, ToString::to_string);
            let message = format!(
                "this runtime has no aggregate `{}({argument})` with a result of `{}`",
                kernel.name(),
                aggregate.ty.ty
            );
            Err(unsupported(message))
        }
    }
}

/// The constant arguments of an aggregate.
fn parameters(aggregate: &Aggregate) -> Result<Parameters, DataError> {
    let one = |(name, value): (&String, &Value)| {
        let parameter = match value {
            Value::Int(value) => Parameter::Integer(*value),
            Value::Float(value) => Parameter::Number(*value),
            Value::Duration(value) => Parameter::Duration(*value),
            other => {
                let message = format!("`{name}` of `{}` is {other:?}", aggregate.function);
                return Err(DataError::internal(message));
            }
        };
        Ok((name.clone(), parameter))
    };
    aggregate.args.iter().map(one).collect()
}

/// What an aggregate reads of a row, with its text: missing where the aggregate's filter leaves the row out. Every
/// kernel skips missing values, so a filter needs nothing else.
fn argument(aggregate: &Aggregate) -> Result<Option<(String, Expr)>, DataError> {
    let value = match &aggregate.argument {
        Some(argument) => Some((argument.to_string(), lower(argument)?, arrow_type(&argument.ty.ty))),
        None => None,
    };
    let Some(filter) = &aggregate.filter else {
        return Ok(value.map(|(text, expr, _)| (text, expr)));
    };
    let (text, expr, ty) = value.unwrap_or_else(|| ("true".to_owned(), lit(true), DataType::Boolean));
    let missing = lit(ScalarValue::try_from(&ty)?);
    Ok(Some((format!("{text} where {filter}"), when(lower(filter)?, expr).otherwise(missing)?)))
}
