//! The entities of all groups: one job changes them and stores what changed, many requests read them meanwhile.
//!
//! A reader sees an entity before or after a row, never between the row that leaves and the one that takes its place. What
//! is not in memory is read from the store, for all groups of a request in one round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute;
use tokio::sync::Mutex;

use crate::cache::{Cache, Entry};
use crate::code::Keys;
use crate::error::OnlineError;
use crate::layout::Layout;
use crate::past::{Added, Past};
use crate::rows::Rows;
use crate::stores::{Change, Commit, Entity, Guard, Item, Space, Store};

/// How often an entity that is let go meanwhile is read again before that is an error.
const TRIES: usize = 100;

/// The features of so many entities are joined before those of the next ones are computed: each is a column of its own at
/// first, and many small pieces of memory at once are slow to get and to give back.
const AT_ONCE: usize = 16;

/// The entities of all groups.
pub struct Groups {
    store: Arc<dyn Store>,
    groups: Vec<Group>,
    /// Held while entities are changed.
    writer: Mutex<()>,
    /// How many commits were begun.
    begun: AtomicU64,
    /// How many were stored; held while one is.
    finished: Mutex<u64>,
}

/// The entities of a group.
pub struct Group {
    name: Arc<str>,
    layout: Layout,
    cache: Cache,
    /// No moment before this is asked for any more, and no row before it comes or goes.
    before: AtomicI64,
    /// The features of an entity that has never been seen.
    nobody: Vec<ArrayRef>,
}

/// Moments at which features of entities are asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The number of the group.
    pub group: usize,
    /// The entities.
    pub keys: &'a Keys,
    /// One moment for each of them, in microseconds since 1970.
    pub moments: &'a [i64],
}

/// Rows that are replaced by later versions of them.
#[derive(Clone, Copy)]
pub struct Replaced<'a> {
    /// Their entities.
    pub keys: &'a Keys,
    /// The rows as they were; of their arguments nothing is read.
    pub rows: &'a Rows,
    /// For each of them, the number of the row before which it leaves, ascending; that of no row for those that leave after
    /// all.
    pub by: &'a [usize],
}

/// What a commit stores of entities.
#[derive(Default)]
pub struct Begun {
    number: u64,
    /// What is stored, and of whom.
    changes: Vec<(Change, Arc<Entry>)>,
    /// The entities of each group that are held until it is.
    changed: Vec<Vec<Arc<Entry>>>,
}

impl Begun {
    /// How many entities have changed.
    pub fn entities(&self) -> usize {
        self.changes.len()
    }
}

/// Where an entity's past is.
enum Found {
    Held(Arc<Entry>),
    Read(Past),
    Nobody,
}

impl Groups {
    /// The groups whose state is in a store. Of each so many bytes are held in memory, about, and what is not stored yet in
    /// any case; of a store that is shared nothing else is held.
    ///
    /// # Errors
    /// [`OnlineError::OtherLayout`] if the state of one of them is that of another layout: [`Groups::clear`] lets go of it;
    /// [`OnlineError::Store`] if the store cannot be read or written.
    pub async fn open(store: Arc<dyn Store>, groups: Vec<(String, Layout)>, room: usize) -> Result<Self, OnlineError> {
        let names: Vec<Vec<u8>> = groups.iter().map(|(name, _)| name.as_bytes().to_vec()).collect();
        let known = store.items(Space::Layouts, &names).await?;
        let mut new = Commit::default();
        for ((name, layout), known) in groups.iter().zip(known) {
            let fingerprint = layout.fingerprint().to_be_bytes().to_vec();
            match known {
                Some(known) if known != fingerprint => return Err(OnlineError::OtherLayout { group: name.clone() }),
                Some(_) => {}
                None => {
                    let key = name.as_bytes().to_vec();
                    new.items.push(Item { space: Space::Layouts, key, value: Some(fingerprint) });
                }
            }
        }
        if !new.items.is_empty() {
            store.commit(new).await?;
        }
        let holds_stored = !store.is_shared();
        let group = |(name, layout): (String, Layout)| Group::new(&name, layout, (room, holds_stored));
        let groups = groups.into_iter().map(group).collect::<Result<_, _>>()?;
        Ok(Groups { store, groups, writer: Mutex::new(()), begun: AtomicU64::new(0), finished: Mutex::new(0) })
    }

    /// Removes what is stored of a group, whatever its layout, so that it can be built anew.
    ///
    /// # Errors
    /// [`OnlineError::Store`] if the store cannot be written.
    pub async fn clear(store: &dyn Store, group: &str) -> Result<(), OnlineError> {
        store.clear(group).await?;
        let key = group.as_bytes().to_vec();
        let items = vec![Item { space: Space::Layouts, key, value: None }];
        store.commit(Commit { items, ..Commit::default() }).await.map(drop)
    }

    /// The groups, by their numbers.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The number of a group.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| &*group.name == name)
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Adds rows to the entities with the keys of the same numbers, in order, and takes out those that they replace. A row
    /// without a key is nobody's and is left out. It becomes visible at once, and lasts from the next commit on.
    ///
    /// # Errors
    /// [`OnlineError::Rows`] if there is not a key for every row; [`OnlineError::Store`] if entities cannot be read from
    /// the store, in which case none of the rows was added.
    pub async fn add(
        &self,
        group: usize,
        keys: &Keys,
        rows: &Rows,
        replaced: Option<Replaced<'_>>,
    ) -> Result<Vec<Added>, OnlineError> {
        let group = self.group(group)?;
        check_keys(keys, rows.len())?;
        let _writer = self.writer.lock().await;
        let entries = self.hold(group, keys).await?;
        let Some(old) = replaced else {
            return Ok(entries
                .iter()
                .enumerate()
                .map(|(index, entry)| group.add(entry.as_ref(), rows, index))
                .collect());
        };
        check_keys(old.keys, old.rows.len())?;
        let leaving = self.hold(group, old.keys).await?;
        let mut next = 0;
        let mut outcomes = Vec::with_capacity(rows.len());
        for (index, entry) in entries.iter().enumerate() {
            let mut outcome = None;
            while old.by.get(next).is_some_and(|by| *by <= index) {
                let gone = leaving.get(next).and_then(Option::as_ref);
                match (gone, entry) {
                    (Some(gone), Some(entry)) if outcome.is_none() && Arc::ptr_eq(gone, entry) => {
                        outcome = Some(group.cache.change(entry, |past| {
                            past.remove(old.rows, next);
                            past.add(&group.layout, rows, index)
                        }));
                    }
                    (Some(gone), _) => drop(group.cache.change(gone, |past| past.remove(old.rows, next))),
                    (None, _) => {}
                }
                next += 1;
            }
            outcomes.push(outcome.unwrap_or_else(|| group.add(entry.as_ref(), rows, index)));
        }
        // Rows that are replaced by none of the group's rows leave, too.
        for (index, gone) in leaving.iter().enumerate().skip(next) {
            if let Some(gone) = gone {
                group.cache.change(gone, |past| past.remove(old.rows, index));
            }
        }
        Ok(outcomes)
    }

    /// From now on no moment before this is asked for, and no row before it comes or goes: what nothing can see any more
    /// leaves with the next commit that concerns its entity.
    pub fn forget(&self, group: usize, before: i64) {
        if let Some(group) = self.groups.get(group) {
            group.before.fetch_max(before, Ordering::Relaxed);
        }
    }

    /// Stores what has changed since the last commit together with what the job remembers, and waits until it lasts.
    ///
    /// # Errors
    /// As [`Groups::finish`].
    pub async fn commit(&self, commit: Commit) -> Result<(), OnlineError> {
        let begun = self.begin().await?;
        self.finish(begun, commit).await
    }

    /// Takes what has changed up to now, to be stored with [`Groups::finish`]. Rows that are added from now on belong to
    /// the next commit, and may be added while this one is being stored.
    ///
    /// # Errors
    /// [`OnlineError::Aggregate`] if a kernel refuses rows that leave. The groups are of no use then.
    pub async fn begin(&self) -> Result<Begun, OnlineError> {
        let _writer = self.writer.lock().await;
        let mut begun = Begun { number: self.begun.fetch_add(1, Ordering::AcqRel), ..Begun::default() };
        for group in &self.groups {
            begun.changed.push(group.collect(&mut begun.changes)?);
        }
        Ok(begun)
    }

    /// Stores what was taken, together with what the job remembers: the changes of the commit are filled in, and its version
    /// is raised above those of the entities. Commits are stored in the order in which they were begun.
    ///
    /// # Errors
    /// [`OnlineError::Store`] if the store cannot be written, or another commit was begun before and is not stored;
    /// [`OnlineError::Overtaken`] if another process was first, or keeps a group for another definition of it. The groups
    /// are of no use then until they are [`Groups::reset`], and the job goes on from the positions that are stored.
    pub async fn finish(&self, begun: Begun, mut commit: Commit) -> Result<(), OnlineError> {
        let mut finished = self.finished.lock().await;
        if *finished != begun.number {
            let reason = "a commit that was begun before is not stored".to_owned();
            return Err(OnlineError::Store { store: "memory", reason });
        }
        let (mut changes, entries): (Vec<Change>, Vec<Arc<Entry>>) = begun.changes.into_iter().unzip();
        for (change, entry) in changes.iter_mut().zip(&entries) {
            change.before = entry.version();
            commit.version = commit.version.max(change.before + 1);
        }
        let version = commit.version;
        commit.changes = changes;
        commit.guards.extend(self.groups.iter().map(Group::guard));
        self.store.commit(commit).await?;
        *finished += 1;
        entries.iter().for_each(|entry| entry.set_version(version));
        for (group, changed) in self.groups.iter().zip(begun.changed) {
            group.cache.committed(changed);
            group.cache.make_room();
        }
        Ok(())
    }

    /// Whether groups are stored as they are kept here.
    ///
    /// # Errors
    /// [`OnlineError::OtherLayout`] if one of them is not: another process keeps it for another definition.
    pub async fn check(&self) -> Result<(), OnlineError> {
        let guards: Vec<Guard> = self.groups.iter().map(Group::guard).collect();
        let names: Vec<Vec<u8>> = guards.iter().map(|guard| guard.key.clone()).collect();
        let found = self.store.items(Space::Layouts, &names).await?;
        let other = self.groups.iter().zip(guards.iter().zip(found)).find(|(_, (guard, found))| guard.value != *found);
        match other {
            Some((group, _)) => Err(OnlineError::OtherLayout { group: group.name.to_string() }),
            None => Ok(()),
        }
    }

    /// Looks at so many entities that are stored, from the one after a key on, so that rows leave that nothing can see any
    /// more, also where no row comes any more: with the next commit. The last key; none if that was the end.
    ///
    /// # Errors
    /// [`OnlineError::Store`] if the store cannot be read.
    pub async fn sweep(&self, group: usize, after: Option<&[u8]>, most: usize) -> Result<Option<Vec<u8>>, OnlineError> {
        let group = self.group(group)?;
        let _writer = self.writer.lock().await;
        let found = self.store.keys(&group.name, after, most).await?;
        let last = found.last().cloned();
        self.hold(group, &found.into_iter().collect()).await?;
        Ok(last)
    }

    /// Drops what is in memory, stored or not: what is asked for next comes from the store. Commits that were begun and
    /// are not stored are refused from then on.
    pub async fn reset(&self) {
        let mut finished = self.finished.lock().await;
        let _writer = self.writer.lock().await;
        let next = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        *finished = next;
        self.groups.iter().for_each(|group| group.cache.clear());
    }

    /// The features of entities at moments: for each group that is asked, a column for each feature. Entities that are
    /// not known have the features of empty windows.
    ///
    /// # Errors
    /// [`OnlineError::Rows`] if there is not a moment for every key; [`OnlineError::Forgotten`] if a window would see rows
    /// that have been forgotten; [`OnlineError::Store`] if the store cannot be read; [`OnlineError::Aggregate`] if an integer
    /// result does not fit its type.
    pub async fn features(&self, asked: &[Asked<'_>]) -> Result<Vec<Vec<ArrayRef>>, OnlineError> {
        for one in asked {
            self.group(one.group)?;
            check_keys(one.keys, one.moments.len())?;
        }
        let found = self.find(asked).await?;
        let columns = |(one, found): (&Asked<'_>, Vec<Found>)| self.groups[one.group].features(&found, one.moments);
        asked.iter().zip(found).map(columns).collect()
    }

    /// The pasts that are asked for; those that are not in memory in one round trip.
    async fn find(&self, asked: &[Asked<'_>]) -> Result<Vec<Vec<Found>>, OnlineError> {
        let mut found: Vec<Vec<Found>> = Vec::with_capacity(asked.len());
        let (mut places, mut entities) = (Vec::new(), Vec::new());
        for (number, one) in asked.iter().enumerate() {
            let group = &self.groups[one.group];
            let mut here = Vec::with_capacity(one.keys.len());
            for index in 0..one.keys.len() {
                here.push(match one.keys.get(index).map(|key| (key, group.cache.find(key, false))) {
                    Some((_, Ok(entry))) => Found::Held(entry),
                    Some((key, Err(moment))) => {
                        places.push((number, index, moment));
                        entities.push(Entity { group: Arc::clone(&group.name), key: key.to_vec() });
                        Found::Nobody
                    }
                    None => Found::Nobody,
                });
            }
            found.push(here);
        }
        if entities.is_empty() {
            return Ok(found);
        }
        let stored = self.store.read(&entities).await?;
        for (((number, index, moment), entity), stored) in places.into_iter().zip(&entities).zip(stored) {
            if stored.parts.is_empty() {
                continue;
            }
            let group = &self.groups[asked[number].group];
            let past = Past::read(&group.layout, &stored.parts)?;
            found[number][index] = if group.cache.holds_stored() {
                // One that was let go meanwhile may have changed before: this is then no past to go on with, but one that
                // it had.
                match group.cache.insert(&entity.key, (past, stored.version), moment, false) {
                    Some(entry) => Found::Held(entry),
                    None => Found::Read(Past::read(&group.layout, &stored.parts)?),
                }
            } else {
                Found::Read(past)
            };
        }
        for one in asked {
            self.groups[one.group].cache.make_room();
        }
        Ok(found)
    }

    /// The entities that are to be changed, in memory until the commit after.
    async fn hold(&self, group: &Group, keys: &Keys) -> Result<Vec<Option<Arc<Entry>>>, OnlineError> {
        let mut entries: Vec<Option<Arc<Entry>>> = Vec::with_capacity(keys.len());
        let mut missing = Vec::new();
        for index in 0..keys.len() {
            let found = keys.get(index).map(|key| group.cache.find(key, true));
            if let Some(Err(moment)) = found {
                missing.push((index, moment));
            }
            entries.push(found.and_then(Result::ok));
        }
        for _ in 0..TRIES {
            if missing.is_empty() {
                return Ok(entries);
            }
            let entity = |(index, _): &(usize, _)| {
                let key = keys.get(*index).unwrap_or_default().to_vec();
                Entity { group: Arc::clone(&group.name), key }
            };
            let entities: Vec<Entity> = missing.iter().map(entity).collect();
            let stored = self.store.read(&entities).await?;
            let mut still = Vec::new();
            for (((index, moment), entity), stored) in missing.into_iter().zip(&entities).zip(stored) {
                let past = Past::read(&group.layout, &stored.parts)?;
                entries[index] = group.cache.insert(&entity.key, (past, stored.version), moment, true);
                if entries[index].is_none() {
                    match group.cache.find(&entity.key, true) {
                        Ok(entry) => entries[index] = Some(entry),
                        Err(moment) => still.push((index, moment)),
                    }
                }
            }
            missing = still;
        }
        let reason = "entities are let go as fast as they are read: there is too little memory for them".to_owned();
        Err(OnlineError::Store { store: "memory", reason })
    }

    fn group(&self, number: usize) -> Result<&Group, OnlineError> {
        let unknown = || OnlineError::Layout { reason: format!("there is no group with the number {number}") };
        self.groups.get(number).ok_or_else(unknown)
    }
}

impl Group {
    fn new(name: &str, layout: Layout, (room, holds_stored): (usize, bool)) -> Result<Self, OnlineError> {
        let nobody = Past::new().features(&layout, 0)?;
        // An instant, what orders rows, and a value of usual size for each argument.
        let row = 32 + 12 * layout.arguments.len();
        let before = AtomicI64::new(i64::MIN);
        Ok(Group { name: name.into(), layout, cache: Cache::new(room, holds_stored, row), before, nobody })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is kept.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Entities in memory.
    pub fn entities(&self) -> usize {
        self.cache.len()
    }

    /// Bytes in memory, about.
    pub fn bytes(&self) -> usize {
        self.cache.bytes()
    }

    fn add(&self, entry: Option<&Arc<Entry>>, rows: &Rows, index: usize) -> Added {
        match entry {
            Some(entry) => self.cache.change(entry, |past| past.add(&self.layout, rows, index)),
            None => Added::Nobody,
        }
    }

    /// How it is kept, which a commit relies on.
    fn guard(&self) -> Guard {
        let fingerprint = self.layout.fingerprint().to_be_bytes().to_vec();
        Guard { space: Space::Layouts, key: self.name.as_bytes().to_vec(), value: Some(fingerprint) }
    }

    /// Adds what has to be stored, and says of whom.
    fn collect(&self, changes: &mut Vec<(Change, Arc<Entry>)>) -> Result<Vec<Arc<Entry>>, OnlineError> {
        let before = self.before.load(Ordering::Relaxed);
        let lasts = self.layout.reach();
        let changed = self.cache.take_changed();
        for entry in &changed {
            let found = self.cache.change(entry, |past| {
                if before > i64::MIN {
                    past.forget(&self.layout, before)?;
                }
                Ok::<_, OnlineError>(past.changes(&self.layout))
            })?;
            if found.puts.is_empty() && found.deletes.is_empty() {
                continue;
            }
            let entity = Entity { group: Arc::clone(&self.name), key: entry.key.to_vec() };
            let change = Change { entity, before: 0, puts: found.puts, deletes: found.deletes, lasts };
            changes.push((change, Arc::clone(entry)));
        }
        Ok(changed)
    }

    fn features(&self, found: &[Found], moments: &[i64]) -> Result<Vec<ArrayRef>, OnlineError> {
        if found.len() <= AT_ONCE {
            return self.few_features(found, moments);
        }
        let pieces = found.chunks(AT_ONCE).zip(moments.chunks(AT_ONCE));
        let pieces = pieces.map(|(found, moments)| self.few_features(found, moments)).collect::<Result<Vec<_>, _>>()?;
        (0..self.layout.measures.len()).map(|measure| join(&pieces, measure)).collect()
    }

    fn few_features(&self, found: &[Found], moments: &[i64]) -> Result<Vec<ArrayRef>, OnlineError> {
        let values = |(found, at): (&Found, &i64)| match found {
            Found::Held(entry) => entry.read().features(&self.layout, *at),
            Found::Read(past) => past.features(&self.layout, *at),
            Found::Nobody => Ok(self.nobody.clone()),
        };
        let mut rows = found.iter().zip(moments).map(values).collect::<Result<Vec<_>, _>>()?;
        match rows.len() {
            0 => Ok(self.layout.outputs().iter().map(new_empty_array).collect()),
            1 => Ok(rows.remove(0)),
            _ => (0..self.layout.measures.len()).map(|measure| join(&rows, measure)).collect(),
        }
    }
}

/// One column of some pieces.
fn join(pieces: &[Vec<ArrayRef>], column: usize) -> Result<ArrayRef, OnlineError> {
    let pieces: Vec<&dyn Array> = pieces.iter().map(|piece| piece[column].as_ref()).collect();
    Ok(compute::concat(&pieces)?)
}

fn check_keys(keys: &Keys, rows: usize) -> Result<(), OnlineError> {
    if keys.len() == rows {
        return Ok(());
    }
    let (found, expected) = (format!("{} keys", keys.len()), format!("{rows} keys"));
    Err(OnlineError::Rows { column: "the key".to_owned(), found, expected })
}
