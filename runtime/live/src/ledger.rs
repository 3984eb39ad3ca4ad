//! What the next commit stores beside entities: positions of streams, event times, and the versions of rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mlsys_aggregates::write_count;
use mlsys_connectors::{Partition, Positions};
use mlsys_online::{Commit, Guard, Item, Keys, Seen, Space, Store};

use crate::error::LiveError;
use crate::version::Version;

/// What has come since the last commit. Whoever changes it holds it while rows are added to entities, so that a commit has
/// both or neither.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Versions of rows by their keys.
    versions: Seen,
    /// Those of the commit that is being stored.
    storing: Arc<Seen>,
    items: BTreeMap<(Space, Vec<u8>), Option<Vec<u8>>>,
    positions: BTreeMap<String, Positions>,
    /// Positions as they are stored, as far as this process knows: of others' partitions it says nothing any more.
    read: HashMap<Vec<u8>, Option<Vec<u8>>>,
    /// Those of the commit that is being stored.
    next: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Whether rows came.
    is_changed: bool,
}

impl Ledger {
    /// What is remembered of rows; none of those that were never seen.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn known(&self, store: &dyn Store, keys: &Keys) -> Result<Vec<Option<Version>>, LiveError> {
        let read = |bytes: &[u8]| Version::read(bytes).map_err(mlsys_online::OnlineError::from);
        let mut known = Vec::with_capacity(keys.len());
        let (mut places, mut wanted) = (Vec::new(), Vec::new());
        for place in 0..keys.len() {
            let key = keys.get(place).unwrap_or_default();
            let here = self.versions.get(key).or_else(|| self.storing.get(key));
            if here.is_none() {
                places.push(place);
                wanted.push(key);
            }
            known.push(here.map(read).transpose()?);
        }
        for (place, found) in places.into_iter().zip(store.seen(&wanted).await?) {
            known[place] = found.as_deref().map(read).transpose()?;
        }
        Ok(known)
    }

    /// Remembers a row until an instant, with what `write` appends.
    pub(crate) fn remember(&mut self, key: &[u8], until: i64, write: impl FnOnce(&mut Vec<u8>)) {
        self.versions.put(key, until, write);
        self.is_changed = true;
    }

    /// Says where partitions of a source go on.
    pub(crate) fn go_on(&mut self, source: &str, next: &Positions) {
        for (partition, position) in next.iter() {
            self.set(Space::Positions, partition_key(source, partition), Some(position.to_be_bytes().to_vec()));
        }
        self.positions.entry(source.to_owned()).or_default().extend(next);
    }

    /// Notes where a partition goes on as it is stored.
    pub(crate) fn begin(&mut self, key: Vec<u8>, stored: Option<u64>) {
        self.read.insert(key, stored.map(|position| position.to_be_bytes().to_vec()));
    }

    /// Sets an item, or removes it.
    pub(crate) fn set(&mut self, space: Space, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.items.insert((space, key), value);
        self.is_changed = true;
    }

    /// Notes that rows came which nothing has to be remembered of.
    pub(crate) fn touch(&mut self) {
        self.is_changed = true;
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// What has to be stored now, and the positions that it goes as far as.
    pub(crate) fn take(&mut self, version: u64) -> (Commit, BTreeMap<String, Positions>) {
        self.is_changed = false;
        self.storing = Arc::new(std::mem::take(&mut self.versions));
        let items = std::mem::take(&mut self.items);
        let items: Vec<Item> = items.into_iter().map(|((space, key), value)| Item { space, key, value }).collect();
        let positions = items.iter().filter(|item| item.space == Space::Positions);
        self.next = positions.map(|item| (item.key.clone(), item.value.clone())).collect();
        let seen = Arc::clone(&self.storing);
        let commit = Commit { version, guards: self.guards(), changes: Vec::new(), items, seen };
        (commit, std::mem::take(&mut self.positions))
    }

    /// What was taken is stored; what was remembered of it may be let go.
    pub(crate) fn stored(&mut self) -> Arc<Seen> {
        self.read.extend(self.next.drain(..));
        std::mem::take(&mut self.storing)
    }

    /// The positions that change are as they were read: where another process has a partition by now, it has moved on.
    fn guards(&self) -> Vec<Guard> {
        let known = self.next.iter().filter_map(|(key, _)| Some((key, self.read.get(key)?)));
        known.map(|(key, value)| Guard { space: Space::Positions, key: key.clone(), value: value.clone() }).collect()
    }

    /// Forgets what is not stored.
    pub(crate) fn clear(&mut self) {
        *self = Ledger::default();
    }
}

/// The key of an item about a partition of a source.
pub(crate) fn partition_key(source: &str, partition: Partition) -> Vec<u8> {
    let mut key = source_key(source);
    key.extend(partition.to_be_bytes());
    key
}

/// What keys of items about a source begin with.
pub(crate) fn source_key(source: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(source.len() + 5);
    write_count(&mut key, source.len() as u64);
    key.extend(source.as_bytes());
    key
}
