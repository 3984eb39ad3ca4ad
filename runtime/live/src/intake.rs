//! The rows of one source on their way to entities: held against its declaration, its watermark, and the versions of rows
//! that were there before.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray, UInt64Array, new_null_array};
use arrow::compute;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use hashbrown::HashTable;
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
use crate::version::{self, Place, Version};
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
    prefix: [u8; 8],
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
    before: Vec<Before>,
    known: Vec<i64>,
    content: Vec<u64>,
}

/// The rows of a group, found by those that count.
struct Placed {
    made: Made,
    /// For each row that counts its number among the group's, and one more; zero for those that are not among them.
    numbers: Vec<u32>,
}

impl Intake {
    pub(crate) fn new(
        dataflow: &Dataflow,
        source: &Source,
        members: Vec<Arc<Member>>,
        prefix: [u8; 8],
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

    /// A partition is read from now on; where it is stored to go on, if it was read before.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn begin(&mut self, live: &Live, partition: Partition) -> Result<Option<u64>, LiveError> {
        let (position, latest) = live.position(&self.name, partition).await?;
        self.watermark.begin(partition, latest);
        Ok(position)
    }

    /// A partition is another reader's from now on.
    pub fn end(&mut self, partition: Partition) {
        self.watermark.end(partition);
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
        outcome
            .set_aside
            .extend(taken.set_aside.iter().map(|one| (one.row, format!("does not satisfy `{}`", one.reason))));
        let mut ledger = live.ledger().lock().await;
        let (keys, chosen) = self.choose(&ledger, live.store(), &taken, arrived, now, &mut outcome).await?;
        let rows = chosen_rows(&taken.rows, &chosen.numbers)?;
        self.add(live, &mut ledger, &rows, (&keys, &chosen)).await?;
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
        self.add(live, &mut ledger, &rows, (&choice.keys, &chosen)).await
    }

    /// The rows that count, and the keys of all.
    async fn choose(
        &mut self,
        ledger: &Ledger,
        store: &dyn Store,
        taken: &Taken,
        arrived: &Arrived,
        now: i64,
        outcome: &mut Outcome,
    ) -> Result<(Keys, Chosen), LiveError> {
        let status = Arc::clone(&self.status);
        let mut chosen = Chosen::default();
        let mut choice = Choice::of(self, ledger, store, taken).await?;
        for row in 0..taken.rows.num_rows() {
            let (number, time) = (taken.numbers[row], taken.times[row]);
            if time > now.saturating_add(self.skew) {
                outcome
                    .set_aside
                    .push((number, format!("its time lies {} ahead of the clock", seconds(time.saturating_sub(now)))));
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
                None if self.watermark.is_late(arrived.partitions[number], taken.known[row]) => {
                    let behind = self.watermark.now().unwrap_or_default().saturating_sub(taken.known[row]);
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
        Ok((choice.keys, chosen))
    }

    /// Puts rows among those of entities, takes out what they replace, and remembers them.
    async fn add(
        &self,
        live: &Live,
        ledger: &mut Ledger,
        rows: &RecordBatch,
        (keys, chosen): (&Keys, &Chosen),
    ) -> Result<(), LiveError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        ledger.touch();
        let mut placed = Vec::with_capacity(self.members.len());
        for (index, member) in self.members.iter().enumerate() {
            let group = &live.groups().groups()[member.number];
            let one = Placed::new(member.rows(group.layout(), rows)?, rows.num_rows());
            let outcomes = match self.leaving(group.layout(), rows, chosen, (index, &one))? {
                Some(gone) => {
                    let replaced = Replaced { keys: &gone.keys, rows: &gone.rows, by: &gone.by };
                    live.groups().add(member.number, &one.made.keys, &one.made.rows, Some(replaced)).await?
                }
                None => live.groups().add(member.number, &one.made.keys, &one.made.rows, None).await?,
            };
            let gone = outcomes.iter().filter(|added| **added == Added::TooLate).count();
            self.status.add(&self.status.gone, gone);
            placed.push(one);
        }
        for (row, number) in chosen.numbers.iter().enumerate() {
            let Some(key) = keys.get(*number) else { continue };
            let places = placed.iter().map(|one| one.place(row));
            let until = self.until(live, chosen.known[row], places.clone());
            ledger.remember(key, until, |out| {
                version::write(out, chosen.known[row], chosen.content[row], places.clone())
            });
        }
        Ok(())
    }

    /// The rows that leave a group because others take their place; none if none do.
    fn leaving(
        &self,
        layout: &Layout,
        rows: &RecordBatch,
        chosen: &Chosen,
        (index, placed): (usize, &Placed),
    ) -> Result<Option<Leaving>, LiveError> {
        let Some(identity) = &self.key else { return Ok(None) };
        let (mut entities, mut instants, mut by, mut of) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (row, before) in chosen.before.iter().enumerate() {
            let old = match before {
                Before::Nothing => None,
                Before::Stored(version) => version.places.get(index).and_then(Option::as_ref).map(Place::parts),
                Before::Earlier(row) => placed.place(*row),
            };
            // A row in the same place is replaced where it lies.
            let Some((entity, instant)) = old.filter(|old| placed.place(row) != Some(*old)) else { continue };
            instants.push(instant);
            entities.push(entity.to_vec());
            by.push(placed.made.numbers.partition_point(|number| *number < row));
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
    fn until<'a>(&self, live: &Live, known: i64, places: impl Iterator<Item = Option<(&'a [u8], i64)>>) -> i64 {
        let mut until = known;
        for (member, place) in self.members.iter().zip(places) {
            let Some((_, instant)) = place else { continue };
            let Some(reach) = live.groups().groups()[member.number].layout().reach() else { return i64::MAX };
            until = until.max(instant.saturating_add(reach));
        }
        until.saturating_add(self.lateness).saturating_add(self.skew)
    }
}

impl Placed {
    /// The rows of a group among so many that count.
    fn new(made: Made, rows: usize) -> Self {
        let mut numbers = vec![0; rows];
        for (number, row) in (1..).zip(&made.numbers) {
            numbers[*row] = number;
        }
        Placed { made, numbers }
    }

    /// The entity of a row and its instant there, if it is among the group's.
    fn place(&self, row: usize) -> Option<(&[u8], i64)> {
        let number = (self.numbers[row] as usize).checked_sub(1)?;
        Some((self.made.keys.get(number)?, self.made.rows.place(number).0))
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
    /// The keys of the rows, in the store's form; none if rows have none.
    keys: Keys,
    content: Vec<u64>,
    stored: Vec<Option<Version>>,
    hasher: RandomState,
    /// The numbers of the last row of each key among those that count.
    latest: HashTable<usize>,
}

impl Choice {
    async fn of(intake: &Intake, ledger: &Ledger, store: &dyn Store, taken: &Taken) -> Result<Self, LiveError> {
        let (mut keys, mut content, mut stored) = (Keys::default(), Vec::new(), Vec::new());
        if let Some(identity) = &intake.key {
            let columns: Vec<ArrayRef> =
                identity.columns.iter().map(|column| Arc::clone(taken.rows.column(*column))).collect();
            keys = Keys::behind(&identity.prefix, &identity.types, &columns)?;
            stored = ledger.known(store, &keys).await?;
            content = identity.content.hashes(&taken.rows)?;
        }
        Ok(Choice { keys, content, stored, hasher: RandomState::new(), latest: HashTable::new() })
    }

    fn key(&self, row: usize) -> Option<&[u8]> {
        if row < self.keys.len() { self.keys.get(row) } else { None }
    }

    /// What is known of a row, if it does not count.
    fn decide(&self, row: usize, taken: &Taken, chosen: &Chosen) -> Option<Known> {
        let key = self.key(row)?;
        let is_same = |number: &usize| self.key(chosen.numbers[*number]) == Some(key);
        let (known, content) = match self.latest.find(self.hasher.hash_one(key), is_same) {
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
        let before = self.instead(row, chosen);
        chosen.numbers.push(row);
        chosen.before.push(before);
        chosen.known.push(taken.known[row]);
        chosen.content.push(self.content.get(row).copied().unwrap_or_default());
    }

    /// What a row that is to count takes the place of.
    fn instead(&mut self, row: usize, chosen: &Chosen) -> Before {
        let number = chosen.numbers.len();
        let Choice { keys, stored, hasher, latest, .. } = self;
        let Some(key) = (row < keys.len()).then(|| keys.get(row)).flatten() else { return Before::Nothing };
        let key_of = |number: &usize| chosen.numbers.get(*number).map_or(Some(key), |row| keys.get(*row));
        let hash = hasher.hash_one(key);
        match latest.find_mut(hash, |number| key_of(number) == Some(key)) {
            Some(found) => Before::Earlier(std::mem::replace(found, number)),
            None => {
                latest.insert_unique(hash, number, |number| hasher.hash_one(key_of(number).unwrap_or_default()));
                stored[row].take().map_or(Before::Nothing, Before::Stored)
            }
        }
    }
}

impl Identity {
    fn of(source: &Source, live: &LiveSource, prefix: [u8; 8]) -> Result<Self, LiveError> {
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
