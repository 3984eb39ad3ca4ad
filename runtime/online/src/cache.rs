//! The entities of a group that are in memory: found by key by many readers, bounded, and let go once they are stored.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;

use crate::past::Past;

/// So many tables are locked by themselves.
const SHARDS: usize = 64;

/// What an entity without rows takes, about: its key, its past, its entry in the table.
const ENTITY: usize = 400;

/// An entity in memory.
pub(crate) struct Entry {
    pub(crate) key: Box<[u8]>,
    past: RwLock<Past>,
    /// The version of the last commit that changed it.
    version: AtomicU64,
    is_used: AtomicBool,
    /// Whether it is to change, or has changed, since the last commit began.
    is_changed: AtomicBool,
    /// How many commits that are being stored it is part of.
    commits: AtomicUsize,
}

/// Entities by key.
pub(crate) struct Cache {
    /// Bytes that there is room for, about. What is not stored is held in any case.
    room: usize,
    /// Whether stored entities are held. Where other processes change them, they are read anew.
    holds_stored: bool,
    /// About what a row takes.
    row: usize,
    hasher: RandomState,
    shards: Vec<Shard>,
    changed: Mutex<Vec<Arc<Entry>>>,
    rows: AtomicUsize,
    entities: AtomicUsize,
    /// Where the search for entities to let go was left.
    hand: AtomicUsize,
}

#[derive(Default)]
struct Shard(RwLock<Table>);

#[derive(Default)]
struct Table {
    entries: HashTable<Arc<Entry>>,
    /// How often an entity has been let go: what was read from the store before may be old since.
    departures: usize,
}

/// When an entity was looked for, as far as its shard can tell.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    departures: usize,
}

impl Entry {
    fn new(key: &[u8], past: Past, version: u64) -> Self {
        Entry {
            key: key.into(),
            past: RwLock::new(past),
            version: AtomicU64::new(version),
            is_used: AtomicBool::new(true),
            is_changed: AtomicBool::new(false),
            commits: AtomicUsize::new(0),
        }
    }

    /// The version of the last commit that changed it; 0 before the first one.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// It has been stored by a commit.
    pub(crate) fn set_version(&self, version: u64) {
        self.version.store(version, Ordering::Release);
    }

    /// The past as it is between two changes.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Past> {
        self.past.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Past> {
        self.past.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the store does not have it as it is.
    fn is_held(&self) -> bool {
        self.is_changed.load(Ordering::Acquire) || self.commits.load(Ordering::Acquire) > 0
    }
}

impl Cache {
    pub(crate) fn new(room: usize, holds_stored: bool, row: usize) -> Self {
        Cache {
            room,
            holds_stored,
            row,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            changed: Mutex::default(),
            rows: AtomicUsize::new(0),
            entities: AtomicUsize::new(0),
            hand: AtomicUsize::new(0),
        }
    }

    pub(crate) fn holds_stored(&self) -> bool {
        self.holds_stored
    }

    /// The entity of a key, or the moment at which it was not there. One that is to be changed stays until the commit after.
    pub(crate) fn find(&self, key: &[u8], will_change: bool) -> Result<Arc<Entry>, Moment> {
        let hash = self.hasher.hash_one(key);
        let table = self.shard(hash).read();
        match table.entries.find(hash, |entry| *entry.key == *key) {
            Some(entry) => {
                entry.is_used.store(true, Ordering::Relaxed);
                if will_change {
                    self.hold(entry);
                }
                Ok(Arc::clone(entry))
            }
            None => Err(Moment { departures: table.departures }),
        }
    }

    /// Holds what was read from the store for a key that was not there at a moment. None if an entity was let go since, so
    /// that it has to be read once more.
    pub(crate) fn insert(
        &self,
        key: &[u8],
        (past, version): (Past, u64),
        moment: Moment,
        will_change: bool,
    ) -> Option<Arc<Entry>> {
        let hash = self.hasher.hash_one(key);
        let mut table = self.shard(hash).write();
        if let Some(entry) = table.entries.find(hash, |entry| *entry.key == *key) {
            if will_change {
                self.hold(entry);
            }
            return Some(Arc::clone(entry));
        }
        if table.departures != moment.departures {
            return None;
        }
        self.rows.fetch_add(past.len(), Ordering::Relaxed);
        self.entities.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry::new(key, past, version));
        if will_change {
            self.hold(&entry);
        }
        table.entries.insert_unique(hash, Arc::clone(&entry), |entry| self.hasher.hash_one(&*entry.key));
        Some(entry)
    }

    /// Changes an entity that was found to be changed.
    pub(crate) fn change<T>(&self, entry: &Entry, work: impl FnOnce(&mut Past) -> T) -> T {
        let mut past = entry.write();
        let before = past.len();
        let result = work(&mut past);
        if past.len() >= before {
            self.rows.fetch_add(past.len() - before, Ordering::Relaxed);
        } else {
            self.rows.fetch_sub(before - past.len(), Ordering::Relaxed);
        }
        result
    }

    /// The entities that have changed since this was asked last. They are held until [`Cache::committed`] all the same.
    pub(crate) fn take_changed(&self) -> Vec<Arc<Entry>> {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = std::mem::take(&mut *changed);
        for entry in &changed {
            entry.commits.fetch_add(1, Ordering::AcqRel);
            entry.is_changed.store(false, Ordering::Release);
        }
        changed
    }

    /// What had changed is stored now: it may be let go, and is if nothing is left of it or stored entities are not held.
    pub(crate) fn committed(&self, entries: Vec<Arc<Entry>>) {
        for entry in entries {
            entry.commits.fetch_sub(1, Ordering::AcqRel);
            if self.holds_stored && !entry.read().is_empty() {
                continue;
            }
            let hash = self.hasher.hash_one(&*entry.key);
            let mut table = self.shard(hash).write();
            // It may be about to get rows again.
            if entry.is_held() {
                continue;
            }
            if let Ok(found) = table.entries.find_entry(hash, |one| Arc::ptr_eq(one, &entry)) {
                found.remove();
                table.departures += 1;
                self.entities.fetch_sub(1, Ordering::Relaxed);
                self.rows.fetch_sub(entry.read().len(), Ordering::Relaxed);
            }
        }
    }

    /// Entities in memory.
    pub(crate) fn len(&self) -> usize {
        self.entities.load(Ordering::Relaxed)
    }

    /// Bytes that are held, about.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * ENTITY + self.rows.load(Ordering::Relaxed) * self.row
    }

    /// Lets go of entities that are stored and have not been used since the last look at them, while more is held than
    /// there is room for.
    pub(crate) fn make_room(&self) {
        // Each shard twice: the first look finds out which ones are used.
        for _ in 0..2 * SHARDS {
            if self.bytes() <= self.room {
                return;
            }
            let shard = &self.shards[self.hand.fetch_add(1, Ordering::Relaxed) % SHARDS];
            let mut table = shard.write();
            let (mut departures, mut rows) = (0, 0);
            table.entries.retain(|entry| {
                let stays = entry.is_held() || entry.is_used.swap(false, Ordering::Relaxed);
                if !stays {
                    departures += 1;
                    rows += entry.read().len();
                }
                stays
            });
            table.departures += departures;
            self.entities.fetch_sub(departures, Ordering::Relaxed);
            self.rows.fetch_sub(rows, Ordering::Relaxed);
        }
    }

    /// Drops everything, stored or not.
    pub(crate) fn clear(&self) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for shard in &self.shards {
            let mut table = shard.write();
            table.departures += 1;
            table.entries.clear();
        }
        self.rows.store(0, Ordering::Relaxed);
        self.entities.store(0, Ordering::Relaxed);
    }

    /// Keeps an entity from being let go; its shard is locked.
    fn hold(&self, entry: &Arc<Entry>) {
        if !entry.is_changed.swap(true, Ordering::AcqRel) {
            self.changed.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(entry));
        }
    }

    fn shard(&self, hash: u64) -> &Shard {
        // The table uses the other bits.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

impl Shard {
    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
