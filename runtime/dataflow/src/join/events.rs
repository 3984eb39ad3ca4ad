//! The events of a join: a group's rows as the operator reads them, from the source itself or from tiles.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource, cast, lit, when};
use mlsys_aggregates::{Algebra, Kernel, Parameter, Parameters};
use mlsys_plan::{Aggregate, EntityKey, Features, Value, Window, columns};

use super::asked::AskedKeys;
use super::node::{Frame, Measurement, Spec};
use super::plan::{Bind, key_name};
use super::reach::Reach;
use super::tiles;
use crate::error::{Code, DataError};
use crate::expr::{column, lower};
use crate::table::POSITION;
use crate::types::{arrow_type, instant};

/// Where a group's rows are read, and for whom.
#[derive(Clone)]
pub(crate) struct Events {
    /// The rows of the group's source, with their position; none if all that is seen is in tiles.
    pub(super) rows: Option<Branch>,
    /// Tiles, which stand for rows that are not among those; the group's aggregates are such that tiles have them.
    pub(super) tiles: Option<Branch>,
    /// The first and the last instant of the observations, where they are known.
    pub(crate) span: Option<(i64, i64)>,
    /// The keys of the observations, where these are so few that it is worth while to look for the rows of their keys first.
    pub(super) asked: Option<Arc<AskedKeys>>,
}

/// A table of events.
#[derive(Clone)]
pub(super) struct Branch {
    pub(super) table: Arc<dyn TableSource>,
    /// The position of its first row, where all events have positions of their own.
    pub(super) first: i64,
}

/// The events as a plan: keys, the instant, argument columns, order columns, the position.
pub(super) struct Rows {
    pub(super) plan: LogicalPlan,
    pub(super) spec: Spec,
    pub(super) arguments: Vec<Argument>,
}

/// What some aggregates of a group read of its rows, and what is computed of it.
pub(crate) struct Shape {
    pub(crate) arguments: Vec<Argument>,
    /// The source's columns that order rows of one instant, where their order matters.
    pub(crate) order: Vec<String>,
    pub(crate) spec: Spec,
}

/// What aggregates read of a row.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    /// The column.
    pub(crate) name: String,
    /// What it is, in the language's words.
    pub(super) text: String,
    pub(crate) expr: Expr,
    /// Whether the order of rows decides, for the aggregate that reads it if every one has its own.
    pub(super) is_ordered: bool,
}

impl Events {
    /// All rows of a group's source, for whoever asks.
    pub(crate) fn of(table: Arc<dyn TableSource>) -> Self {
        Events::between(table, None)
    }

    /// The rows of a group's source, for observations between the first and the last instant, where these are known.
    pub(crate) fn between(table: Arc<dyn TableSource>, span: Option<(i64, i64)>) -> Self {
        Events { rows: Some(table.into()), tiles: None, span, asked: None }
    }

    /// Whether these are rows, and the same ones.
    pub(super) fn are_those_of(&self, other: &Events) -> bool {
        let is_same = |one: &Branch, other: &Branch| Arc::ptr_eq(&one.table, &other.table);
        let rows = self.rows.as_ref().zip(other.rows.as_ref());
        self.tiles.is_none() && other.tiles.is_none() && rows.is_some_and(|(one, other)| is_same(one, other))
    }
}

impl Shape {
    /// What these aggregates read; each of them has columns of its own if that is asked for.
    ///
    /// # Errors
    /// E0910 if an aggregate or function is not known.
    pub(crate) fn of(features: &Features, aggregates: &[&Aggregate], are_apart: bool) -> Result<Self, DataError> {
        let mut builder = SpecBuilder { are_apart, ..SpecBuilder::default() };
        for aggregate in aggregates {
            builder.add(aggregate).map_err(|error| error.at_line(aggregate.line))?;
        }
        let order = if builder.is_ordered { features.order.clone() } else { Vec::new() };
        let (arguments, spec) = builder.finish(features.keys.len(), order.len());
        Ok(Shape { arguments, order, spec })
    }

    /// The arguments that order rows of one instant, where no columns of the source do.
    pub(crate) fn chosen(&self) -> impl Iterator<Item = usize> {
        let arguments = self.spec.argument_columns();
        self.spec
            .order
            .iter()
            .filter(move |column| arguments.contains(column))
            .map(|column| column - self.spec.time() - 1)
    }
}

impl From<Arc<dyn TableSource>> for Branch {
    fn from(table: Arc<dyn TableSource>) -> Self {
        Branch { table, first: 0 }
    }
}

/// The events that can be seen.
///
/// # Errors
/// E0910 if an aggregate or function is not known.
pub(super) fn rows(
    features: &Features,
    aggregates: &[&Aggregate],
    events: &Events,
    bind: Bind<'_>,
) -> Result<Rows, DataError> {
    let Shape { arguments, order, spec } = Shape::of(features, aggregates, events.tiles.is_some())?;
    let order: Vec<(&String, String)> =
        order.iter().enumerate().map(|(index, name)| (name, format!("__order.{index}.{name}"))).collect();
    let mut plan: Option<LogicalPlanBuilder> = None;
    if let Some(rows) = &events.rows {
        let seen = source_rows(features, aggregates, rows, events.span, (&arguments, &order))?;
        plan = Some(LogicalPlanBuilder::from(bind(seen)?));
    }
    if let Some(branch) = &events.tiles {
        let order: Vec<&str> = order.iter().map(|(_, name)| name.as_str()).collect();
        for rows in tiles::rows(features, branch, &arguments, &order)? {
            plan = Some(match plan {
                Some(plan) => plan.union(rows)?,
                None => LogicalPlanBuilder::from(rows),
            });
        }
    }
    let plan = plan.ok_or_else(|| DataError::internal("a join without events"))?.build()?;
    Ok(Rows { plan, spec, arguments })
}

/// The column of what an aggregate of its own reads.
pub(super) fn value_name(function: &str, text: &str) -> String {
    format!("__value.{function}({text})")
}

/// The rows of the source that can be seen.
fn source_rows(
    features: &Features,
    aggregates: &[&Aggregate],
    rows: &Branch,
    span: Option<(i64, i64)>,
    (arguments, order): (&[Argument], &[(&String, String)]),
) -> Result<LogicalPlan, DataError> {
    let mut plan = seen_rows(features, Arc::clone(&rows.table))?;
    if let Some((first, last)) = span {
        let (from, until) = Reach::of(aggregates).between(first, last);
        plan = plan.filter(lower(&features.at)?.lt(lit(instant(until))))?;
        if let Some(from) = from {
            plan = plan.filter(lower(&features.at)?.gt_eq(lit(instant(from))))?;
        }
    }
    let columns = row_columns(features, arguments)?.into_iter();
    let mut outputs: Vec<Expr> = columns.map(|(name, expr)| expr.alias(name)).collect();
    outputs.extend(order.iter().map(|(name, alias)| column(name).alias(alias)));
    outputs.push(column(POSITION));
    Ok(plan.project(outputs)?.build()?)
}

/// The rows that a group ever sees.
pub(super) fn seen_rows(features: &Features, table: Arc<dyn TableSource>) -> Result<LogicalPlanBuilder, DataError> {
    let name = datafusion::common::TableReference::bare(features.source.as_str());
    let mut plan = LogicalPlanBuilder::scan(name, table, None)?;
    for condition in seen(features)? {
        plan = plan.filter(condition)?;
    }
    Ok(plan)
}

/// When a group ever sees a row: it has a key and an instant, and is one that the group wants.
///
/// # Errors
/// E0910 if an expression uses a function that is not known.
pub(crate) fn seen(features: &Features) -> Result<Vec<Expr>, DataError> {
    let keys = features.keys.iter().map(|key| Ok(column(&key.column).is_not_null()));
    let filter = features.filter.iter().map(lower);
    keys.chain(filter).chain([lower(&features.at).map(Expr::is_not_null)]).collect()
}

/// The columns of a group's rows, by the names that they have there: keys, the instant, and what aggregates read.
///
/// # Errors
/// As [`seen`].
pub(crate) fn row_columns(features: &Features, arguments: &[Argument]) -> Result<Vec<(String, Expr)>, DataError> {
    let key = |key: &EntityKey| (key_name(&key.name), cast(column(&key.column), arrow_type(&key.ty.ty)));
    let mut made: Vec<(String, Expr)> = features.keys.iter().map(key).collect();
    made.push((columns::AT.to_owned(), lower(&features.at)?));
    made.extend(arguments.iter().map(|one| (one.name.clone(), one.expr.clone())));
    Ok(made)
}

/// Collects what a group's aggregates share: arguments, windows.
#[derive(Default)]
struct SpecBuilder {
    /// Whether aggregates of one argument have a column each: tiles keep something else for each of them.
    are_apart: bool,
    arguments: Vec<Argument>,
    /// Arguments of which the order of rows decides: they order rows of one instant where the source has no key.
    chosen: BTreeSet<usize>,
    windows: Vec<Frame>,
    measurements: Vec<Measurement>,
    is_ordered: bool,
}

impl SpecBuilder {
    fn add(&mut self, aggregate: &Aggregate) -> Result<(), DataError> {
        let kernel = kernel(aggregate)?;
        let argument = argument(aggregate)?.map(|(text, expr)| self.argument(text, expr, kernel));
        // Which of two rows of one instant comes first also decides which one is among the last rows.
        if is_ordered(aggregate) {
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

    fn argument(&mut self, text: String, expr: Expr, kernel: &dyn Kernel) -> usize {
        let name = if self.are_apart { value_name(kernel.name(), &text) } else { format!("__value.{text}") };
        self.arguments.iter().position(|known| known.name == name).unwrap_or_else(|| {
            let is_ordered = kernel.algebra() == Algebra::Ordered;
            self.arguments.push(Argument { name, text, expr, is_ordered });
            self.arguments.len() - 1
        })
    }

    fn finish(self, keys: usize, order: usize) -> (Vec<Argument>, Spec) {
        let arguments = self.arguments.len();
        // Behind the keys and the instant come the arguments, then the order columns, then the position.
        let first_argument = keys + 1;
        let mut chosen = if order == 0 { Vec::from_iter(self.chosen) } else { Vec::new() };
        // Whichever aggregates there are beside them, and wherever these read from.
        chosen.sort_by_key(|argument| &self.arguments[*argument].text);
        let content: Vec<usize> = chosen.iter().map(|argument| first_argument + argument).collect();
        let declared: Vec<usize> = (0..order).map(|index| first_argument + arguments + index).collect();
        let position = first_argument + arguments + order;
        let order = declared.into_iter().chain(content).chain([position]).collect();
        let spec = Spec { keys, arguments, order, windows: self.windows, measurements: self.measurements };
        (self.arguments, spec)
    }
}

/// Whether the order of rows decides what an aggregate comes to.
pub(super) fn is_ordered(aggregate: &Aggregate) -> bool {
    let kernel = mlsys_aggregates::by_name(&aggregate.function);
    kernel.is_some_and(|kernel| kernel.algebra() == Algebra::Ordered) || matches!(aggregate.window, Window::Last { .. })
}

/// The kernel of an aggregate.
///
/// # Errors
/// E0910 if there is none, or if it is not defined on the argument.
pub(crate) fn kernel(aggregate: &Aggregate) -> Result<&'static dyn Kernel, DataError> {
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
