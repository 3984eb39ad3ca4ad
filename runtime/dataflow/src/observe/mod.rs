//! Observe nodes: a model's examples, divided by time, with labels that were known in time.

mod ahead;
mod chosen;
mod divided;
mod division;
mod identity;
mod scored;
mod ticks;
mod together;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource, lit, when};
use futures::StreamExt;
use mlsys_plan::{Expr as PlanExpr, Label, Observe, Part, Type, ValueType, columns};
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::expr::{column, lower, lower_at};
use crate::lookup::Tables;
use crate::parts::{PartsReport, Target};
use crate::session::{Dataflow, Execution};
use crate::sink::Sink;
use crate::source::Progress;
use crate::table::{Manifest, Member, POSITION, StoredTable};
use crate::types;

pub use self::ahead::Ahead;
pub(crate) use self::ahead::{Following, aggregate};
use self::divided::Divider;
pub(crate) use self::division::Division;
pub use self::scored::{Piece, Scored};
pub(crate) use self::ticks::Period;

/// What making a model's examples came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObserveReport {
    /// Examples per part.
    pub rows: BTreeMap<Part, u64>,
    /// Examples in the table whose label is missing or was not known in time.
    pub left_out: u64,
    /// The same per part that they would have been in.
    pub left_out_by_part: BTreeMap<Part, u64>,
    /// Rows before `from` or after `until`; they are not in the table.
    pub outside: u64,
    /// Rows without an instant; they are not in the table.
    pub without_time: u64,
    /// How much of it there was already, where it is kept in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartsReport>,
    /// How the plan ran, operator by operator, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<String>,
}

impl ObserveReport {
    /// Adds what another part came to.
    fn add(&mut self, other: ObserveReport) {
        let sum = |all: &mut BTreeMap<Part, u64>, other: BTreeMap<Part, u64>| {
            other.into_iter().for_each(|(part, rows)| *all.entry(part).or_default() += rows);
        };
        sum(&mut self.rows, other.rows);
        sum(&mut self.left_out_by_part, other.left_out_by_part);
        self.left_out += other.left_out;
        self.outside += other.outside;
        self.without_time += other.without_time;
        self.explain = other.explain.or(self.explain.take());
    }
}

/// The value of the part column for a row that is not written because of its time.
const OUTSIDE: &str = "outside";
/// The value of the part column for a row that is not written because it has no time.
const WITHOUT_TIME: &str = "without_time";
/// The column that says in which part an example lies by its time alone.
const PERIOD: &str = "__period";

impl Dataflow {
    /// Writes a model's examples to `output`: one Parquet file, one row per example, in the source's order, with the
    /// columns `__at`, `__label`, `__label_known_at`, `__part`, `__key.*`, `__slice.*` and the row inputs.
    ///
    /// An example counts for its part only if its label is there and was known strictly before the part's end; the
    /// last part has an end only if the split says `until`. Otherwise its part is `left_out`. A label that looks ahead is
    /// known only where what it looks at reaches as far.
    ///
    /// Observations `every` so often end with the last row of the sources that they read. In parts, there is one for each
    /// part of the source, or for each span of ticks; it is made again when something changes that its rows can see.
    ///
    /// # Errors
    /// E0910 if a function is not known, E0911 if a file cannot be read or written, E0912.
    pub async fn observe<'t>(
        &self,
        observe: &Observe,
        source_table: &Path,
        ahead: &[Ahead<'_>],
        output: impl Into<Target<'t>>,
        progress: Progress<'_>,
    ) -> Result<ObserveReport, DataError> {
        let Target { table, parts } = output.into();
        let source = Manifest::of(source_table)?.files;
        let following = ahead.iter().map(|one| self.following(one)).collect::<Result<Vec<_>, DataError>>()?;
        if let Some(parts) = parts
            && let Some(divider) = Divider::of(observe, source.clone(), ahead, &following, (self.tables(), parts))?
            && let Some(all) = divider.all(&following)?
        {
            return self.observe_divided(&divider, &all, table, progress).await;
        }
        self.observe_rows(observe, source, following, table, progress).await
    }

    async fn observe_rows(
        &self,
        observe: &Observe,
        source: Vec<Member>,
        following: Vec<Following<'_>>,
        output: &Path,
        progress: Progress<'_>,
    ) -> Result<ObserveReport, DataError> {
        let table = Arc::new(StoredTable::of(source)?);
        let own = match &observe.time {
            Some(time) => table.span(time)?,
            None => None,
        };
        let period = period_of(observe, own, &following)?;
        let plan = logical_plan(observe, provider_as_source(table), period, &following, Some(self.tables()))?;
        let Execution { plan, mut rows } = self.execute(&self.ordered_session(), plan, observe.time.as_deref()).await?;
        let schema = output_schema(observe);
        let mut table = Sink::create(output, &schema)?;
        let mut report = nothing(observe)?;
        let mut done = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            table.write(examples(&schema, &batch, &mut report)?).await?;
            done += batch.num_rows() as u64;
            progress(done);
        }
        table.finish().await?.publish()?;
        report.explain = self.explained(plan.as_ref());
        Ok(report)
    }

    fn following<'a>(&self, ahead: &Ahead<'a>) -> Result<Following<'a>, DataError> {
        let table = StoredTable::open(ahead.table)?;
        let end = match &ahead.source.time {
            Some(time) => table.span(time)?.map(|(_, last)| last),
            None => None,
        };
        Ok(Following { source: ahead.source, rows: provider_as_source(Arc::new(table)), end, span: None })
    }
}

/// What no rows come to.
fn nothing(observe: &Observe) -> Result<ObserveReport, DataError> {
    let rows = Division::of(observe)?.parts().into_iter().map(|part| (part, 0)).collect();
    Ok(ObserveReport { rows, ..ObserveReport::default() })
}

/// When ticks begin and end: with the split, and with the rows that are there.
fn period_of(observe: &Observe, own: Option<(i64, i64)>, following: &[Following<'_>]) -> Result<Period, DataError> {
    let (from, until) = Division::of(observe)?.bounds();
    let until = until.map(|until| until.saturating_sub(1));
    let ends = following.iter().map(|one| one.end).chain([own.map(|(_, last)| last)]).flatten();
    let last = ends.max().into_iter().chain(until).min();
    Ok(Period { first: from, last })
}

/// The plan whose columns are those of the table, and behind them the period of each row.
///
/// # Errors
/// E0910 if a function is not known.
pub(crate) fn logical_plan(
    observe: &Observe,
    table: Arc<dyn TableSource>,
    span: Period,
    following: &[Following<'_>],
    tables: Option<&Tables>,
) -> Result<LogicalPlan, DataError> {
    let division = Division::of(observe)?;
    let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut plan = LogicalPlanBuilder::scan(observe.source.as_str(), table, None)?;
    let at = lower(&observe.at)?;
    if let Some(every) = &observe.every {
        let names: Vec<String> = names.into_iter().filter(|name| name != POSITION).collect();
        plan = ticks::observed(plan, &names, every, observe.time.as_deref(), span)?;
    }
    if let Some(filter) = &observe.filter {
        plan = plan.filter(lower_at(filter, &at)?)?;
    }
    let mut outputs = vec![at.clone().alias(columns::AT)];
    if let Some(label) = &observe.label {
        if !label.looks.is_empty() {
            plan = LogicalPlanBuilder::from(ahead::with_looks(plan.build()?, &at, &label.looks, following, tables)?);
        }
        outputs.push(matured(label, lower_at(&label.expr, &at)?, &at, following)?.alias(columns::LABEL));
        outputs.push(lower_at(&label.known_at, &at)?.alias(columns::LABEL_KNOWN_AT));
    }
    let mut carried = Vec::new();
    for (name, expr) in carried_of(observe) {
        outputs.push(lower_at(expr, &at)?.alias(name.as_str()));
        carried.push(name);
    }
    outputs.extend(division.chance(observe, &at)?);
    plan = plan.project(outputs)?;
    let times: &[&str] = match observe.label {
        Some(_) => &[columns::AT, columns::LABEL, columns::LABEL_KNOWN_AT],
        None => &[columns::AT],
    };
    let rest = carried.iter().map(|name| column(name));
    let part = division.part(observe.label.is_some())?.alias(columns::PART);
    let period = division.period()?.alias(PERIOD);
    let times = times.iter().map(|name| column(name));
    let outputs: Vec<Expr> = times.chain([part]).chain(division.fold()).chain(rest).chain([period]).collect();
    Ok(plan.project(outputs)?.build()?)
}

/// A label that looks ahead may not be known yet.
fn label_type(label: &Label) -> ValueType {
    let ty = label.expr.ty.clone();
    if label.looks.is_empty() { ty } else { ty.with_nullable(true) }
}

/// A label that looks ahead is there only where what it looks at reaches as far as it looks.
fn matured(label: &Label, value: Expr, at: &Expr, following: &[Following<'_>]) -> Result<Expr, DataError> {
    if label.looks.is_empty() {
        return Ok(value);
    }
    let read = following.iter().filter(|one| label.looks.iter().any(|look| look.source == one.source.name));
    let end = read.map(|one| one.end).min().flatten();
    let is_over = match end {
        Some(end) => lower_at(&label.known_at, at)?.lt_eq(lit(types::instant(end))),
        None => lit(false),
    };
    Ok(when(is_over, value).end()?)
}

/// The columns that an observe node writes.
pub(crate) fn output_schema(observe: &Observe) -> SchemaRef {
    let at = |name: &str, ty: Type| types::column(name, &ty.optional());
    let mut fields = vec![at(columns::AT, Type::Timestamp)];
    if let Some(label) = &observe.label {
        fields.push(types::column(columns::LABEL, &label_type(label)));
        fields.push(at(columns::LABEL_KNOWN_AT, Type::Timestamp));
    }
    fields.push(at(columns::PART, Type::String));
    if matches!(Division::of(observe), Ok(Division::Folds { .. })) {
        fields.push(at(columns::FOLD, Type::Int64));
    }
    fields.extend(carried_of(observe).map(|(name, expr)| types::column(&name, &expr.ty)));
    Arc::new(Schema::new(fields))
}

/// What stands beside instant, label and part: names and expressions, in the table's order.
fn carried_of(observe: &Observe) -> impl Iterator<Item = (String, &PlanExpr)> {
    let named = [(columns::KEY, &observe.keys), (columns::SLICE, &observe.slices), ("", &observe.inputs)];
    let named = named
        .into_iter()
        .flat_map(|(prefix, derived)| derived.iter().map(move |one| (format!("{prefix}{}", one.name), &one.expr)));
    let single = [(columns::GROUP, &observe.group), (columns::DEBIAS, &observe.debias)];
    let single = single.into_iter().filter_map(|(name, one)| Some((name.to_owned(), &one.as_ref()?.expr)));
    named.chain(single)
}

/// The rows of a batch that are examples, counted by part.
fn examples(schema: &SchemaRef, batch: &RecordBatch, report: &mut ObserveReport) -> Result<RecordBatch, DataError> {
    let width = schema.fields().len();
    let part_index = schema.index_of(columns::PART)?;
    let parts = batch.column(part_index).as_string::<i32>();
    let periods = batch.column(width).as_string::<i32>();
    let kept: BooleanArray =
        (0..batch.num_rows()).map(|row| Some(count(parts.value(row), periods.value(row), report))).collect();
    let examples = RecordBatch::try_new(Arc::clone(schema), batch.columns()[..width].to_vec())?;
    if kept.true_count() == kept.len() {
        return Ok(examples);
    }
    Ok(compute::filter_record_batch(&examples, &kept)?)
}

/// Counts a row, and says whether it is an example.
fn count(part: &str, period: &str, report: &mut ObserveReport) -> bool {
    let Some(period) = Part::ALL.into_iter().find(|known| known.name() == period) else {
        let counter = if part == WITHOUT_TIME { &mut report.without_time } else { &mut report.outside };
        *counter += 1;
        return false;
    };
    if part == columns::LEFT_OUT {
        report.left_out += 1;
        *report.left_out_by_part.entry(period).or_default() += 1;
    } else {
        *report.rows.entry(period).or_default() += 1;
    }
    true
}
