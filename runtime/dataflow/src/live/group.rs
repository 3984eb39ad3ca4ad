//! A group's rows, as windows hold them, and its features of what windows come to.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::logical_expr::Expr;
use mlsys_aggregates::Parameters;
use mlsys_plan::{Aggregate, Features, Source, columns};

use super::program::{Program, truths};
use crate::error::DataError;
use crate::expr::column;
use crate::join::{Frame, Measurement, Shape, row_columns, seen};
use crate::session::Dataflow;
use crate::types::{arrow_type, source_schema, timestamp, typed};

/// Whether a row is ever seen.
const SEEN: &str = "__seen";

/// Makes a group's rows of those of its source, and its features of what their windows hold.
pub struct LiveGroup {
    source: SchemaRef,
    rows: Program,
    /// The columns of rows: keys, the instant, arguments, and the source's key.
    schema: SchemaRef,
    keys: usize,
    arguments: usize,
    /// The arguments that order rows of one instant, where the source has no key.
    chosen: Vec<usize>,
    /// What is asked of the rows.
    sought: Vec<Sought>,
    /// The types of what is sought as the program declares them, and behind them that of the instant.
    found: SchemaRef,
    derived: Program,
}

/// An aggregate of a group over one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The feature, or the part of one.
    pub name: String,
    /// The aggregate's name.
    pub function: String,
    /// Which argument column it reads; none counts rows.
    pub argument: Option<usize>,
    /// The aggregate's constant arguments.
    pub parameters: Parameters,
    /// The rows it sees.
    pub window: Frame,
}

impl LiveGroup {
    pub(super) fn new(dataflow: &Dataflow, source: &Source, features: &Features) -> Result<Self, DataError> {
        let aggregates: Vec<&Aggregate> = features.aggregates.iter().collect();
        let shape = Shape::of(features, &aggregates, false)?;
        let source = source_schema(source);
        let conditions = seen(features)?.into_iter().reduce(Expr::and);
        let mut computed: Vec<(String, Expr)> = conditions.map(|all| (SEEN.to_owned(), all)).into_iter().collect();
        computed.extend(row_columns(features, &shape.arguments)?);
        // A key identifies a row, also where the order of rows does not matter: a later version takes its place.
        computed
            .extend(features.order.iter().enumerate().map(|(index, name)| (format!("__order.{index}"), column(name))));
        let rows = Program::new(dataflow, &source, computed)?;
        let made = rows.schema(&source);
        // Behind the source's own columns and the truth about each row.
        let first = source.fields().len() + 1;
        let schema = Arc::new(Schema::new(made.fields().iter().skip(first).cloned().collect::<Vec<_>>()));
        let found = found(features);
        let derived = Program::of(dataflow, &found, &features.derived)?;
        let (keys, arguments) = (features.keys.len(), shape.arguments.len());
        let chosen = if features.order.is_empty() { shape.chosen().collect() } else { Vec::new() };
        Ok(LiveGroup { source, rows, schema, keys, arguments, chosen, sought: sought(&shape), found, derived })
    }

    /// The columns of the group's rows: so many keys, the instant, the arguments, and the key of the source, which orders
    /// rows of one instant.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many key columns there are.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// How many argument columns there are.
    pub fn arguments(&self) -> usize {
        self.arguments
    }

    /// The arguments that order rows of one instant, where the source has no key.
    pub fn chosen(&self) -> &[usize] {
        &self.chosen
    }

    /// What is asked of the rows.
    pub fn sought(&self) -> &[Sought] {
        &self.sought
    }

    /// The group's rows among those of the source, and their numbers there.
    ///
    /// # Errors
    /// An expression fails on a value.
    pub fn rows(&self, source: &RecordBatch) -> Result<(RecordBatch, Vec<usize>), DataError> {
        let source = RecordBatch::try_new(Arc::clone(&self.source), source.columns().to_vec())?;
        let first = source.num_columns() + 1;
        let made = self.rows.extend(source)?;
        let seen = truths(made.column(first - 1).as_boolean());
        let numbers = seen.values().set_indices().collect::<Vec<usize>>();
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), made.columns()[first..].to_vec())?;
        if numbers.len() == rows.num_rows() {
            return Ok((rows, numbers));
        }
        Ok((compute::filter_record_batch(&rows, &seen)?, numbers))
    }

    /// The group's features at instants, by name, from what each of [`LiveGroup::sought`] comes to there.
    ///
    /// # Errors
    /// An expression fails on a value.
    pub fn features(&self, sought: &[ArrayRef], at: &ArrayRef) -> Result<RecordBatch, DataError> {
        let columns = sought.iter().chain([at]).zip(self.found.fields());
        let found = columns.map(|(column, field)| typed(column, field.data_type()));
        let found = RecordBatch::try_new(Arc::clone(&self.found), found.collect::<Result<_, _>>()?)?;
        let mut features = self.derived.extend(found)?;
        features.remove_column(self.sought.len());
        Ok(features)
    }
}

fn sought(shape: &Shape) -> Vec<Sought> {
    let one = |one: &Measurement| {
        let (name, function, parameters) = (one.name.clone(), one.function.clone(), one.parameters.clone());
        Sought { name, function, argument: one.argument, parameters, window: shape.spec.windows[one.window] }
    };
    shape.spec.measurements.iter().map(one).collect()
}

fn found(features: &Features) -> SchemaRef {
    let aggregates = features.aggregates.iter().map(|one| Field::new(&one.name, arrow_type(&one.ty.ty), true));
    let at = Field::new(columns::AT, timestamp(), true);
    Arc::new(Schema::new(aggregates.chain([at]).collect::<Vec<_>>()))
}
