//! The rows of one source on their way to entities: held against its declaration, its watermark, and the versions of rows
//! that were there before.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray, UInt64Array, new_null_array};
use arrow::compute;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use mlsys_connectors::{Partition, Positions};
use mlsys_dataflow::{Dataflow, LiveSource, Taken};
use mlsys_online::{Added, Keys, Layout, Replaced, Rows, Space, Store};
use mlsys_plan::{Field, Source};

use crate::content::Content;
use crate::error::LiveError;
use crate::ledger::{Ledger, partition_key};
use crate::live::Live;
use crate::member::{Made, Member};
use crate::status::SourceStatus;
use crate::version::{Place, Version};
use crate::watermark::Watermark;

/// Rows that came.
pub struct Arrived {
    /// With the columns of [`Intake::fields`].
    pub rows: RecordBatch,
    /// Of which partition each of them is.
    pub partitions: Vec<Partition>,
}

/// What has become of rows that came.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Rows that are to be kept aside, by their numbers, ascending, each with the reason.
    pub set_aside: Vec<(usize, String)>,
}

/// Who wants the rows that counted, before their positions are committed.
#[async_trait]
pub trait Counted: Send {
    /// Rows with the source's columns, and what was set aside. Only when it answers, the stream counts as read so far.
    ///
    /// # Errors
    /// What was set aside cannot be kept, or the rows cannot be passed on.
    async fn counted(&mut self, rows: &RecordBatch, outcome: &Outcome) -> Result<(), LiveError>;
}

/// Takes the rows of one source.
pub struct Intake {
    name: String,
    source: LiveSource,
    members: Vec<Arc<Member>>,
    key: Option<Identity>,
    watermark: Watermark,
    /// How far ahead of the clock a row's time may lie, in microseconds.
    skew: i64,
    lateness: i64,
    /// Rows before this instant are in the history, where rows have no key; in microseconds since 1970.
    handed_over: Option<i64>,
    status: Arc<SourceStatus>,
}

/// What identifies rows of a source.
struct Identity {
    columns: Vec<usize>,
    types: Vec<DataType>,
    content: Content,
    /// What keys in the store begin with.
    prefix: Vec<u8>,
}

/// What was there of a row before.
enum Before {
    Nothing,
    Stored(Version),
    /// Another one of the same rows, by its number among those that count.
    Earlier(usize),
}

/// Rows that count.
#[derive(Default)]
struct Chosen {
    /// Their numbers.
    numbers: Vec<usize>,
    /// Their keys, in the store's form; empty without one.
    keys: Vec<Vec<u8>>,
    before: Vec<Before>,
    known: Vec<i64>,
    content: Vec<u64>,
}

impl Intake {
    pub(crate) fn new(
        dataflow: &Dataflow,
        source: &Source,
        members: Vec<Arc<Member>>,
        prefix: Vec<u8>,
        (skew, idle): (Duration, Duration),
        status: Arc<SourceStatus>,
    ) -> Result<Self, LiveError> {
        let live = dataflow.live_source(source)?;
        let key = if source.key.is_empty() { None } else { Some(Identity::of(source, &live, prefix)?) };
        Ok(Intake {
            name: source.name.clone(),
            source: live,
            members,
            key,
            watermark: Watermark::new(source.lateness, idle),
            skew: i64::try_from(skew.as_micros()).unwrap_or(i64::MAX),
            lateness: source.lateness.unwrap_or(0),
            handed_over: None,
            status,
        })
    }

    /// What a message carries.
    pub fn fields(&self) -> &[Field] {
        self.source.fields()
    }

    /// The source's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The watermark; see [`SourceStatus::watermark`].
    pub(crate) fn watermark(&mut self) -> &mut Watermark {
        &mut self.watermark
    }

    /// Rows without a key that are before this are in the history.
    pub(crate) fn hand_over(&mut self, at: i64) {
        self.handed_over = Some(at);
    }

    /// The source's columns.
    pub(crate) fn schema(&self) -> &arrow::datatypes::SchemaRef {
        self.source.schema()
    }

    /// Takes rows of a stream, in the order in which they came, and says where its partitions go on. `now` is the clock's
    /// time in microseconds since 1970.
    ///
    /// # Errors
    /// An expression fails on a value, or the store does not answer: then nothing of the rows is committed.
    pub async fn take(
        &mut self,
        live: &Live,
        arrived: &Arrived,
        next: &Positions,
        now: i64,
        counted: &mut dyn Counted,
    ) -> Result<(), LiveError> {
        let taken = self.source.take(&arrived.rows)?;
        let status = Arc::clone(&self.status);
        status.add(&status.dropped, usize::try_from(taken.dropped).unwrap_or(usize::MAX));
        status.add(&status.warned, usize::try_from(taken.warned).unwrap_or(usize::MAX));
        status.add(&status.set_aside, taken.set_aside.len());
        if taken.set_aside.iter().any(|one| one.is_failure) {
            status.violate();
        }
        let mut outcome = Outcome::default();
        outcome.set_aside.extend(taken.set_aside.iter().map(|one| (one.row, format!("does not satisfy `{}`", one.reason))));
        let mut ledger = live.ledger().lock().await;
        let chosen = self.choose(&ledger, live.store(), &taken, arrived, now, &mut outcome).await?;
        let rows = chosen_rows(&taken.rows, &chosen.numbers)?;
        self.add(live, &mut ledger, &rows, chosen).await?;
        outcome.set_aside.sort_by_key(|(row, _)| *row);
        counted.counted(&rows, &outcome).await?;
        ledger.go_on(&self.name, next);
        for (partition, _) in next.iter() {
            let latest = self.watermark.latest(partition);
            let key = partition_key(&self.name, partition);
            ledger.set(Space::Watermarks, key, latest.map(|latest| latest.to_be_bytes().to_vec()));
        }
        drop(ledger);
        self.status.set_watermark(self.watermark.now());
        Ok(())
    }

    /// Takes rows of the history, which are derived and checked already.
    ///
    /// # Errors
    /// As [`Intake::take`].
    pub(crate) async fn seed(&mut self, live: &Live, rows: RecordBatch) -> Result<(), LiveError> {
        let taken = self.source.already(rows)?;
        let mut ledger = live.ledger().lock().await;
        let mut chosen = Chosen::default();
        let mut choice = Choice::of(self, &ledger, live.store(), &taken).await?;
        for row in 0..taken.rows.num_rows() {
            let is_streamed = self.handed_over.is_some_and(|at| self.key.is_none() && taken.times[row] >= at);
            if !is_streamed && choice.decide(row, &taken, &chosen).is_none() {
                choice.count(row, &taken, &mut chosen);
            }
        }
        let rows = chosen_rows(&taken.rows, &chosen.numbers)?;
        self.add(live, &mut ledger, &rows, chosen).await
    }

    /// The rows that count.
    async fn choose(
        &mut self,
        ledger: &Ledger,
        store: &dyn Store,
        taken: &Taken,
        arrived: &Arrived,
        now: i64,
        outcome: &mut Outcome,
    ) -> Result<Chosen, LiveError> {
        let status = Arc::clone(&self.status);
        let mut chosen = Chosen::default();
        let mut choice = Choice::of(self, ledger, store, taken).await?;
        for row in 0..taken.rows.num_rows() {
            let (number, time) = (taken.numbers[row], taken.times[row]);
            if time > now.saturating_add(self.skew) {
                outcome.set_aside.push((number, format!("its time lies {} ahead of the clock", seconds(time - now))));
                status.add(&status.future, 1);
                continue;
            }
            if self.key.is_none() && self.handed_over.is_some_and(|at| time < at) {
                status.add(&status.covered, 1);
                continue;
            }
            match choice.decide(row, taken, &chosen) {
                Some(Known::Already) => status.add(&status.duplicates, 1),
                Some(Known::Later) => status.add(&status.outdated, 1),
                None if self.watermark.is_late(taken.known[row]) => {
                    let behind = self.watermark.now().unwrap_or_default() - taken.known[row];
                    let reason = format!("came {} later than the declared lateness allows", seconds(behind));
                    outcome.set_aside.push((number, reason));
                    status.add(&status.late, 1);
                    continue;
                }
                None => choice.count(row, taken, &mut chosen),
            }
            self.watermark.see(arrived.partitions[number], time);
        }
        let replaced = chosen.before.iter().filter(|before| !matches!(before, Before::Nothing)).count();
        status.add(&status.rows, chosen.numbers.len());
        status.add(&status.replaced, replaced);
        Ok(chosen)
    }

    /// Puts rows among those of entities, takes out what they replace, and remembers them.
    async fn add(
        &self,
        live: &Live,
        ledger: &mut Ledger,
        rows: &RecordBatch,
        chosen: Chosen,
    ) -> Result<(), LiveError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        ledger.touch();
        let mut places: Vec<Vec<Option<Place>>> = vec![Vec::with_capacity(self.members.len()); rows.num_rows()];
        for (index, member) in self.members.iter().enumerate() {
            let group = &live.groups().groups()[member.number];
            let made = member.rows(group.layout(), rows)?;
            let mut next = 0;
            for (row, places) in places.iter_mut().enumerate() {
                let is_there = made.numbers.get(next) == Some(&row);
                places.push(if is_there && self.key.is_some() { made.place(next) } else { None });
                next += usize::from(is_there);
            }
            let outcomes = match self.leaving(group.layout(), rows, &chosen, &places, (index, &made))? {
                Some(gone) => {
                    let replaced = Replaced { keys: &gone.keys, rows: &gone.rows, by: &gone.by };
                    live.groups().add(member.number, &made.keys, &made.rows, Some(replaced)).await?
                }
                None => live.groups().add(member.number, &made.keys, &made.rows, None).await?,
            };
            let gone = outcomes.iter().filter(|added| **added == Added::TooLate).count();
            self.status.add(&self.status.gone, gone);
        }
        let Chosen { keys, known, content, .. } = chosen;
        for (row, (key, places)) in keys.into_iter().zip(places).enumerate().filter(|(_, (key, _))| !key.is_empty()) {
            let until = self.until(live, known[row], &places);
            ledger.remember(key, Version { known: known[row], content: content[row], places }, until);
        }
        Ok(())
    }

    /// The rows that leave a group because others take their place; none if none do.
    fn leaving(
        &self,
        layout: &Layout,
        rows: &RecordBatch,
        chosen: &Chosen,
        places: &[Vec<Option<Place>>],
        (index, made): (usize, &Made),
    ) -> Result<Option<Leaving>, LiveError> {
        let Some(identity) = &self.key else { return Ok(None) };
        let (mut entities, mut instants, mut by, mut of) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (row, before) in chosen.before.iter().enumerate() {
            let old = match before {
                Before::Nothing => None,
                Before::Stored(version) => version.places.get(index).cloned().flatten(),
                Before::Earlier(row) => places[*row][index].clone(),
            };
            // A row in the same place is replaced where it lies.
            let Some(old) = old.filter(|old| places[row][index].as_ref() != Some(old)) else { continue };
            instants.push(old.instant);
            entities.push(old.entity);
            by.push(made.numbers.partition_point(|number| *number < row));
            of.push(row as u64);
        }
        if entities.is_empty() {
            return Ok(None);
        }
        let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC"));
        let none = |ty: &DataType| new_null_array(ty, of.len());
        let arguments: Vec<ArrayRef> = layout.arguments().iter().map(none).collect();
        let indices = UInt64Array::from(of.clone());
        let order = identity.columns.iter().map(|column| compute::take(rows.column(*column), &indices, None));
        let order = order.collect::<Result<Vec<_>, _>>()?;
        let rows = Rows::new(layout, &instants, &arguments, &order)?;
        Ok(Some(Leaving { keys: entities.into_iter().collect(), rows, by }))
    }

    /// Until when a row has to be recognised: as long as some window can see it.
    fn until(&self, live: &Live, known: i64, places: &[Option<Place>]) -> i64 {
        let mut until = known;
        for (member, place) in self.members.iter().zip(places) {
            let Some(place) = place else { continue };
            let Some(reach) = live.groups().groups()[member.number].layout().reach() else { return i64::MAX };
            until = until.max(place.instant.saturating_add(reach));
        }
        until.saturating_add(self.lateness).saturating_add(self.skew)
    }
}

/// Rows that leave a group.
struct Leaving {
    keys: Keys,
    rows: Rows,
    by: Vec<usize>,
}

/// What is known of a row that does not count.
enum Known {
    /// It is there already.
    Already,
    /// A version that became known later is there.
    Later,
}

/// Decides which rows count.
struct Choice {
    keys: Vec<Vec<u8>>,
    content: Vec<u64>,
    stored: Vec<Option<Version>>,
    /// For the key of a row that counts, its number among those.
    latest: HashMap<Vec<u8>, usize>,
}

impl Choice {
    async fn of(intake: &Intake, ledger: &Ledger, store: &dyn Store, taken: &Taken) -> Result<Self, LiveError> {
        let none = || Choice { keys: Vec::new(), content: Vec::new(), stored: Vec::new(), latest: HashMap::new() };
        let Some(identity) = &intake.key else { return Ok(none()) };
        let columns: Vec<ArrayRef> = identity.columns.iter().map(|column| Arc::clone(taken.rows.column(*column))).collect();
        let encoded = Keys::new(&identity.types, &columns)?;
        let key = |row: usize| encoded.get(row).map_or_else(Vec::new, |key| [identity.prefix.as_slice(), key].concat());
        let keys: Vec<Vec<u8>> = (0..taken.rows.num_rows()).map(key).collect();
        let stored = ledger.known(store, &keys).await?;
        Ok(Choice { content: identity.content.hashes(&taken.rows)?, keys, stored, latest: HashMap::new() })
    }

    /// What is known of a row, if it does not count.
    fn decide(&self, row: usize, taken: &Taken, chosen: &Chosen) -> Option<Known> {
        let key = self.keys.get(row)?;
        let (known, content) = match self.latest.get(key) {
            Some(earlier) => (chosen.known[*earlier], chosen.content[*earlier]),
            None => {
                let version = self.stored[row].as_ref()?;
                (version.known, version.content)
            }
        };
        if content == self.content[row] {
            Some(Known::Already)
        } else if known > taken.known[row] {
            Some(Known::Later)
        } else {
            None
        }
    }

    /// Lets a row count.
    fn count(&mut self, row: usize, taken: &Taken, chosen: &mut Chosen) {
        let key = self.keys.get(row).cloned().unwrap_or_default();
        let before = if key.is_empty() {
            Before::Nothing
        } else {
            match self.latest.insert(key.clone(), chosen.numbers.len()) {
                Some(earlier) => Before::Earlier(earlier),
                None => self.stored[row].take().map_or(Before::Nothing, Before::Stored),
            }
        };
        chosen.numbers.push(row);
        chosen.keys.push(key);
        chosen.before.push(before);
        chosen.known.push(taken.known[row]);
        chosen.content.push(self.content.get(row).copied().unwrap_or_default());
    }
}

impl Identity {
    fn of(source: &Source, live: &LiveSource, prefix: Vec<u8>) -> Result<Self, LiveError> {
        let schema = live.schema();
        let columns = source.key.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<usize>, _>>()?;
        let types = columns.iter().map(|column| schema.field(*column).data_type().clone()).collect();
        Ok(Identity { columns, types, content: Content::of(schema, source.schema.len())?, prefix })
    }
}

/// Some of the rows.
fn chosen_rows(rows: &RecordBatch, numbers: &[usize]) -> Result<RecordBatch, LiveError> {
    if numbers.len() == rows.num_rows() {
        return Ok(rows.clone());
    }
    let indices = UInt64Array::from_iter_values(numbers.iter().map(|number| *number as u64));
    Ok(compute::take_record_batch(rows, &indices)?)
}

/// A length of time for people.
fn seconds(micros: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
    let seconds = micros as f64 / 1e6;
    format!("{seconds:.1} s")
}
