//! Observations that are scored: a model's, without label and split.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef, TimestampMicrosecondType};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr as RowExpr, LogicalPlan, LogicalPlanBuilder, TableSource, lit};
use futures::{StreamExt, TryStreamExt, stream};
use mlsys_plan::{Derived, Expr, ExprKind, Fingerprint, Observe, Part, Source, Ticks, Type, columns};
use serde::Serialize;

use super::identity;
use super::ticks::{self, Period};
use crate::error::DataError;
use crate::expr::{lower, lower_at};
use crate::parts::Parts;
use crate::session::{Dataflow, Execution};
use crate::sink::{Sink, store};
use crate::source::Progress;
use crate::table::{Manifest, Member, POSITION, StoredTable};
use crate::types;

/// Prefix of a column that holds a key of the row that is scored.
const ROW_KEY: &str = "__row.";

/// What is told of all ticks together: of what they were made, and their days.
const TICKS: &str = "ticks";

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What of a source is scored: the observations of a model on its rows, each with everything that a prediction reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scored {
    /// The source's name.
    source: String,
    /// The observation's instant.
    at: Expr,
    /// The column that holds the row's own time.
    time: Option<String>,
    /// Observations at regular instants instead of at rows.
    every: Option<Ticks>,
    /// Where ticks of rows without a time begin.
    first: Option<i64>,
    /// Which rows are scored; a null result leaves the row out.
    filter: Option<Expr>,
    /// Whether a condition on features chooses among them.
    is_chosen: bool,
    /// Entity keys, written as `__key.NAME`.
    keys: Vec<Derived>,
    /// The key of the source, written as `__row.NAME`.
    row_key: Vec<Derived>,
    /// Inputs that are computed from the row itself.
    inputs: Vec<Derived>,
    /// The columns by which rows are known.
    #[serde(skip)]
    known_by: Vec<String>,
}

/// A part of what is scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What tells its rows from others, by which nothing else is said of them: a fingerprint of their keys and times, or of
    /// ticks with what is observed at them.
    pub rows: String,
    /// Whether they are observed: nobody wanted the others.
    pub is_observed: bool,
}

impl Scored {
    /// What is scored of a source: of the model's own one its observations, of another one every row, as of its own time.
    pub fn new(observe: &Observe, source: &Source) -> Self {
        let is_own = observe.source == source.name;
        let columns = source.columns();
        let derived = |name: &String| {
            let ty = columns.iter().find(|(known, _)| *known == name).map(|(_, ty)| (*ty).clone());
            let ty = ty.unwrap_or_else(|| Type::String.optional());
            Derived { name: name.clone(), expr: Expr { kind: ExprKind::Column { name: name.clone() }, ty } }
        };
        let at = match &source.time {
            Some(time) if !is_own => derived(time).expr,
            _ => observe.at.clone(),
        };
        Scored {
            source: source.name.clone(),
            at,
            time: if is_own { observe.time.clone() } else { source.time.clone() },
            every: observe.every.clone(),
            first: super::Division::of(observe).ok().and_then(|division| division.bounds().0),
            filter: observe.filter.clone().filter(|_| is_own),
            is_chosen: observe.feature_filter.is_some() && is_own,
            keys: observe.keys.clone(),
            row_key: source.key.iter().map(derived).collect(),
            inputs: observe.inputs.clone(),
            known_by: identity::columns_of(source),
        }
    }

    /// The keys of entities and of the row: each by its name among the observations, and as a reader would call it.
    pub fn keys(&self) -> Vec<(String, String)> {
        let keys = self.keys.iter().map(|key| (format!("{}{}", columns::KEY, key.name), key.name.clone()));
        let own = self.row_key.iter().filter(|own| self.keys.iter().all(|key| key.name != own.name));
        keys.chain(own.map(|key| (format!("{ROW_KEY}{}", key.name), key.name.clone()))).collect()
    }

    /// The columns with their expressions, behind the instant.
    fn outputs(&self) -> impl Iterator<Item = (String, &Expr)> {
        let named = [(columns::KEY, &self.keys), (ROW_KEY, &self.row_key), ("", &self.inputs)];
        named
            .into_iter()
            .flat_map(|(prefix, derived)| derived.iter().map(move |one| (format!("{prefix}{}", one.name), &one.expr)))
    }

    fn schema(&self) -> SchemaRef {
        let mut fields = vec![types::column(columns::AT, &Type::Timestamp.optional())];
        fields.extend(self.is_chosen.then(|| types::column(columns::PART, &Type::String.optional())));
        fields.extend(self.outputs().map(|(name, expr)| types::column(&name, &expr.ty)));
        Arc::new(Schema::new(fields))
    }

    fn plan(&self, table: Arc<dyn TableSource>, period: Period) -> Result<LogicalPlan, DataError> {
        let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut plan = LogicalPlanBuilder::scan(self.source.as_str(), table, None)?;
        let at = lower(&self.at)?;
        if let Some(every) = &self.every {
            let names: Vec<String> = names.into_iter().filter(|name| name != POSITION).collect();
            plan = ticks::observed(plan, &names, every, self.time.as_deref(), period)?;
        }
        if let Some(filter) = &self.filter {
            plan = plan.filter(lower_at(filter, &at)?)?;
        }
        let mut outputs: Vec<RowExpr> = vec![at.clone().alias(columns::AT)];
        // Any part: a condition on features leaves rows out of it.
        outputs.extend(self.is_chosen.then(|| lit(Part::Test.name()).alias(columns::PART)));
        for (name, expr) in self.outputs() {
            outputs.push(lower_at(expr, &at)?.alias(name));
        }
        Ok(plan.project(outputs)?.build()?)
    }
}

impl Dataflow {
    /// Writes what is scored of a source to `output`: a list of parts, one for each part of the source of which `is_wanted`
    /// says so. Says which parts there are, in the source's order. `whole` stands for everything that is read; a source that
    /// is in one piece is told from others by it. Ticks are divided by days; `beside` are further tables that say how far
    /// the data reach, each with its column of instants.
    ///
    /// # Errors
    /// E0910 if a function is not known, E0911 if a file cannot be read or written, E0912.
    #[expect(clippy::too_many_arguments, reason = "each is another thing")]
    pub async fn observe_scored(
        &self,
        scored: &Scored,
        source_table: &Path,
        whole: &str,
        beside: &[(&Path, &str)],
        parts: Parts<'_>,
        output: &Path,
        is_wanted: &(dyn Fn(&str) -> bool + Sync),
        progress: Progress<'_>,
    ) -> Result<Vec<Piece>, DataError> {
        let source = Manifest::of(source_table)?.files;
        let pieces = if scored.every.is_some() {
            let id = parts.id([whole]);
            let days = match known_days(parts, &id, is_wanted) {
                Some(days) => days,
                None => {
                    let days = self.ticks_of_days(scored, source, beside, parts, progress).await?;
                    parts.tell(TICKS, &(id, &days))?;
                    days
                }
            };
            days.into_iter().map(|day| (day, Content::Observed)).collect()
        } else {
            let is_divided = source.iter().all(|member| member.id.is_some());
            let pieces = if is_divided {
                source.into_iter().map(|member| (id_of(&member), vec![member])).collect()
            } else {
                vec![(whole.to_owned(), source)]
            };
            let content = |(id, members): &(String, Vec<Member>)| Content::Rows(id.clone(), members.clone());
            let contents: Vec<Content> = pieces.iter().map(content).collect();
            let names = self.names(&scored.known_by, pieces, parts).await?;
            names.into_iter().zip(contents).collect()
        };
        self.observe_pieces(scored, told_apart(pieces), parts, output, is_wanted).await
    }

    /// Observes those pieces that are wanted and are not there yet, several at a time.
    async fn observe_pieces(
        &self,
        scored: &Scored,
        pieces: Vec<(String, Content)>,
        parts: Parts<'_>,
        output: &Path,
        is_wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<Piece>, DataError> {
        let one = |(rows, content): (String, Content)| async move {
            if !is_wanted(&rows) {
                return Ok((Piece { rows, is_observed: false }, None));
            }
            let member = match content {
                Content::Observed => parts.find(&rows).ok_or_else(|| DataError::internal("a day of ticks is gone"))?,
                Content::Rows(id, members) => self.observe_piece(scored, &id, members, parts).await?,
            };
            Ok::<_, DataError>((Piece { rows, is_observed: true }, Some(member)))
        };
        let all: Vec<_> = stream::iter(pieces).map(one).buffered(self.threads()).try_collect().await?;
        let (pieces, members): (Vec<Piece>, Vec<Option<Member>>) = all.into_iter().unzip();
        let manifest = Manifest { files: members.into_iter().flatten().collect(), beside: Vec::new() };
        manifest.write(output, Some(parts.root))?;
        Ok(pieces)
    }

    async fn observe_piece(
        &self,
        scored: &Scored,
        content: &str,
        members: Vec<Member>,
        parts: Parts<'_>,
    ) -> Result<Member, DataError> {
        let id = parts.id([content]);
        if let Some(member) = parts.find(&id) {
            return Ok(member);
        }
        let table = provider_as_source(Arc::new(StoredTable::of(members)?));
        let plan = scored.plan(table, Period::default())?;
        let rows = self.execute(&self.ordered_session(), plan, scored.time.as_deref()).await?.rows;
        store(rows, &scored.schema(), &parts.table(&id), &|_| {}).await?;
        parts.find(&id).ok_or_else(|| DataError::internal("a part of what is scored is gone"))
    }

    /// The names of parts with all ticks, one for each day that has some. A part is named by its content, which says what it
    /// depends on.
    async fn ticks_of_days(
        &self,
        scored: &Scored,
        source: Vec<Member>,
        beside: &[(&Path, &str)],
        parts: Parts<'_>,
        progress: Progress<'_>,
    ) -> Result<Vec<String>, DataError> {
        let table = StoredTable::of(source)?;
        let own = match &scored.time {
            Some(time) => table.span(time)?,
            None => None,
        };
        let mut last = own.map(|(_, last)| last);
        for (path, time) in beside {
            last = last.max(StoredTable::open(path)?.span(time)?.map(|(_, last)| last));
        }
        let plan = scored.plan(provider_as_source(Arc::new(table)), Period { first: scored.first, last })?;
        let Execution { mut rows, .. } = self.execute(&self.ordered_session(), plan, scored.time.as_deref()).await?;
        let schema = scored.schema();
        let mut days = Days { parts, schema: Arc::clone(&schema), current: None, done: Vec::new() };
        let mut done = 0;
        while let Some(batch) = rows.next().await {
            let batch = RecordBatch::try_new(Arc::clone(&schema), batch?.columns().to_vec())?;
            done += batch.num_rows() as u64;
            days.write(&batch).await?;
            progress(done);
        }
        days.finish().await
    }
}

/// What there is of a part.
enum Content {
    /// Rows of the source, in these files, and what their content depends on.
    Rows(String, Vec<Member>),
    /// Nothing but what was observed of them, which is there.
    Observed,
}

/// Files with the same rows are different pieces all the same: those that repeat earlier ones are numbered.
fn told_apart(mut pieces: Vec<(String, Content)>) -> Vec<(String, Content)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (id, _) in &mut pieces {
        let count = seen.entry(id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            *id = format!("{id}-{count}");
        }
    }
    pieces
}

/// The days of ticks as they were made before of the same data, if those that are wanted are still there.
fn known_days(parts: Parts<'_>, id: &str, is_wanted: &(dyn Fn(&str) -> bool + Sync)) -> Option<Vec<String>> {
    let (made_of, days): (String, Vec<String>) = parts.told(TICKS)?;
    let is_there = |day: &String| !is_wanted(day) || parts.find(day).is_some();
    (made_of == id && days.iter().all(is_there)).then_some(days)
}

fn id_of(member: &Member) -> String {
    member.id.clone().unwrap_or_default()
}

/// Rows in the order of their instants, written into a file a day.
struct Days<'a> {
    parts: Parts<'a>,
    schema: SchemaRef,
    /// The day that is being written.
    current: Option<(i64, Sink)>,
    /// The parts that are written.
    done: Vec<String>,
}

impl Days<'_> {
    async fn write(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        let instants = batch.column(0).as_primitive::<TimestampMicrosecondType>().clone();
        let day = |row: usize| instants.value(row).div_euclid(DAY);
        let mut start = 0;
        while start < batch.num_rows() {
            let today = day(start);
            let end = (start..batch.num_rows()).find(|row| day(*row) != today).unwrap_or(batch.num_rows());
            if self.current.as_ref().is_some_and(|(current, _)| *current != today) {
                self.close().await?;
            }
            let (_, sink) = match &mut self.current {
                Some(current) => current,
                None => self.current.insert((today, Sink::create(&self.parts.table("day"), &self.schema)?)),
            };
            sink.write(batch.slice(start, end - start)).await?;
            start = end;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), DataError> {
        let Some((_, sink)) = self.current.take() else { return Ok(()) };
        let path = self.parts.table("day");
        sink.finish().await?.publish()?;
        let id = content(&path)?;
        let target = self.parts.table(&id);
        fs::rename(&path, &target).map_err(|error| DataError::store("write the table", &target, &error))?;
        self.done.push(id);
        Ok(())
    }

    async fn finish(mut self) -> Result<Vec<String>, DataError> {
        self.close().await?;
        Ok(self.done)
    }
}

/// The fingerprint of a file.
fn content(path: &Path) -> Result<String, DataError> {
    let bytes = fs::read(path).map_err(|error| DataError::store("read the stored table", path, &error))?;
    Ok(Fingerprint::of(&bytes).as_str().to_owned())
}
