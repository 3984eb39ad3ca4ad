//! Measures `over` a length of time: a column's share in each window of the source's own time.
//!
//! Windows do not overlap, and begin at whole multiples of their length since 1970: window `k` has the rows with
//! `k * length <= time < (k + 1) * length`. Windows without rows do not exist. Grouping spills what does not fit into
//! memory, and windows are judged as they come.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, lit};
use futures::StreamExt;
use mlsys_plan::{Comparison, Literal};

use super::whole::NOTHING;
use crate::error::DataError;
use crate::expr::{column, remainder};
use crate::session::Dataflow;
use crate::table::StoredTable;

/// The column of a window's beginning, in microseconds since 1970.
const WINDOW: &str = "__window";
/// The column of how many rows are counted.
const PART: &str = "__part";
/// The column of how many rows there are to count.
const WHOLE: &str = "__whole";

/// A measure of a column in each window.
pub(super) struct Shares<'a> {
    pub(super) measure: &'a str,
    pub(super) column: &'a str,
    /// The column of the rows' times.
    pub(super) time: &'a str,
    /// The length of a window in microseconds.
    pub(super) length: i64,
}

/// What came of all windows.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Windows {
    /// Windows with something to measure.
    pub(super) all: u64,
    /// Those whose share is not within the bound.
    pub(super) failing: u64,
    /// The window that is farthest on the wrong side of the bound or nearest to it: its beginning and its share.
    worst: Option<(i64, f64)>,
}

impl Shares<'_> {
    /// Holds each window's share against a bound.
    ///
    /// # Errors
    /// E0912 if the windows do not fit into memory and cannot be spilled.
    pub(super) async fn judge(
        &self,
        dataflow: &Dataflow,
        table: Arc<StoredTable>,
        comparison: Comparison,
        bound: f64,
    ) -> Result<Windows, DataError> {
        let session = dataflow.parallel_session();
        let mut rows = dataflow.execute(&session, self.plan(table)?, None).await?.rows;
        let mut windows = Windows::default();
        while let Some(batch) = rows.next().await {
            windows.add(&batch?, comparison, bound);
        }
        Ok(windows)
    }

    /// One row a window: its beginning, how many rows are counted, and of how many.
    fn plan(&self, table: Arc<StoredTable>) -> Result<LogicalPlan, DataError> {
        let scan = LogicalPlanBuilder::scan("table", provider_as_source(table), None)?;
        let windowed = scan.project([self.beginning()?.alias(WINDOW), column(self.column)])?;
        let plan = if self.measure == "distinct" { self.distinct(windowed)? } else { self.missing(windowed)? };
        Ok(plan.build()?)
    }

    /// The beginning of a row's window.
    fn beginning(&self) -> Result<Expr, DataError> {
        let time = cast(column(self.time), DataType::Int64);
        let rest = remainder(&time, self.length)?;
        Ok(time - rest)
    }

    fn missing(&self, windowed: LogicalPlanBuilder) -> Result<LogicalPlanBuilder, DataError> {
        let missing = count(lit(1_i64)).filter(column(self.column).is_null()).build()?.alias(PART);
        Ok(windowed.aggregate([column(WINDOW)], [missing, count(lit(1_i64)).alias(WHOLE)])?)
    }

    fn distinct(&self, windowed: LogicalPlanBuilder) -> Result<LogicalPlanBuilder, DataError> {
        const TIMES: &str = "__times";
        let present = windowed.filter(column(self.column).is_not_null())?;
        let values = present.aggregate([column(WINDOW), column(self.column)], [count(lit(1_i64)).alias(TIMES)])?;
        let once = count(lit(1_i64)).filter(column(TIMES).eq(lit(1_i64))).build()?.alias(PART);
        Ok(values.aggregate([column(WINDOW)], [once, sum(column(TIMES)).alias(WHOLE)])?)
    }
}

impl Windows {
    fn add(&mut self, batch: &RecordBatch, comparison: Comparison, bound: f64) {
        let numbers = |index: usize| batch.column(index).as_primitive::<Int64Type>().values();
        for ((beginning, part), whole) in numbers(0).iter().zip(numbers(1)).zip(numbers(2)) {
            #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
            let share = *part as f64 / *whole as f64;
            self.all += 1;
            self.failing += u64::from(!comparison.holds(share, bound));
            let worse = self.worst.is_none_or(|known| is_worse((*beginning, share), known, comparison));
            if worse {
                self.worst = Some((*beginning, share));
            }
        }
    }

    /// What was found, in a sentence.
    pub(super) fn found(&self) -> String {
        let Some((beginning, share)) = self.worst else { return NOTHING.to_owned() };
        let beginning = Literal::Timestamp(beginning);
        let all = if self.all == 1 { "1 window".to_owned() } else { format!("{} windows", self.all) };
        let are = if self.failing == 1 { "is" } else { "are" };
        match self.failing {
            0 => format!("the worst of {all} begins at {beginning}, where it is {share:.4}"),
            failing => format!(
                "{failing} of {all} {are} outside the bound; the worst begins at {beginning}, where it is {share:.4}"
            ),
        }
    }
}

/// Whether a window is worse than another one: its share is farther in the wrong direction, or it is earlier.
fn is_worse(one: (i64, f64), other: (i64, f64), comparison: Comparison) -> bool {
    let small_is_good = matches!(comparison, Comparison::Less | Comparison::LessOrEqual);
    let order = if small_is_good { one.1.total_cmp(&other.1) } else { other.1.total_cmp(&one.1) };
    order.then_with(|| other.0.cmp(&one.0)).is_gt()
}
