//! Columns that are computed from others, compiled once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use mlsys_plan::Derived;

use crate::error::{Code, DataError};
use crate::expr::lower;
use crate::lookup::{fixed, unbound_table};
use crate::session::Dataflow;

/// Columns, each computed from those of the rows and from the ones before it.
pub(super) struct Program {
    steps: Vec<Step>,
}

struct Step {
    expr: Arc<dyn PhysicalExpr>,
    /// The columns with this one behind them.
    schema: SchemaRef,
}

/// Which of some values are true: what is null is not.
pub(super) fn truths(values: &BooleanArray) -> BooleanArray {
    if values.null_count() == 0 { values.clone() } else { compute::prep_null_mask_filter(values) }
}

impl Program {
    /// Compiles columns over rows with these columns.
    ///
    /// # Errors
    /// E0910 if an expression looks something up that depends on time.
    pub(super) fn new(
        dataflow: &Dataflow,
        rows: &SchemaRef,
        columns: impl IntoIterator<Item = (String, Expr)>,
    ) -> Result<Self, DataError> {
        let state = dataflow.ordered_session().state();
        let mut steps: Vec<Step> = Vec::new();
        for (name, expr) in columns {
            let before = steps.last().map_or(rows, |step| &step.schema);
            let known = DFSchema::try_from(Arc::clone(before))?;
            let expr = state.create_physical_expr(bound(dataflow, expr)?, &known)?;
            let field = Field::new(name, expr.data_type(before)?, true);
            let fields = before.fields().iter().map(|field| field.as_ref().clone()).chain([field]);
            steps.push(Step { expr, schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())) });
        }
        Ok(Program { steps })
    }

    /// As [`Program::new`], of derived columns.
    ///
    /// # Errors
    /// As [`Program::new`]; E0910 if a function is not known.
    pub(super) fn of(dataflow: &Dataflow, rows: &SchemaRef, derived: &[Derived]) -> Result<Self, DataError> {
        let columns = derived.iter().map(|one| Ok((one.name.clone(), lower(&one.expr)?)));
        Program::new(dataflow, rows, columns.collect::<Result<Vec<_>, DataError>>()?)
    }

    /// The rows with the columns behind them.
    ///
    /// # Errors
    /// An expression fails on a value.
    pub(super) fn extend(&self, rows: RecordBatch) -> Result<RecordBatch, DataError> {
        let count = rows.num_rows();
        self.steps.iter().try_fold(rows, |rows, step| {
            let value = step.expr.evaluate(&rows)?.into_array(count)?;
            let columns = rows.columns().iter().cloned().chain([value]).collect::<Vec<ArrayRef>>();
            Ok(RecordBatch::try_new(Arc::clone(&step.schema), columns)?)
        })
    }

    /// The columns of what [`Program::extend`] gives for rows with these columns.
    pub(super) fn schema(&self, rows: &SchemaRef) -> SchemaRef {
        Arc::clone(self.steps.last().map_or(rows, |step| &step.schema))
    }
}

/// An expression with the tables in it that it looks values up in.
fn bound(dataflow: &Dataflow, expr: Expr) -> Result<Expr, DataError> {
    let bound = expr.transform_up(|each| fixed(each, dataflow.tables()))?.data;
    let mut as_of = None;
    bound.clone().transform_up(|each| {
        as_of = as_of.take().or_else(|| unbound_table(&each));
        Ok(Transformed::no(each))
    })?;
    match as_of {
        None => Ok(bound),
        Some(table) => {
            let message = format!("rows of a stream cannot look up `{table}` as of their time yet");
            let help = "look it up in a model's inputs, or in a source without a `stream`";
            Err(DataError::new(Code::Unsupported, message).with_help(help))
        }
    }
}
