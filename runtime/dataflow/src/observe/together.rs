//! Making parts of examples that are not there: neighbours together, in one pass over what all of them see.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use datafusion::datasource::provider_as_source;
use futures::{StreamExt, TryStreamExt, stream};
use mlsys_plan::{Derived, Expr, Observe, Type};

use super::divided::{Divider, Moments, Part};
use super::{ObserveReport, Period, examples, logical_plan, nothing, output_schema};
use crate::error::DataError;
use crate::parts::{Parts, PartsReport};
use crate::session::{Dataflow, Execution};
use crate::sink::Sink;
use crate::source::Progress;
use crate::table::{Manifest, Member, POSITION, StoredTable};

impl Dataflow {
    /// Makes the examples of those parts that have none yet.
    pub(super) async fn observe_divided(
        &self,
        divider: &Divider<'_>,
        all: &[Part],
        table: &Path,
        progress: Progress<'_>,
    ) -> Result<ObserveReport, DataError> {
        let parts = divider.parts;
        parts.look_ahead(all.iter().map(|part| vec![part.id.clone()]).collect()).await?;
        let found: Vec<_> = all.iter().map(|part| kept(parts, part)).collect();
        let missing: Vec<usize> = (0..all.len()).filter(|number| found[*number].is_none()).collect();
        let explained = self.make_all(divider, all, &missing, progress).await?;
        let mut report = ObserveReport { explain: explained, ..nothing(divider.observe)? };
        let mut manifest = Manifest::default();
        for (part, found) in all.iter().zip(found) {
            let found = found.or_else(|| kept(parts, part));
            let (file, told) = found.ok_or_else(|| DataError::internal("a part of examples is gone"))?;
            report.add(told);
            manifest.files.push(Member { asks: part.asks.clone(), ..file });
        }
        report.parts = Some(PartsReport { total: all.len() as u64, made: missing.len() as u64 });
        progress(manifest.files.iter().map(|member| member.rows).sum());
        manifest.write(table, Some(parts.root))?;
        Ok(report)
    }

    /// Makes those that are missing, several passes at a time; how the last one ran, if that was asked for.
    async fn make_all(
        &self,
        divider: &Divider<'_>,
        all: &[Part],
        missing: &[usize],
        progress: Progress<'_>,
    ) -> Result<Option<String>, DataError> {
        let done = AtomicU64::new(0);
        let count = |rows| progress(done.fetch_add(rows, Ordering::Relaxed) + rows);
        let one = |pass: Range<usize>| {
            let count = &count;
            async move { self.make(divider, &all[pass], count).await }
        };
        let passes = passes(missing, if divider.are_rows_alone() { usize::MAX } else { self.threads() });
        let explained: Vec<_> = stream::iter(passes).map(one).buffered(self.threads()).try_collect().await?;
        Ok(explained.into_iter().flatten().next_back())
    }

    /// Makes neighbouring parts: each of them sees a bit more than it must, which windows leave out.
    async fn make(
        &self,
        divider: &Divider<'_>,
        pass: &[Part],
        count: Progress<'_>,
    ) -> Result<Option<String>, DataError> {
        let moments = pass.iter().map(|part| part.moments).reduce(Moments::and);
        let moments = moments.ok_or_else(|| DataError::internal("no part is made"))?;
        let seen = divider.seen(moments)?;
        let (rows, ends) = read_by(divider, pass);
        let dataflow = self.clone().with_tables(seen.tables()?);
        let observe = numbered(divider.observe, &ends);
        let table = provider_as_source(Arc::new(StoredTable::of(rows)?));
        let following = divider.following(&seen)?;
        let plan = logical_plan(&observe, table, period_of(pass), &following, Some(dataflow.tables()))?;
        let session = dataflow.ordered_session();
        let Execution { plan, mut rows } = dataflow.execute(&session, plan, observe.time.as_deref()).await?;
        let mut outputs = Outputs::new(divider, pass)?;
        let schema = output_schema(&observe);
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let mut start = 0;
            while start < batch.num_rows() {
                let (part, rows) = ends.run(&batch, start);
                outputs.write(part, &schema, &batch.slice(start, rows)).await?;
                start += rows;
            }
            count(batch.num_rows() as u64);
        }
        outputs.finish().await?;
        Ok(dataflow.explained(plan.as_ref()))
    }
}

/// Missing parts that are made together: neighbours, divided among so many.
fn passes(missing: &[usize], among: usize) -> Vec<Range<usize>> {
    let runs = missing.chunk_by(|one, next| one + 1 == *next);
    let passes = runs.flat_map(|run| run.chunks(run.len().div_ceil(among.max(1))));
    passes.filter_map(|pass| Some(*pass.first()?..pass.last()? + 1)).collect()
}

/// The file of a part with what is told of it, if both are there.
fn kept(parts: Parts<'_>, part: &Part) -> Option<(Member, ObserveReport)> {
    Some((parts.find(&part.id)?, parts.told(&part.id)?))
}

/// Between which ticks parts lie.
fn period_of(pass: &[Part]) -> Period {
    let mut ticks = pass.iter().filter_map(|part| part.ticks);
    let (first, last) = (ticks.next(), ticks.next_back());
    Period { first: first.map(|(first, _)| first), last: last.or(first).map(|(_, last)| last) }
}

/// Where parts end that are made together.
enum Ends {
    /// There is only one.
    Nowhere,
    /// Before these positions among the rows that are read.
    Positions(Vec<i64>),
    /// With these ticks.
    Ticks(Vec<i64>),
}

/// The files of the source that parts read, and where they end.
fn read_by(divider: &Divider<'_>, pass: &[Part]) -> (Vec<Member>, Ends) {
    let mut numbers: Vec<usize> = pass.iter().flat_map(|part| part.rows.iter().copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() {
        // Nothing is seen: any file tells which columns there are.
        numbers.push(0);
    }
    let rows: Vec<Member> = numbers.iter().map(|number| divider.source[*number].clone()).collect();
    let ticks: Vec<i64> = pass.iter().filter_map(|part| part.ticks).map(|(_, last)| last).collect();
    let mut end = 0_i64;
    let mut after = |member: &Member| {
        end = end.saturating_add(i64::try_from(member.rows).unwrap_or(i64::MAX));
        end
    };
    let ends = match pass.len() {
        1 => Ends::Nowhere,
        _ if ticks.is_empty() => Ends::Positions(rows.iter().map(&mut after).collect()),
        _ => Ends::Ticks(ticks),
    };
    (rows, ends)
}

/// The examples, with the place of the observed row as one more input where that tells whose they are.
fn numbered(observe: &Observe, ends: &Ends) -> Observe {
    let mut observe = observe.clone();
    if let Ends::Positions(_) = ends {
        let expr = Expr::column(POSITION, Type::Int64.required());
        observe.inputs.push(Derived { name: POSITION.to_owned(), expr });
    }
    observe
}

impl Ends {
    /// The part to which the row of a batch at `start` belongs, and how many rows from there on do: they come in the order of
    /// either positions or ticks.
    fn run(&self, batch: &RecordBatch, start: usize) -> (usize, usize) {
        let rest = batch.num_rows() - start;
        match self {
            Ends::Nowhere => (0, rest),
            Ends::Positions(ends) => {
                let Some(positions) = batch.column_by_name(POSITION) else { return (0, rest) };
                let positions = &positions.as_primitive::<Int64Type>().values()[start..];
                let part = ends.partition_point(|end| *end <= positions[0]);
                (part, positions.partition_point(|position| ends.get(part).is_none_or(|end| position < end)))
            }
            Ends::Ticks(ends) => {
                let ticks = &batch.column(0).as_primitive::<TimestampMicrosecondType>().values()[start..];
                let part = ends.partition_point(|end| *end < ticks[0]);
                (part, ticks.partition_point(|tick| ends.get(part).is_none_or(|end| tick <= end)))
            }
        }
    }
}

/// The files of parts, which are written one after the other.
struct Outputs<'a> {
    parts: Parts<'a>,
    schema: SchemaRef,
    pass: &'a [Part],
    /// How many of them are complete.
    done: usize,
    current: Option<(Sink, ObserveReport)>,
    /// What no rows come to.
    nothing: ObserveReport,
}

impl<'a> Outputs<'a> {
    fn new(divider: &Divider<'a>, pass: &'a [Part]) -> Result<Self, DataError> {
        let (schema, nothing) = (output_schema(divider.observe), nothing(divider.observe)?);
        Ok(Outputs { parts: divider.parts, schema, pass, done: 0, current: None, nothing })
    }

    /// Adds rows of a part, which have these columns and what divides them; the parts before it are complete.
    async fn write(&mut self, part: usize, schema: &SchemaRef, rows: &RecordBatch) -> Result<(), DataError> {
        while self.done < part {
            self.close().await?;
        }
        let own = Arc::clone(&self.schema);
        let (sink, report) = self.current()?;
        let rows = examples(schema, rows, report)?;
        let columns = own.fields().iter().filter_map(|field| rows.column_by_name(field.name()).cloned()).collect();
        sink.write(RecordBatch::try_new(own, columns)?).await
    }

    async fn finish(mut self) -> Result<(), DataError> {
        while self.done < self.pass.len() {
            self.close().await?;
        }
        Ok(())
    }

    fn current(&mut self) -> Result<&mut (Sink, ObserveReport), DataError> {
        if self.current.is_none() {
            let part = self.pass.get(self.done).ok_or_else(|| DataError::internal("rows of no part"))?;
            let sink = Sink::create(&self.parts.table(&part.id), &self.schema)?;
            self.current = Some((sink, self.nothing.clone()));
        }
        self.current.as_mut().ok_or_else(|| DataError::internal("no part is being written"))
    }

    /// Puts the file of a part into its place; what is told of it comes last.
    async fn close(&mut self) -> Result<(), DataError> {
        self.current()?;
        if let (Some((sink, report)), Some(part)) = (self.current.take(), self.pass.get(self.done)) {
            sink.finish().await?.publish()?;
            self.parts.tell(&part.id, &report)?;
        }
        self.done += 1;
        Ok(())
    }
}
