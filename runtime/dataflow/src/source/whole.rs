//! Checks on a table as a whole, after its last row.

use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use mlsys_plan::{Check, Literal, OnViolation, Source, TableCheck};

use super::repeats::leaves_out;
use super::report::TableCheckReport;
use super::windows::Shares;
use crate::error::{Code, DataError};
use crate::expr::column;
use crate::session::Dataflow;
use crate::table::StoredTable;

/// The column that counts equal rows.
const COUNT: &str = "__count";

/// What is found where no row has a value.
pub(super) const NOTHING: &str = "there is nothing to measure";

/// Holds the checks of a source against its written table, except those on its age (see [`Dataflow::fresh`]) and those that
/// leave out rows (see [`super::repeats`]).
///
/// # Errors
/// E0904 for the first check with `fail` that does not hold, E0910 for a check that is not known, E0912.
pub(super) async fn judge(
    dataflow: &Dataflow,
    source: &Source,
    path: &Path,
) -> Result<Vec<TableCheckReport>, DataError> {
    let mut reports = Vec::new();
    let judged = source.checks.iter().filter(|check| !matches!(check.check, Check::Fresh(_)) && !leaves_out(check));
    for check in judged {
        let (holds, found) = one(dataflow, source, &check.check, path).await?;
        reports.push(report(source, check, holds, found)?);
    }
    Ok(reports)
}

/// What is to be told of a check.
///
/// # Errors
/// E0904 if it does not hold and says `fail`.
pub(super) fn report(
    source: &Source,
    check: &TableCheck,
    holds: bool,
    found: String,
) -> Result<TableCheckReport, DataError> {
    let text = text(&check.check);
    if !holds && check.on_violation == OnViolation::Fail {
        let message = format!("{} does not satisfy `{text}`: {found}", source.name);
        return Err(DataError::new(Code::ExpectationFailed, message).at_line(check.line));
    }
    Ok(TableCheckReport { line: check.line, text, action: check.on_violation.name().to_owned(), found, holds })
}

/// Refuses what this runtime cannot check yet.
///
/// # Errors
/// E0910.
pub(crate) fn supports(source: &Source, check: &TableCheck) -> Result<(), DataError> {
    let unsupported = |what: &str, help: &str| {
        let message = format!("this runtime cannot check `{what}` yet");
        Err(DataError::new(Code::Unsupported, message).with_help(help).at_line(check.line))
    };
    match &check.check {
        Check::Measure { measure, .. } if !MEASURES.contains(&measure.as_str()) => {
            unsupported(measure, "its measures are `missing` and `distinct`")
        }
        // A later row with the key may change the values that two rows share.
        Check::Unique(_) if leaves_out(check) && !source.key.is_empty() => unsupported(
            &format!("unique(…) else {}` beside a `key", check.on_violation.name()),
            "use `else warn` or `else fail`, or leave out the `key`",
        ),
        Check::Unique(_) | Check::Fresh(_) | Check::Rows(_, _) | Check::Measure { .. } => Ok(()),
    }
}

/// The measures of a column.
pub(crate) const MEASURES: [&str; 2] = ["distinct", "missing"];

/// Whether a check holds, and what was found.
async fn one(dataflow: &Dataflow, source: &Source, check: &Check, path: &Path) -> Result<(bool, String), DataError> {
    let table = Table { dataflow, source, stored: Arc::new(StoredTable::open(path)?) };
    match check {
        Check::Unique(columns) => {
            let (groups, rows) = table.repeated(columns).await?;
            let found = format!("{} with values that another row has", crate::names::rows(rows.abs_diff(groups)));
            Ok((groups == 0, found))
        }
        Check::Rows(least, most) => {
            let rows = table.rows().await?;
            let within = i64::try_from(rows).is_ok_and(|rows| (*least..=*most).contains(&rows));
            Ok((within, format!("it has {}", crate::names::rows(rows))))
        }
        Check::Measure { measure, column, comparison, bound, over: None } => {
            let Some(share) = table.measure(measure, column).await? else {
                return Ok((true, NOTHING.to_owned()));
            };
            Ok((comparison.holds(share, *bound), format!("it is {share:.4}")))
        }
        Check::Measure { measure, column, comparison, bound, over: Some(length) } => {
            let time =
                source.time.as_deref().ok_or_else(|| DataError::internal("a window over rows without a time"))?;
            let shares = Shares { measure, column, time, length: *length };
            let windows = shares.judge(dataflow, table.stored, *comparison, *bound).await?;
            Ok((windows.failing == 0, windows.found()))
        }
        Check::Fresh(_) => Err(DataError::internal("a check that depends on the clock")),
    }
}

/// Whether several rows of a table have the same values in these columns.
///
/// # Errors
/// E0911, E0912.
pub(super) async fn repeat(
    dataflow: &Dataflow,
    source: &Source,
    columns: &[String],
    table: StoredTable,
) -> Result<bool, DataError> {
    let table = Table { dataflow, source, stored: Arc::new(table) };
    Ok(table.repeated(columns).await?.0 > 0)
}

struct Table<'a> {
    dataflow: &'a Dataflow,
    source: &'a Source,
    stored: Arc<StoredTable>,
}

impl Table<'_> {
    /// How many rows there are, of which no later one has replaced.
    async fn rows(&self) -> Result<u64, DataError> {
        if !self.stored.has_versions() {
            return Ok(self.stored.rows());
        }
        let name = datafusion::common::TableReference::bare(self.source.name.as_str());
        let plan = LogicalPlanBuilder::scan(name, provider_as_source(Arc::clone(&self.stored) as _), None)?;
        let plan = plan.aggregate(Vec::<Expr>::new(), [count(lit(1_i64)).alias(COUNT)])?.build()?;
        let batches = self.dataflow.parallel_session().execute_logical_plan(plan).await?.collect().await?;
        let counted = batches.iter().filter(|batch| batch.num_rows() > 0);
        Ok(counted.map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0).unsigned_abs()).sum())
    }

    /// How many values of the columns several rows have, and how many rows these are. A row in which one of them is
    /// missing equals no other.
    async fn repeated(&self, columns: &[String]) -> Result<(u64, u64), DataError> {
        self.groups(columns, |times| times.gt(lit(1_i64))).await
    }

    /// The share of a column's rows that a measure counts; none if there is nothing to count.
    async fn measure(&self, measure: &str, name: &str) -> Result<Option<f64>, DataError> {
        let rows = self.rows().await?;
        let (_, present) = self.groups(&[name.to_owned()], |times| times.gt(lit(0_i64))).await?;
        match measure {
            "distinct" => {
                let (once, _) = self.groups(&[name.to_owned()], |times| times.eq(lit(1_i64))).await?;
                Ok(share(once, present))
            }
            _ => Ok(share(rows - present, rows)),
        }
    }

    /// How many values of the columns occur as often as wanted, and how many rows have them.
    async fn groups(&self, columns: &[String], wanted: impl Fn(Expr) -> Expr) -> Result<(u64, u64), DataError> {
        let name = datafusion::common::TableReference::bare(self.source.name.as_str());
        let mut plan = LogicalPlanBuilder::scan(name, provider_as_source(Arc::clone(&self.stored) as _), None)?;
        for name in columns {
            plan = plan.filter(column(name).is_not_null())?;
        }
        let keys = columns.iter().map(|name| column(name));
        plan = plan.aggregate(keys, [count(lit(1_i64)).alias(COUNT)])?.filter(wanted(column(COUNT)))?;
        let totals = [count(lit(1_i64)).alias("groups"), sum(column(COUNT)).alias("rows")];
        let plan = plan.aggregate(Vec::<Expr>::new(), totals)?.build()?;
        let batches = self.dataflow.parallel_session().execute_logical_plan(plan).await?.collect().await?;
        let total = |index: usize| {
            let values = batches.iter().filter(|batch| batch.num_rows() > 0).map(|batch| batch.column(index));
            values.map(|column| column.as_primitive::<Int64Type>().value(0).unsigned_abs()).sum()
        };
        Ok((total(0), total(1)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A check as it is written.
pub(super) fn text(check: &Check) -> String {
    match check {
        Check::Unique(columns) => format!("unique({})", columns.join(", ")),
        Check::Fresh(micros) => format!("fresh within {}", Literal::Duration(*micros)),
        Check::Rows(least, i64::MAX) => format!("rows >= {least}"),
        Check::Rows(0, most) => format!("rows <= {most}"),
        Check::Rows(least, most) => format!("rows between {least} and {most}"),
        Check::Measure { measure, column, comparison, bound, over } => {
            let over = over.map(|over| format!(" over {}", Literal::Duration(over))).unwrap_or_default();
            format!("{measure}({column}) {} {bound}{over}", comparison.symbol())
        }
    }
}
