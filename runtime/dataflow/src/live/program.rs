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
    stages: Vec<Stage>,
}

/// Columns that are computed from the same rows.
struct Stage {
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    /// The rows' columns with these behind them.
    schema: SchemaRef,
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
        let mut program = Program { stages: Vec::new() };
        let (mut before, mut known) = (Arc::clone(rows), DFSchema::try_from(Arc::clone(rows))?);
        let (mut fields, mut exprs) = (Vec::new(), Vec::new());
        for (name, expr) in columns {
            let expr = bound(dataflow, expr)?;
            let made = match state.create_physical_expr(expr.clone(), &known) {
                Ok(made) => made,
                Err(error) if exprs.is_empty() => return Err(error.into()),
                // It reads a column of this stage: those that come are computed from what this one leaves.
                Err(_) => {
                    before = program.close(&before, &mut fields, &mut exprs);
                    known = DFSchema::try_from(Arc::clone(&before))?;
                    state.create_physical_expr(expr, &known)?
                }
            };
            fields.push(Field::new(name, made.data_type(&before)?, true));
            exprs.push(made);
        }
        if !exprs.is_empty() {
            program.close(&before, &mut fields, &mut exprs);
        }
        Ok(program)
    }

    /// As [`Program::new`], of derived columns.
    ///
    /// # Errors
    /// As [`Program::new`]; E0910 if a function is not known.
    pub(super) fn of(dataflow: &Dataflow, rows: &SchemaRef, derived: &[Derived]) -> Result<Self, DataError> {
        let columns = derived.iter().map(|one| Ok((one.name.clone(), lower(&one.expr)?)));
        Program::new(dataflow, rows, columns.collect::<Result<Vec<_>, DataError>>()?)
    }

    /// Adds a stage; the columns that it leaves.
    fn close(
        &mut self,
        before: &SchemaRef,
        fields: &mut Vec<Field>,
        exprs: &mut Vec<Arc<dyn PhysicalExpr>>,
    ) -> SchemaRef {
        let all = before.fields().iter().map(|field| field.as_ref().clone()).chain(fields.drain(..));
        let schema: SchemaRef = Arc::new(Schema::new(all.collect::<Vec<_>>()));
        self.stages.push(Stage { exprs: std::mem::take(exprs), schema: Arc::clone(&schema) });
        schema
    }

    /// The rows with the columns behind them.
    ///
    /// # Errors
    /// An expression fails on a value.
    pub(super) fn extend(&self, rows: RecordBatch) -> Result<RecordBatch, DataError> {
        let count = rows.num_rows();
        self.stages.iter().try_fold(rows, |rows, stage| {
            let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
            for expr in &stage.exprs {
                columns.push(expr.evaluate(&rows)?.into_array(count)?);
            }
            Ok(RecordBatch::try_new(Arc::clone(&stage.schema), columns)?)
        })
    }

    /// The columns of what [`Program::extend`] gives for rows with these columns.
    pub(super) fn schema(&self, rows: &SchemaRef) -> SchemaRef {
        Arc::clone(self.stages.last().map_or(rows, |stage| &stage.schema))
    }
}

/// Which of some values are true: what is null is not.
pub(super) fn truths(values: &BooleanArray) -> BooleanArray {
    if values.null_count() == 0 { values.clone() } else { compute::prep_null_mask_filter(values) }
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
