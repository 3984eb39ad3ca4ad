//! A condition on rows that are there, such as predictions before they leave.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use mlsys_plan::{Expr, Field};

use super::program::{Program, truths};
use crate::error::DataError;
use crate::expr::lower;
use crate::session::Dataflow;
use crate::types::declared_schema;

/// Says which rows meet a condition.
pub struct LiveFilter {
    rows: SchemaRef,
    condition: Program,
}

impl LiveFilter {
    pub(super) fn new(dataflow: &Dataflow, columns: &[Field], condition: &Expr) -> Result<Self, DataError> {
        let rows = declared_schema(columns);
        let condition = Program::new(dataflow, &rows, [("__condition".to_owned(), lower(condition)?)])?;
        Ok(LiveFilter { rows, condition })
    }

    /// Which rows meet it; a null result does not.
    ///
    /// # Errors
    /// The columns are not those that were announced, or the condition fails on a value.
    pub fn of(&self, rows: &RecordBatch) -> Result<BooleanArray, DataError> {
        let rows = RecordBatch::try_new(Arc::clone(&self.rows), rows.columns().to_vec())?;
        let found = self.condition.extend(rows)?;
        Ok(truths(found.column(found.num_columns() - 1).as_boolean()))
    }
}
