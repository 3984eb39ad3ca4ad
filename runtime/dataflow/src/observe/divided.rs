//! Examples in parts: which there are, what each of them depends on, and which are there already.
//!
//! Observations at rows have a part for each part of the source, those at ticks one for each span of time. What an example
//! reads besides its own row is bounded by its instant: a lookup sees what was there by then, a look ahead what follows for
//! so long. A part therefore depends on those parts of other tables that may hold such rows, as the footers of files
//! tell, and on nothing that comes later.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::datasource::provider_as_source;
use futures::{StreamExt, TryStreamExt, stream};
use mlsys_plan::{ExprKind, LookAhead, Observe, Operation, Ticks};

use super::ahead::{self, Ahead, Following};
use super::{ObserveReport, Period, period_of};
use crate::error::DataError;
use crate::join::Reach;
use crate::lookup::{Looked, Table, Tables, met, until};
use crate::parts::{Parts, PartsReport};
use crate::session::Dataflow;
use crate::source::Progress;
use crate::table::{Manifest, Member, Span, StoredTable, span_of};

/// The shortest span of time that is a part of ticks, in microseconds: a day.
const SHORTEST: i64 = 86_400_000_000;

/// The most spans of time that are looked at one by one.
const MOST_SPANS: i64 = 100_000;

/// What of other tables may be seen between two instants.
struct Seen {
    /// The names of what is read, on which the part depends besides its own rows.
    read: Vec<String>,
    tables: Tables,
    ahead: Vec<AheadRows>,
}

/// A source that labels look ahead into.
struct AheadRows {
    name: String,
    members: Vec<Member>,
    /// The first and the last instant of the observations.
    span: Option<(i64, i64)>,
}

/// A part that is wanted.
struct Wanted {
    /// What of the source it reads.
    members: Vec<Member>,
    period: Period,
    seen: Seen,
    /// Its fingerprint if all of its labels are known, and the one that it has as long as some are not.
    ids: [String; 2],
}

/// The tables that labels look ahead into, with their files.
struct Tail<'a> {
    ahead: &'a [Ahead<'a>],
    members: Vec<Vec<Member>>,
    /// How far the one reaches that ends first: until then labels are known.
    end: Option<i64>,
}

impl<'a> Tail<'a> {
    fn of(ahead: &'a [Ahead<'a>], following: &[Following<'_>]) -> Result<Self, DataError> {
        let members = ahead.iter().map(|one| Ok(Manifest::of(one.table)?.files));
        let end = following.iter().map(|one| one.end).min().flatten();
        Ok(Tail { ahead, members: members.collect::<Result<_, DataError>>()?, end })
    }
}

impl Dataflow {
    /// Makes the examples of those parts that have none yet, several at a time; none if examples cannot be divided.
    pub(super) async fn observe_divided(
        &self,
        observe: &Observe,
        source: Vec<Member>,
        ahead: &[Ahead<'_>],
        table: &Path,
        parts: Parts<'_>,
        progress: Progress<'_>,
    ) -> Result<Option<ObserveReport>, DataError> {
        let following = ahead.iter().map(|one| self.following(one)).collect::<Result<Vec<_>, DataError>>()?;
        let tail = Tail::of(ahead, &following)?;
        let looked_up = self.tables().values().flat_map(Table::files);
        if source.iter().chain(tail.members.iter().flatten()).chain(looked_up).any(|member| member.id.is_none()) {
            return Ok(None);
        }
        let divider = Divider { observe, tables: self.tables(), tail: &tail, parts };
        let wanted = match &observe.every {
            None => divider.by_rows(source)?,
            Some(every) => match divider.by_time(every, source, &following)? {
                Some(wanted) => wanted,
                None => return Ok(None),
            },
        };
        parts.look_ahead(wanted.iter().map(|one| one.ids.to_vec()).collect()).await?;
        let (done, made) = (AtomicU64::new(0), AtomicU64::new(0));
        let one = |wanted: Wanted| {
            let (done, made, tail) = (&done, &made, &tail);
            async move {
                let rows: u64 = wanted.members.iter().map(|member| member.rows).sum();
                let found = match known(&wanted, parts, tail.end) {
                    Some(known) => known,
                    None => {
                        made.fetch_add(1, Ordering::Relaxed);
                        self.make(observe, wanted, tail, parts).await?
                    }
                };
                progress(done.fetch_add(rows, Ordering::Relaxed) + rows);
                Ok::<_, DataError>(found)
            }
        };
        let all: Vec<_> = stream::iter(wanted).map(one).buffered(self.threads()).try_collect().await?;
        let (mut report, mut manifest) = (ObserveReport::default(), Manifest::default());
        for (member, told) in all {
            report.add(told);
            manifest.files.push(member);
        }
        report.parts = Some(PartsReport { total: manifest.files.len() as u64, made: made.into_inner() });
        manifest.write(table, Some(parts.root))?;
        Ok(Some(report))
    }

    /// Makes a part, and keeps it under the name that it now has.
    async fn make(
        &self,
        observe: &Observe,
        wanted: Wanted,
        tail: &Tail<'_>,
        parts: Parts<'_>,
    ) -> Result<(Member, ObserveReport), DataError> {
        let Wanted { members, period, seen, ids: [settled, open] } = wanted;
        let following = seen.ahead.iter().map(|rows| rows.following(tail)).collect::<Result<Vec<_>, DataError>>()?;
        let alone = self.clone().with_tables(seen.tables);
        let path = parts.table(&open);
        let report = alone.observe_rows(observe, members, Some(period), following, &path, &|_| {}).await?;
        let is_settled = report.known_until.is_none_or(|known| tail.end.is_some_and(|end| known <= end));
        let id = if observe.label.iter().all(|label| label.looks.is_empty()) || is_settled { settled } else { open };
        let target = parts.table(&id);
        if target != path {
            std::fs::rename(&path, &target).map_err(|error| DataError::store("write the table", &target, &error))?;
        }
        parts.tell(&id, &report)?;
        let member = parts.find(&id).ok_or_else(|| DataError::internal("a part of examples is gone"))?;
        Ok((member, report))
    }
}

/// A part that is there. One whose labels were all known stands for as long as the data reach as far as they did.
fn known(wanted: &Wanted, parts: Parts<'_>, end: Option<i64>) -> Option<(Member, ObserveReport)> {
    let find = |id: &String| Some((parts.find(id)?, parts.told::<ObserveReport>(id)?));
    let [settled, open] = &wanted.ids;
    let holds = |(_, report): &(Member, ObserveReport)| match (report.known_until, end) {
        (Some(known), Some(end)) => known <= end,
        (None, _) => true,
        (Some(_), None) => false,
    };
    let needs_end = !wanted.seen.ahead.is_empty();
    find(settled).filter(|found| !needs_end || holds(found)).or_else(|| find(open))
}

impl AheadRows {
    fn following<'a>(&self, tail: &Tail<'a>) -> Result<Following<'a>, DataError> {
        let one = tail.ahead.iter().find(|one| one.source.name == self.name);
        let one = one.ok_or_else(|| DataError::internal(format!("`{}` is looked ahead into", self.name)))?;
        let rows = provider_as_source(Arc::new(StoredTable::of(self.members.clone())?));
        Ok(Following { source: one.source, rows, end: tail.end, span: self.span })
    }
}

/// Divides examples.
struct Divider<'a> {
    observe: &'a Observe,
    tables: &'a Tables,
    tail: &'a Tail<'a>,
    parts: Parts<'a>,
}

impl Divider<'_> {
    /// A part for each part of the source.
    fn by_rows(&self, source: Vec<Member>) -> Result<Vec<Wanted>, DataError> {
        let one = |member: Member| {
            let (own, at) = (self.own(&member)?, self.at(&member)?);
            let seen = self.seen(own.and(at), at)?;
            let ids = self.ids([member.id.clone().unwrap_or_default()], &seen);
            // Only ticks need to know when they begin and end.
            Ok(Wanted { members: vec![member], period: Period::default(), seen, ids })
        };
        source.into_iter().map(one).collect()
    }

    /// A part for each span of time in which there are ticks; none if nobody knows when they begin or end.
    fn by_time(
        &self,
        every: &Ticks,
        source: Vec<Member>,
        following: &[Following<'_>],
    ) -> Result<Option<Vec<Wanted>>, DataError> {
        let spans = source.iter().map(|member| self.own(member)).collect::<Result<Vec<Span>, DataError>>()?;
        let own = spans.iter().copied().fold(Span::Empty, Span::and).bounds();
        let whole = period_of(self.observe, own, following)?;
        let first = whole.first.max(own.map(|(first, _)| first)).or(whole.first);
        let (Some(first), Some(last)) = (first, whole.last) else { return Ok(None) };
        let length = every.interval.max(1).saturating_mul(SHORTEST.div_euclid(every.interval.max(1)).max(1));
        let (from, until) = (first.div_euclid(length), last.div_euclid(length));
        if until < from || until - from > MOST_SPANS {
            return Ok(None);
        }
        let one = |number: i64| {
            let (begin, end) = (number.saturating_mul(length), (number + 1).saturating_mul(length) - 1);
            let period = Period { first: Some(begin.max(whole.first.unwrap_or(begin))), last: Some(end.min(last)) };
            // A tick sees rows before it: files that begin later hold none. Rows without a time are there at every tick.
            let is_seen = |span: &Span| self.observe.time.is_none() || span.may_meet(None, end);
            let members = source.iter().zip(&spans).filter(|(_, span)| is_seen(span)).map(|(member, _)| member.clone());
            let mut members: Vec<Member> = members.collect();
            if members.is_empty() {
                members.extend(source.first().cloned());
            }
            let at = Span::Bounds(begin, end.min(last));
            // The row that is observed may be as old as the table.
            let seen = self.seen(Span::Bounds(i64::MIN, end.min(last)), at)?;
            let read = members.iter().map(|member| member.id.clone().unwrap_or_default());
            // A span that is not over yet is another part than the one that it becomes.
            let bounds = [period.first, period.last].map(|bound| format!("{bound:?}"));
            let ids = self.ids(read.chain(bounds), &seen);
            Ok(Wanted { members, period, seen, ids })
        };
        (from..=until).map(one).collect::<Result<_, DataError>>().map(Some)
    }

    /// The instants of rows by their own time; none where they have none.
    fn own(&self, member: &Member) -> Result<Span, DataError> {
        match &self.observe.time {
            Some(time) => span_of(&member.path, time),
            None => Ok(Span::Empty),
        }
    }

    /// The instants of observations at rows.
    fn at(&self, member: &Member) -> Result<Span, DataError> {
        match &self.observe.at.kind {
            ExprKind::Column { name } => span_of(&member.path, name),
            _ => Ok(Span::Unknown),
        }
    }

    /// What is seen by rows that look up between some instants, and whose labels look ahead between others.
    fn seen(&self, own: Span, at: Span) -> Result<Seen, DataError> {
        let names = Operation::Observe(self.observe.clone());
        let mut asked: Vec<(String, Span)> = names.lookups().into_iter().map(|name| (name.to_owned(), own)).collect();
        let (mut read, mut ahead) = (Vec::new(), Vec::new());
        for (one, members) in self.tail.ahead.iter().zip(&self.tail.members) {
            let looks = self.observe.label.iter().flat_map(|label| &label.looks);
            let looks: Vec<&LookAhead> = looks.filter(|look| look.source == one.source.name).collect();
            let aggregates: Vec<_> = looks.iter().map(|look| ahead::aggregate(look)).collect();
            let reach = Reach::of(&aggregates.iter().collect::<Vec<_>>());
            let time = one.source.time.as_deref().unwrap_or_default();
            let met = met(members, |member| span_of(&member.path, time), reach, at)?;
            let members: Vec<Member> = met.into_iter().map(|place| members[place].clone()).collect();
            read.push(one.source.name.clone());
            read.extend(members.iter().filter_map(|member| member.id.clone()));
            asked.extend(looked_up_by(&looks).into_iter().map(|name| (name, until(reach, at))));
            ahead.push(AheadRows { name: one.source.name.clone(), members, span: at.bounds() });
        }
        let Looked { read: looked, tables } = Looked::of(self.tables, asked)?;
        read.extend(looked);
        Ok(Seen { read, tables, ahead })
    }

    fn ids(&self, own: impl IntoIterator<Item = String>, seen: &Seen) -> [String; 2] {
        let own: Vec<String> = own.into_iter().chain(seen.read.iter().cloned()).collect();
        let inputs = || own.iter().map(String::as_str);
        let end = format!("known until {:?}", self.tail.end);
        [self.parts.id(inputs()), self.parts.id(inputs().chain([end.as_str()]))]
    }
}

/// The tables that look-aheads look up.
fn looked_up_by(looks: &[&LookAhead]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for expr in looks.iter().flat_map(|look| look.argument.iter().chain(&look.filter)) {
        expr.visit(&mut |each| {
            if let ExprKind::Lookup { table, .. } = &each.kind {
                names.insert(table.clone());
            }
        });
    }
    names
}
