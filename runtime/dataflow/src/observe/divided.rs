//! Examples in parts: which there are, and what each of them depends on.
//!
//! Observations at rows have a part for each part of the source, those at ticks one for each span of time. What an example
//! reads besides its own row is bounded by its instant: a lookup sees what was there by then, a look ahead what follows for
//! so long. A part therefore depends on those parts of other tables that may hold such rows, as the footers of files
//! tell, and on nothing that comes later.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use mlsys_plan::{
    BinaryOp, Expr, ExprKind, Fingerprint, Literal, LookAhead, Observe, Operation, Source, Split, Ticks, TimeSplit,
    fingerprint,
};

use super::ahead::{self, Ahead, Following};
use super::period_of;
use super::ticks::blocks;
use crate::error::DataError;
use crate::join::Reach;
use crate::lookup::{Looked, Table, Tables, met, until};
use crate::parts::Parts;
use crate::table::{Manifest, Member, Span, StoredTable, span_of};

/// A part of the examples.
#[derive(Debug)]
pub(super) struct Part {
    /// A fingerprint of all that it depends on.
    pub(super) id: String,
    /// A fingerprint of what joins read of it, if other tables have no say in that.
    pub(super) asks: Option<String>,
    /// The parts of the source that it reads, by number.
    pub(super) rows: Vec<usize>,
    /// The first and the last tick, where there are ticks.
    pub(super) ticks: Option<(i64, i64)>,
    pub(super) moments: Moments,
}

/// For when a part asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// The times of rows that look up.
    own: Span,
    /// The instants of observations.
    at: Span,
    /// Whether some label is known, or rows that follow count for more than it.
    looks_ahead: bool,
}

impl Moments {
    /// Both.
    pub(super) fn and(self, other: Moments) -> Moments {
        Moments {
            own: self.own.and(other.own),
            at: self.at.and(other.at),
            looks_ahead: self.looks_ahead || other.looks_ahead,
        }
    }
}

/// What of other tables may be seen.
pub(super) struct Seen<'a> {
    looked: Looked<'a>,
    ahead: Vec<AheadRows<'a>>,
}

/// What of a source that labels look ahead into may be seen.
struct AheadRows<'a> {
    source: &'a Source,
    members: Vec<Member>,
    /// The first and the last instant of the observations.
    span: Option<(i64, i64)>,
}

/// The tables that labels look ahead into.
struct Tail<'a> {
    tables: Vec<TailTable<'a>>,
    /// How far the one reaches that ends first: until then labels are known.
    end: Option<i64>,
    /// Whether rows that follow count for nothing but the label, which is missing until it is known.
    only_labels: bool,
}

/// A table that labels look ahead into.
struct TailTable<'a> {
    source: &'a Source,
    members: Vec<Member>,
    /// The instants of each file's rows.
    spans: Vec<Span>,
    reach: Reach,
    /// The tables that its rows look up.
    lookups: BTreeSet<&'a str>,
}

/// Which labels are known that look ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ripeness {
    /// All of them.
    Ripe,
    /// None.
    Unripe,
    /// Those before this end.
    Until(Option<i64>),
}

/// Divides examples.
pub(super) struct Divider<'a> {
    pub(super) observe: &'a Observe,
    pub(super) source: Vec<Member>,
    pub(super) parts: Parts<'a>,
    tables: &'a Tables,
    tail: Tail<'a>,
    /// The tables that observed rows look up.
    lookups: BTreeSet<String>,
    /// What decides which rows are examples, and for whom and when they ask; none where other tables have a say.
    asks: Option<String>,
}

impl<'a> Divider<'a> {
    /// What divides examples; none if something that they read is not kept in parts.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(super) fn of(
        observe: &'a Observe,
        source: Vec<Member>,
        ahead: &'a [Ahead<'a>],
        following: &[Following<'_>],
        (tables, parts): (&'a Tables, Parts<'a>),
    ) -> Result<Option<Self>, DataError> {
        let tail = Tail::of(observe, ahead, following)?;
        let looked_up = tables.values().flat_map(Table::files);
        let mut read = source.iter().chain(tail.tables.iter().flat_map(|table| &table.members)).chain(looked_up);
        // Files that are one part together are none by themselves.
        let ids: BTreeSet<_> = source.iter().map(|member| &member.id).collect();
        if read.any(|member| member.id.is_none()) || ids.len() < source.len() {
            return Ok(None);
        }
        let alone = without_looks(observe);
        let lookups = Expr::lookups(alone.exprs()).into_iter().map(str::to_owned).collect();
        Ok(Some(Divider { observe, source, parts, tables, tail, lookups, asks: asks(observe)? }))
    }

    /// Whether examples depend on their rows alone, but for what the definition tells.
    pub(super) fn are_rows_alone(&self) -> bool {
        let depends_on_time = |table: &Table| matches!(table, Table::AsOf(_));
        self.observe.every.is_none() && self.tail.tables.is_empty() && !self.tables.values().any(depends_on_time)
    }

    /// The parts, in the order of examples; none if nobody knows which there are.
    ///
    /// # Errors
    /// E0910 if nothing says when ticks begin or end, E0911 if a file cannot be read.
    pub(super) fn all(&self, following: &[Following<'_>]) -> Result<Option<Vec<Part>>, DataError> {
        match &self.observe.every {
            Some(every) => self.by_time(every, following),
            None => (0..self.source.len()).map(|number| self.by_rows(number)).collect::<Result<_, _>>().map(Some),
        }
    }

    /// The examples of a part of the source.
    fn by_rows(&self, number: usize) -> Result<Part, DataError> {
        let member = &self.source[number];
        let (own, at) = (self.own(member)?, self.at(member)?);
        self.part(vec![number], None, (own.and(at), at))
    }

    /// A part for each span of time in which there are ticks.
    fn by_time(&self, every: &Ticks, following: &[Following<'_>]) -> Result<Option<Vec<Part>>, DataError> {
        let spans = self.source.iter().map(|member| self.own(member)).collect::<Result<Vec<Span>, DataError>>()?;
        let own = spans.iter().copied().fold(Span::Empty, Span::and);
        let period = period_of(self.observe, own.bounds(), following)?;
        let begin = match &self.observe.time {
            Some(_) if own == Span::Unknown => return Ok(None),
            Some(_) => own.bounds().map(|(first, _)| first.saturating_add(1)),
            None => Some(period.begin()?),
        };
        let mut ticks = blocks(every.interval, begin, period)?;
        if ticks.is_empty() {
            ticks.push(NO_TICKS);
        }
        let one = |(first, last)| {
            // A tick sees rows before it: files that begin later hold none. Rows without a time are there at every tick.
            let is_seen = |number: &usize| self.observe.time.is_none() || spans[*number].may_meet(None, last);
            let rows = (0..self.source.len()).filter(is_seen).collect();
            let at = Span::Bounds(first, last);
            // The row that is observed may be as old as the table.
            self.part(rows, Some((first, last)), (Span::Bounds(i64::MIN, last), at))
        };
        ticks.into_iter().map(one).collect::<Result<_, DataError>>().map(Some)
    }

    fn part(&self, rows: Vec<usize>, ticks: Option<(i64, i64)>, (own, at): (Span, Span)) -> Result<Part, DataError> {
        let ripeness = self.ripeness(at);
        // What follows is looked at for labels, of which no one is known yet.
        let looks_ahead = ripeness != Ripeness::Unripe || !self.tail.only_labels;
        let moments = Moments { own, at, looks_ahead };
        let mut depends: Vec<String> = rows.iter().filter_map(|number| self.source[*number].id.clone()).collect();
        depends.extend(ticks.map(|(first, last)| format!("ticks from {first} to {last}")));
        let asks = self.asks.as_ref().map(|asks| {
            Fingerprint::of([asks.as_str(), &depends.join("\n")].join("\n").as_bytes()).as_str().to_owned()
        });
        if !self.tail.tables.is_empty() {
            depends.push(format!("{ripeness:?}"));
        }
        depends.extend(self.seen(moments)?.read(looks_ahead));
        Ok(Part { id: self.parts.id(depends.iter().map(String::as_str)), asks, rows, ticks, moments })
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

    /// Whether labels of observations at these instants are known.
    fn ripeness(&self, at: Span) -> Ripeness {
        let (Span::Bounds(first, last), Some(width)) = (at, known_after(self.observe)) else {
            return if at == Span::Empty { Ripeness::Ripe } else { Ripeness::Until(self.tail.end) };
        };
        match self.tail.end {
            Some(end) if last.saturating_add(width) <= end => Ripeness::Ripe,
            Some(end) if first.saturating_add(width) <= end => Ripeness::Until(Some(end)),
            _ => Ripeness::Unripe,
        }
    }

    /// What is seen of other tables.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(super) fn seen(&self, moments: Moments) -> Result<Seen<'_>, DataError> {
        let Moments { own, at, looks_ahead } = moments;
        let at = if looks_ahead { at } else { Span::Empty };
        let mut asked: Vec<(&str, Span)> = self.lookups.iter().map(|name| (name.as_str(), own)).collect();
        if looks_ahead {
            let each = self.tail.tables.iter();
            asked.extend(each.flat_map(|table| table.lookups.iter().map(|name| (*name, until(table.reach, at)))));
        }
        let ahead = self.tail.tables.iter().map(|table| table.seen(at)).collect();
        Ok(Seen { looked: Looked::of(self.tables, asked)?, ahead })
    }

    /// The rows that follow, of those that are seen.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(super) fn following<'s>(&self, seen: &'s Seen<'_>) -> Result<Vec<Following<'s>>, DataError> {
        seen.ahead.iter().map(|rows| rows.following(self.tail.end)).collect()
    }
}

impl Seen<'_> {
    /// The names of what is read, on which a part depends besides its own rows.
    fn read(&self, looks_ahead: bool) -> Vec<String> {
        let ahead = self.ahead.iter().filter(|_| looks_ahead).flat_map(|rows| {
            let ids = rows.members.iter().filter_map(|member| member.id.clone());
            std::iter::once(format!("ahead at {}", rows.source.name)).chain(ids)
        });
        ahead.chain(self.looked.read()).collect()
    }

    /// The tables that are looked up.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(super) fn tables(&self) -> Result<Tables, DataError> {
        self.looked.tables()
    }
}

/// The ticks of examples of which there are none.
const NO_TICKS: (i64, i64) = (1, 0);

impl<'a> Tail<'a> {
    fn of(observe: &'a Observe, ahead: &'a [Ahead<'a>], following: &[Following<'_>]) -> Result<Self, DataError> {
        let tables = ahead.iter().map(|one| TailTable::of(observe, one)).collect::<Result<_, DataError>>()?;
        let end = following.iter().map(|one| one.end).min().flatten();
        Ok(Tail { tables, end, only_labels: only_labels_look_ahead(observe) })
    }
}

impl<'a> TailTable<'a> {
    fn of(observe: &'a Observe, ahead: &'a Ahead<'a>) -> Result<Self, DataError> {
        let source = ahead.source;
        let looks = observe.label.iter().flat_map(|label| &label.looks);
        let looks: Vec<&LookAhead> = looks.filter(|look| look.source == source.name).collect();
        let aggregates: Vec<_> = looks.iter().map(|look| ahead::aggregate(look)).collect();
        let members = Manifest::of(ahead.table)?.files;
        let time = source.time.as_deref().unwrap_or_default();
        Ok(TailTable {
            source,
            spans: members.iter().map(|member| span_of(&member.path, time)).collect::<Result<_, DataError>>()?,
            members,
            reach: Reach::of(&aggregates.iter().collect::<Vec<_>>()),
            lookups: Expr::lookups(looks.into_iter().flat_map(LookAhead::exprs)),
        })
    }

    /// What observations between these instants see of it.
    fn seen(&self, at: Span) -> AheadRows<'a> {
        let members = met(&self.spans, self.reach, at).into_iter().map(|place| self.members[place].clone()).collect();
        AheadRows { source: self.source, members, span: at.bounds() }
    }
}

impl AheadRows<'_> {
    fn following(&self, end: Option<i64>) -> Result<Following<'_>, DataError> {
        let rows = provider_as_source(Arc::new(StoredTable::of(self.members.clone())?));
        Ok(Following { source: self.source, rows, end, span: self.span })
    }
}

/// Examples without what their label looks ahead at.
fn without_looks(observe: &Observe) -> Observe {
    let label = observe.label.clone().map(|label| mlsys_plan::Label { looks: Vec::new(), ..label });
    Observe { label, ..observe.clone() }
}

/// Whether rows that follow count for nothing but the label.
fn only_labels_look_ahead(observe: &Observe) -> bool {
    let looks = observe.label.iter().flat_map(|label| &label.looks);
    let looks: BTreeSet<&str> = looks.map(|look| look.name.as_str()).collect();
    let others = Observe { label: None, ..observe.clone() };
    let mut only = true;
    for expr in others.exprs() {
        expr.visit_columns(&mut |name| only &= !looks.contains(name));
    }
    only
}

/// How long after its observation a label is known that looks ahead; none if that cannot be told.
fn known_after(observe: &Observe) -> Option<i64> {
    let known_at = &observe.label.as_ref()?.known_at;
    let ExprKind::Binary { operator: BinaryOp::Add, left, right } = &known_at.kind else { return None };
    match &right.kind {
        ExprKind::Literal { value: Literal::Duration(width) } if **left == observe.at => Some(*width),
        _ => None,
    }
}

/// What of a definition decides which rows are examples, and for whom and when they ask; none where it looks tables up.
fn asks(observe: &Observe) -> Result<Option<String>, DataError> {
    let split = match &observe.split {
        // Which part an example is in decides nothing of it, only whether it is in one.
        Split::Time(split) => Split::Time(TimeSplit { validate: None, test: 0, ..split.clone() }),
        other => other.clone(),
    };
    let alone = Observe {
        label: None,
        group: None,
        debias: None,
        feature_filter: None,
        slices: Vec::new(),
        inputs: Vec::new(),
        split,
        ..observe.clone()
    };
    if !Expr::lookups(alone.exprs()).is_empty() {
        return Ok(None);
    }
    let found = fingerprint(&Operation::Observe(alone), &[]).map_err(|error| DataError::internal(error.to_string()))?;
    Ok(Some(found.as_str().to_owned()))
}
