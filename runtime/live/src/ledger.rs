//! What the next commit stores beside entities: positions of streams, event times, and the versions of rows.

use std::collections::{BTreeMap, HashMap};

use mlsys_aggregates::write_count;
use mlsys_connectors::{Partition, Positions};
use mlsys_online::{Commit, Item, Seen, Space, Store};

use crate::error::LiveError;
use crate::version::Version;

/// What has come since the last commit. Whoever changes it holds it while rows are added to entities, so that a commit has
/// both or neither.
#[derive(Default)]
pub(crate) struct Ledger {
    versions: HashMap<Vec<u8>, Remembered>,
    /// Those of the commit that is being stored.
    storing: HashMap<Vec<u8>, Remembered>,
    items: BTreeMap<(Space, Vec<u8>), Option<Vec<u8>>>,
    positions: BTreeMap<String, Positions>,
    /// Whether rows came.
    is_changed: bool,
}

#[derive(Clone)]
struct Remembered {
    version: Version,
    /// Until when, in microseconds since 1970.
    until: i64,
}

impl Ledger {
    /// What is remembered of rows; none of those that were never seen.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn known(&self, store: &dyn Store, keys: &[Vec<u8>]) -> Result<Vec<Option<Version>>, LiveError> {
        let here = |key: &Vec<u8>| self.versions.get(key).or_else(|| self.storing.get(key));
        let mut known: Vec<Option<Version>> = keys.iter().map(|key| here(key).map(|one| one.version.clone())).collect();
        let places: Vec<usize> = (0..keys.len()).filter(|place| known[*place].is_none()).collect();
        if places.is_empty() {
            return Ok(known);
        }
        let wanted: Vec<Vec<u8>> = places.iter().map(|place| keys[*place].clone()).collect();
        for (place, found) in places.into_iter().zip(store.seen(&wanted).await?) {
            known[place] = match found {
                Some(bytes) => Some(Version::read(&bytes).map_err(mlsys_online::OnlineError::from)?),
                None => None,
            };
        }
        Ok(known)
    }

    /// Remembers a row until an instant.
    pub(crate) fn remember(&mut self, key: Vec<u8>, version: Version, until: i64) {
        self.versions.insert(key, Remembered { version, until });
        self.is_changed = true;
    }

    /// Says where partitions of a source go on.
    pub(crate) fn go_on(&mut self, source: &str, next: &Positions) {
        for (partition, position) in next.iter() {
            self.set(Space::Positions, partition_key(source, partition), Some(position.to_be_bytes().to_vec()));
        }
        self.positions.entry(source.to_owned()).or_default().extend(next);
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
        self.storing = std::mem::take(&mut self.versions);
        let seen = |(key, one): (&Vec<u8>, &Remembered)| Seen {
            key: key.clone(),
            value: Some(one.version.write()),
            until: one.until,
        };
        let items = std::mem::take(&mut self.items);
        let items = items.into_iter().map(|((space, key), value)| Item { space, key, value }).collect();
        let seen = self.storing.iter().map(seen).collect();
        (Commit { version, changes: Vec::new(), items, seen }, std::mem::take(&mut self.positions))
    }

    /// What was taken is stored.
    pub(crate) fn stored(&mut self) {
        self.storing = HashMap::new();
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
