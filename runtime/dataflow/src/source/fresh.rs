//! `expect fresh within`: how old the latest row is. The answer changes with the clock while the data stays the same, so it
//! is asked of a stored table in every run, and not when the table is made.

use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use mlsys_plan::{Check, Source, TableCheck};

use super::report::TableCheckReport;
use super::whole;
use crate::error::DataError;
use crate::expr::column;
use crate::session::Dataflow;
use crate::table::StoredTable;

impl Dataflow {
    /// Holds a source's stored table against its `fresh` checks, as of the moment of the run; the others are judged when
    /// the table is made. Reads no more than the footers, unless a file's footer is silent about its times.
    ///
    /// # Errors
    /// E0904 for the first check with `fail` that does not hold, E0911 if the table cannot be read.
    pub async fn fresh(&self, source: &Source, table: &Path) -> Result<Vec<TableCheckReport>, DataError> {
        let asked = source.checks.iter().filter_map(|check| Some((check, within(check)?)));
        let asked: Vec<(&TableCheck, i64)> = asked.collect();
        let Some(time) = source.time.as_deref().filter(|_| !asked.is_empty()) else { return Ok(Vec::new()) };
        let latest = self.latest(StoredTable::open(table)?, time).await?;
        let judged = asked.into_iter().map(|(check, within)| {
            let (holds, found) = judge(latest, self.now(), within);
            whole::report(source, check, holds, found)
        });
        judged.collect()
    }

    /// The latest instant of a column; none if there are no rows.
    async fn latest(&self, table: StoredTable, time: &str) -> Result<Option<i64>, DataError> {
        if table.rows() == 0 {
            return Ok(None);
        }
        if let Some((_, latest)) = table.span(time)? {
            return Ok(Some(latest));
        }
        let plan = LogicalPlanBuilder::scan("table", provider_as_source(Arc::new(table)), None)?.build()?;
        self.greatest(plan, time).await
    }

    /// The latest instant of a column of a plan; none if there is none.
    pub(crate) async fn greatest(&self, plan: LogicalPlan, time: &str) -> Result<Option<i64>, DataError> {
        let plan = LogicalPlanBuilder::from(plan).aggregate(Vec::<Expr>::new(), [max(column(time))])?.build()?;
        let batches = self.parallel_session().execute_logical_plan(plan).await?.collect().await?;
        let latest = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<TimestampMicrosecondType>());
        Ok(latest.flatten().max())
    }
}

/// The greatest age that a check allows, in microseconds, if it is about age.
fn within(check: &TableCheck) -> Option<i64> {
    match check.check {
        Check::Fresh(within) => Some(within),
        Check::Unique(_) | Check::Rows(..) | Check::Measure { .. } => None,
    }
}

/// Whether the latest row is young enough, and what is to be said of it. A row that is ahead of the clock is.
fn judge(latest: Option<i64>, now: i64, within: i64) -> (bool, String) {
    let Some(latest) = latest else { return (false, "it has no rows".to_owned()) };
    let age = now.saturating_sub(latest);
    let found = match age {
        0.. => format!("its latest row is {} old", in_words(age)),
        _ => format!("its latest row is {} ahead of the clock", in_words(age.saturating_neg())),
    };
    (age <= within, found)
}

/// A length of time in its two largest units: `2d 3h`.
fn in_words(micros: i64) -> String {
    const UNITS: [(&str, i64); 4] = [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000)];
    let largest = UNITS.iter().position(|(_, size)| micros >= *size).unwrap_or(UNITS.len() - 1);
    let mut rest = micros;
    let mut parts = Vec::new();
    for (unit, size) in UNITS.iter().skip(largest).take(2) {
        if rest >= *size {
            parts.push(format!("{}{unit}", rest / size));
        }
        rest %= size;
    }
    if parts.is_empty() { "less than 1s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::{in_words, judge};

    const SECOND: i64 = 1_000_000;

    #[test]
    fn ages_are_told_in_two_units() {
        let told = [0, 12, 60, 61, 3_600, 3_661, 86_400 + 59, 2 * 86_400 + 3 * 3_600 + 5];
        let told = told.map(|seconds| in_words(seconds * SECOND));
        assert_eq!(told, ["less than 1s", "12s", "1m", "1m 1s", "1h", "1h 1m", "1d", "2d 3h"]);
    }

    #[test]
    fn the_bound_belongs_to_what_is_fresh() {
        let (now, within) = (1_000 * SECOND, 60 * SECOND);
        assert_eq!(judge(Some(940 * SECOND), now, within), (true, "its latest row is 1m old".to_owned()));
        assert!(!judge(Some(940 * SECOND - 1), now, within).0);
        assert_eq!(judge(Some(1_005 * SECOND), now, within).1, "its latest row is 5s ahead of the clock");
        assert_eq!(judge(None, now, within), (false, "it has no rows".to_owned()));
        assert!(judge(Some(i64::MAX), i64::MIN, within).0);
    }
}
