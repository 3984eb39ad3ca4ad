//! Columns beside rows, as a logical node.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, Extension, InvariantLevel, LogicalPlan, UserDefinedLogicalNodeCore};

use crate::table::POSITION;

/// The rows of the left input with the columns of the right one behind theirs, but for its position.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Zip {
    left: LogicalPlan,
    right: LogicalPlan,
    schema: DFSchemaRef,
}

/// The rows of a plan with the columns of another one beside them: both have every position once.
///
/// # Errors
/// A plan has no column [`POSITION`], or a name is there twice.
pub(crate) fn zip(left: LogicalPlan, right: LogicalPlan) -> Result<LogicalPlan> {
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(Zip::try_new(left, right)?) }))
}

/// Where the position is among the columns of a schema.
///
/// # Errors
/// It is not there.
pub(super) fn position(schema: &DFSchema) -> Result<usize> {
    let found = schema.fields().iter().position(|field| field.name() == POSITION);
    found.ok_or_else(|| DataFusionError::Internal("rows to put columns beside are not numbered".to_owned()))
}

impl Zip {
    fn try_new(left: LogicalPlan, right: LogicalPlan) -> Result<Self> {
        position(left.schema())?;
        let place = position(right.schema())?;
        let right_fields = right.schema().iter().enumerate().filter(|(index, _)| *index != place);
        let fields = left.schema().iter().chain(right_fields.map(|(_, field)| field));
        let fields = fields.map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
        let schema = DFSchema::new_with_metadata(fields, std::collections::HashMap::new())?;
        Ok(Zip { left, right, schema: Arc::new(schema) })
    }
}

/// A node has no order of its own; DataFusion asks for one to compare plans.
impl PartialOrd for Zip {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for Zip {
    fn name(&self) -> &str {
        "Zip"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn check_invariants(&self, _check: InvariantLevel) -> Result<()> {
        Ok(())
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// Which columns of each input the wanted ones come from, and the positions.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let (left, right) = (self.left.schema(), self.right.schema());
        let (own, place) = (position(left).ok()?, position(right).ok()?);
        let width = left.fields().len();
        let mut wanted = [vec![own], vec![place]];
        for column in output_columns {
            match column.checked_sub(width) {
                None => wanted[0].push(*column),
                Some(beside) => wanted[1].push(beside + usize::from(beside >= place)),
            }
        }
        for columns in &mut wanted {
            columns.sort_unstable();
            columns.dedup();
        }
        Some(wanted.to_vec())
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zip")
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([left, right]) = <[LogicalPlan; 2]>::try_from(inputs) else {
            return Err(DataFusionError::Internal("columns are put beside the rows of one input".to_owned()));
        };
        Zip::try_new(left, right)
    }
}
