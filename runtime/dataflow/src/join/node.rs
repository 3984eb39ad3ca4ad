//! The point-in-time join as a logical node: what it computes, in a form that can be compared, hashed and shown.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use mlsys_aggregates::{AggregateError, Measure, Measures, Parameters};
use mlsys_plan::{Aggregate, Literal, Window};
use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// What the operator computes.
///
/// Observations are: key columns, the instant, and whatever else is carried along, such as features of other groups. Events
/// are: key columns of the same types, the instant, argument columns, and whatever orders rows of one instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// How many key columns there are.
    pub(crate) keys: usize,
    /// How many argument columns there are.
    pub(crate) arguments: usize,
    /// The columns that order events of one key and instant.
    pub(crate) order: Vec<usize>,
    /// The different windows.
    pub(crate) windows: Vec<Frame>,
    /// The features, in order.
    pub(crate) measurements: Vec<Measurement>,
}

/// A window, and how it lies before the instant for which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The window.
    pub window: Window,
    /// By how many microseconds it is shifted into the past.
    pub offset: i64,
    /// By how much the window's far end moves at once, in microseconds; none if it moves with every row.
    pub step: Option<i64>,
}

impl Frame {
    /// The frame of an aggregate.
    pub(crate) fn of(aggregate: &Aggregate) -> Self {
        Frame { window: aggregate.window, offset: aggregate.offset, step: aggregate.step }
    }

    /// The window's length in microseconds, where it has one.
    fn length(&self) -> Option<i64> {
        match self.window {
            Window::Range { width } => Some(width),
            Window::All | Window::Last { .. } => None,
        }
    }

    /// The first instant of a window of the given length at `time`. Steps are counted from 1970, also before it.
    pub(crate) fn begin(&self, time: i64, width: i64) -> i64 {
        let begin = time.saturating_sub(self.offset).saturating_sub(width);
        self.step.map_or(begin, |step| begin.saturating_sub(begin.rem_euclid(step)))
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.window)?;
        if let Some(step) = self.step {
            write!(f, " step {}", Literal::Duration(step))?;
        }
        if self.offset == 0 { Ok(()) } else { write!(f, " offset {}", Literal::Duration(self.offset)) }
    }
}

/// A feature: an aggregate over an argument and a window.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// The feature's name.
    pub(crate) name: String,
    /// The aggregate's name.
    pub(crate) function: String,
    /// Which argument it reads; none counts rows.
    pub(crate) argument: Option<usize>,
    /// The aggregate's constant arguments.
    pub(crate) parameters: Parameters,
    /// Which window it sees.
    pub(crate) window: usize,
}

/// The point-in-time join of observations and events. Its columns are those of the observations, and the features.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PointInTime {
    observations: LogicalPlan,
    events: LogicalPlan,
    pub(crate) spec: Spec,
    schema: DFSchemaRef,
}

impl Spec {
    /// Where the instant is, in observations and in events.
    pub(crate) fn time(&self) -> usize {
        self.keys
    }

    /// Where the arguments are in events.
    pub(crate) fn argument_columns(&self) -> std::ops::Range<usize> {
        self.keys + 1..self.keys + 1 + self.arguments
    }

    /// The types of the arguments.
    pub(crate) fn argument_types(&self, events: &Schema) -> Vec<DataType> {
        self.argument_columns().map(|index| events.field(index).data_type().clone()).collect()
    }

    /// The kernels, ready to run.
    pub(crate) fn measures(&self, events: &Schema) -> Result<Measures, AggregateError> {
        let measures: Vec<Measure> = self
            .measurements
            .iter()
            .filter_map(|one| {
                let kernel = mlsys_aggregates::by_name(&one.function)?;
                let parameters = one.parameters.clone();
                Some(Measure { kernel, argument: one.argument, parameters, window: one.window })
            })
            .collect();
        let windows: Vec<Option<i64>> = self.windows.iter().map(Frame::length).collect();
        Measures::new(&measures, &self.argument_types(events), &windows)
    }

    /// The columns of the result: those of the observations, and the features.
    pub(crate) fn output(&self, observations: &Schema, events: &Schema) -> Result<Schema, DataError> {
        let own = observations.fields().iter().map(|field| field.as_ref().clone());
        Ok(Schema::new(own.chain(self.results(events)?).collect::<Vec<_>>()))
    }

    /// The columns of the features.
    fn results(&self, events: &Schema) -> Result<Vec<Field>, DataError> {
        let arguments = self.argument_types(events);
        let field = |one: &Measurement| {
            let argument = one.argument.map(|index| &arguments[index]);
            let ty = mlsys_aggregates::by_name(&one.function).and_then(|kernel| kernel.output(argument));
            let ty =
                ty.ok_or_else(|| DataError::internal(format!("`{}` has no result for its argument", one.function)))?;
            Ok(Field::new(&one.name, ty, true))
        };
        self.measurements.iter().map(field).collect()
    }
}

impl PointInTime {
    pub(crate) fn try_new(observations: LogicalPlan, events: LogicalPlan, spec: Spec) -> Result<Self, DataError> {
        let schema = spec.output(observations.schema().as_arrow(), events.schema().as_arrow())?;
        let schema = Arc::new(DFSchema::try_from(schema)?);
        Ok(PointInTime { observations, events, spec, schema })
    }
}

/// A node has no order of its own; DataFusion asks for one to compare plans.
impl PartialOrd for PointInTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for PointInTime {
    fn name(&self) -> &str {
        "PointInTimeJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.observations, &self.events]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    /// The inputs have computed every expression; the operator reads columns by their place.
    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.schema.field_names().into_iter().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = self.events.schema();
        let keys: Vec<&str> = (0..self.spec.keys).map(|index| events.field(index).name().as_str()).collect();
        write!(f, "PointInTimeJoin: on=[{}]", keys.join(", "))?;
        for one in &self.spec.measurements {
            let first = self.spec.argument_columns().start;
            let argument = one.argument.map_or("", |index| events.field(first + index).name());
            let argument = argument.strip_prefix("__value.").unwrap_or(argument);
            let (function, window) = (&one.function, self.spec.windows[one.window]);
            write!(f, ", {}=[{function}({argument}) over {window}]", one.name)?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([observations, events]) = <[LogicalPlan; 2]>::try_from(inputs) else {
            return Err(DataFusionError::Internal("the point-in-time join has two inputs".to_owned()));
        };
        Ok(PointInTime::try_new(observations, events, self.spec.clone())?)
    }
}
