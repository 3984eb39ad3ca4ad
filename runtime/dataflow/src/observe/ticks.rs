//! Observations at regular instants: every entity at every tick, by its latest row.

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn::{coalesce, greatest, least};
use datafusion::functions_nested::range::gen_series;
use datafusion::functions_window::expr_fn::{lead, row_number};
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlanBuilder, cast, lit};
use mlsys_plan::{Ticks, columns};

use crate::error::{Code, DataError};
use crate::expr::{column, remainder};
use crate::table::POSITION;
use crate::types;

/// Between which instants ticks lie, both included, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Period {
    /// The first instant; rows with a time begin with their own.
    pub(crate) first: Option<i64>,
    /// The last instant.
    pub(crate) last: Option<i64>,
}

impl Period {
    /// Where observations begin, if rows do not say so.
    ///
    /// # Errors
    /// E0910 if nothing does.
    pub(super) fn begin(self) -> Result<i64, DataError> {
        self.first.ok_or_else(|| open("begin", "from"))
    }

    /// Where observations end.
    ///
    /// # Errors
    /// E0910 if nothing says so.
    fn end(self) -> Result<i64, DataError> {
        self.last.ok_or_else(|| open("end", "until"))
    }
}

fn open(what: &str, clause: &str) -> DataError {
    let message = format!("nothing says when observations every so often {what}");
    DataError::new(Code::Unsupported, message).with_help(format!("give the split a boundary: `{clause}: @2024-01-01`"))
}

/// Ticks are divided by days; where these would be more, by twice as many days, and so on.
const BLOCKS_MOST: i64 = 4096;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The ticks of a period from an instant on, divided by days that are counted from 1970: the first and the last tick of each
/// block that has some, in order. Where a block ends does not depend on where data begin or end, and its first tick not on
/// where they begin; without an instant there are no ticks.
///
/// # Errors
/// E0910 if nothing says when ticks end.
pub(super) fn blocks(interval: i64, begin: Option<i64>, period: Period) -> Result<Vec<(i64, i64)>, DataError> {
    let end = period.end()?;
    let Some(begin) = begin.map(|begin| begin.max(period.first.unwrap_or(begin))).filter(|begin| *begin <= end) else {
        return Ok(Vec::new());
    };
    let count = |length: i64| end.div_euclid(length) - begin.div_euclid(length);
    let mut length = DAY;
    while count(length) >= BLOCKS_MOST {
        length *= 2;
    }
    let ticks = |block: i64| {
        let from = block.saturating_mul(length);
        let first = from.max(period.first.unwrap_or(from));
        let last = from.saturating_add(length - 1).min(end);
        let first = first.saturating_add(first.saturating_neg().rem_euclid(interval));
        (first, last - last.rem_euclid(interval))
    };
    let all = (begin.div_euclid(length)..=end.div_euclid(length)).map(ticks);
    Ok(all.filter(|(first, last)| first <= last && begin <= *last).collect())
}

/// The column with the instant from which an entity has a later row.
const NEXT: &str = "__next";
/// The column with the ticks of a row.
const TICKS: &str = "__ticks";
/// The column that counts rows anew.
const NUMBER: &str = "__number";

/// The rows of a plan with columns `names`, each at the ticks at which it is its entity's latest: after its own time, and
/// until and with the time of the next. The tick is the column `__at`; rows are in the order of ticks, numbered by
/// [`POSITION`].
///
/// # Errors
/// E0910 if nothing says when ticks begin or end.
pub(super) fn observed(
    plan: LogicalPlanBuilder,
    names: &[String],
    ticks: &Ticks,
    time: Option<&str>,
    period: Period,
) -> Result<LogicalPlanBuilder, DataError> {
    let last = lit(period.end()?);
    let micros = |name: &str| cast(column(name), DataType::Int64);
    let mut plan = plan;
    for key in &ticks.keys {
        plan = plan.filter(column(key).is_not_null())?;
    }
    let (first, last) = match time {
        Some(time) => {
            let partition: Vec<Expr> = ticks.keys.iter().map(|key| column(key)).collect();
            let order = vec![column(time).sort(true, true), column(POSITION).sort(true, true)];
            let next = lead(column(time), Some(1), None).partition_by(partition).order_by(order).build()?;
            plan = plan.filter(column(time).is_not_null())?.window([next.alias(NEXT)])?;
            let after = micros(time) + lit(1_i64);
            let first = period.first.map_or(after.clone(), |first| greatest(vec![after, lit(first)]));
            // The last row of an entity has no next one.
            (first, least(vec![coalesce(vec![micros(NEXT), last.clone()]), last]))
        }
        None => (lit(period.begin()?), last),
    };
    let own = || names.iter().map(|name| column(name));
    let instants = gen_series(not_before(first, ticks.interval)?, last, lit(ticks.interval));
    let at = cast(column(TICKS), types::timestamp()).alias(columns::AT);
    let order = vec![column(TICKS).sort(true, true), column(POSITION).sort(true, true)];
    let number = row_number().order_by(order.clone()).build()?.alias(NUMBER);
    let position = cast(column(NUMBER), DataType::Int64).alias(POSITION);
    Ok(plan
        .project(own().chain([column(POSITION), instants.alias(TICKS)]).collect::<Vec<_>>())?
        .unnest_column(TICKS)?
        .filter(column(TICKS).is_not_null())?
        .window([number])?
        .project(own().chain([at, position]).collect::<Vec<_>>())?
        .sort([column(POSITION).sort(true, true)])?)
}

/// The first multiple of an interval that is not before an instant, also before 1970.
fn not_before(instant: Expr, interval: i64) -> Result<Expr, DataError> {
    let short = remainder(&(lit(0_i64) - instant.clone()), interval)?;
    Ok(instant + short)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    use datafusion::datasource::{MemTable, provider_as_source};
    use datafusion::logical_expr::LogicalPlanBuilder;
    use mlsys_plan::{Ticks, columns};

    use super::{DAY, Period, blocks, observed};
    use crate::options::Options;
    use crate::session::Dataflow;
    use crate::table::POSITION;

    /// The ticks of rows given as entity and time: each tick with the place of the row that is observed.
    async fn ticks(rows: &[(Option<&str>, Option<i64>)], has_time: bool, period: Period) -> Vec<(i64, i64)> {
        let keys: ArrayRef = Arc::new(StringArray::from_iter(rows.iter().map(|(key, _)| *key)));
        let times = TimestampMicrosecondArray::from_iter(rows.iter().map(|(_, time)| *time)).with_timezone("UTC");
        let places: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows.len() as i64));
        let columns: [(&str, ArrayRef, bool); 4] = [
            ("key", keys, true),
            ("time", Arc::new(times), true),
            ("place", Arc::clone(&places), true),
            (POSITION, places, false),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        let scan = LogicalPlanBuilder::scan("rows", provider_as_source(Arc::new(table)), None).unwrap();
        let every = Ticks { interval: 10, entity: "one".to_owned(), keys: vec!["key".to_owned()] };
        let names = ["key", "time", "place"].map(str::to_owned);
        let plan = observed(scan, &names, &every, has_time.then_some("time"), period).unwrap().build().unwrap();
        let session = Dataflow::new(&Options::default()).unwrap().ordered_session();
        let mut found = Vec::new();
        for batch in session.execute_logical_plan(plan).await.unwrap().collect().await.unwrap() {
            let at = batch.column_by_name(columns::AT).unwrap().as_primitive::<TimestampMicrosecondType>().clone();
            let place = batch.column_by_name("place").unwrap().as_primitive::<Int64Type>().clone();
            found.extend((0..batch.num_rows()).map(|row| (at.value(row), place.value(row))));
        }
        found
    }

    /// A row counts after its own time, until and with the time of the next one of its entity; ticks are counted from
    /// 1970, also before it.
    #[tokio::test]
    async fn each_tick_sees_the_latest_row() {
        let rows = [
            (Some("a"), Some(0)),
            (Some("b"), Some(-15)),
            (Some("a"), Some(20)),
            (Some("a"), Some(23)),
            (None, Some(1)),
            (Some("c"), None),
        ];
        let period = |first, last| Period { first, last: Some(last) };
        let all = ticks(&rows, true, period(None, 30)).await;
        assert_eq!(all, [(-10, 1), (0, 1), (10, 0), (10, 1), (20, 0), (20, 1), (30, 1), (30, 3)]);
        let some = ticks(&rows, true, period(Some(5), 29)).await;
        assert_eq!(some, [(10, 0), (10, 1), (20, 0), (20, 1)]);
        let fixed = ticks(&rows, false, period(Some(10), 20)).await;
        assert_eq!(fixed, [(10, 0), (10, 1), (10, 2), (10, 3), (10, 5), (20, 0), (20, 1), (20, 2), (20, 3), (20, 5)]);
    }

    /// Where data begin moves no boundary, and where they end only the last one.
    #[test]
    fn blocks_are_days() {
        let period = |first, last| Period { first, last: Some(last) };
        let of = |interval, begin, period| blocks(interval, begin, period).unwrap();
        let half = DAY / 2;
        let all = of(half, Some(-half - 1), period(None, DAY));
        assert_eq!(all, [(-DAY, -half), (0, half), (DAY, DAY)]);
        assert_eq!(of(half, Some(7), period(None, DAY + half + 9)), [(0, half), (DAY, DAY + half)]);
        assert_eq!(of(half, Some(7), period(Some(8), DAY - 1)), [(half, half)]);
        assert_eq!(of(7 * DAY, Some(1), period(None, 20 * DAY)), [(7 * DAY, 7 * DAY), (14 * DAY, 14 * DAY)]);
        assert_eq!(of(half, None, period(None, DAY)), []);
        assert_eq!(of(half, Some(9), period(None, 8)), []);
        // Hardly more than so many, however long.
        let long = of(DAY, Some(0), period(None, 10_000 * DAY));
        assert_eq!((long.len(), long[0], long[1]), (2501, (0, 3 * DAY), (4 * DAY, 7 * DAY)));
        assert!(of(DAY, Some(i64::MIN), period(None, i64::MAX)).len() <= 4096);
        assert!(blocks(DAY, Some(0), Period::default()).is_err());
    }
}
