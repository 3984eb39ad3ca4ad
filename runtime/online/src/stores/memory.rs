//! State in memory, which ends with the process: for tests of definitions and of jobs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Commit, Committed, Entity, Part, Parts, Space, Store};
use crate::error::OnlineError;

/// A store in memory.
#[derive(Default)]
pub struct Memory(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    entities: BTreeMap<Entity, BTreeMap<Part, Vec<u8>>>,
    items: BTreeMap<(Space, Vec<u8>), Vec<u8>>,
    seen: BTreeMap<Vec<u8>, (i64, Vec<u8>)>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Memory::default()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn read(&self, entities: &[Entity]) -> Result<Vec<Parts>, OnlineError> {
        let contents = self.contents();
        let parts = |entity: &Entity| {
            let known = contents.entities.get(entity);
            known.map_or_else(Vec::new, |parts| parts.iter().map(|(part, bytes)| (*part, bytes.clone())).collect())
        };
        Ok(entities.iter().map(parts).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, OnlineError> {
        let mut contents = self.contents();
        for change in commit.changes {
            let parts = contents.entities.entry(change.entity.clone()).or_default();
            change.deletes.iter().for_each(|part| drop(parts.remove(part)));
            parts.extend(change.puts);
            if parts.is_empty() {
                contents.entities.remove(&change.entity);
            }
        }
        for item in commit.items {
            match item.value {
                Some(value) => drop(contents.items.insert((item.space, item.key), value)),
                None => drop(contents.items.remove(&(item.space, item.key))),
            }
        }
        for seen in commit.seen {
            match seen.value {
                Some(value) => drop(contents.seen.insert(seen.key, (seen.until, value))),
                None => drop(contents.seen.remove(&seen.key)),
            }
        }
        Ok(Committed::default())
    }

    async fn items(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, OnlineError> {
        let contents = self.contents();
        Ok(keys.iter().map(|key| contents.items.get(&(space, key.clone())).cloned()).collect())
    }

    async fn scan(&self, space: Space, from: &[u8], most: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, OnlineError> {
        let contents = self.contents();
        let found = contents.items.range((space, from.to_vec())..).take_while(|((one, _), _)| *one == space);
        Ok(found.take(most).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    async fn seen(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, OnlineError> {
        let contents = self.contents();
        Ok(keys.iter().map(|key| contents.seen.get(key).map(|(_, value)| value.clone())).collect())
    }

    async fn expire(&self, before: i64, most: usize) -> Result<usize, OnlineError> {
        let mut contents = self.contents();
        let old = contents.seen.iter().filter(|(_, (until, _))| *until < before).take(most);
        let old: Vec<Vec<u8>> = old.map(|(key, _)| key.clone()).collect();
        old.iter().for_each(|key| drop(contents.seen.remove(key)));
        Ok(old.len())
    }

    async fn keys(&self, group: &str, after: Option<&[u8]>, most: usize) -> Result<Vec<Vec<u8>>, OnlineError> {
        let contents = self.contents();
        let from = Entity { group: group.into(), key: after.unwrap_or_default().to_vec() };
        let found = contents.entities.range(from..).map(|(entity, _)| entity);
        let found = found.take_while(|entity| *entity.group == *group).filter(|entity| Some(&*entity.key) != after);
        Ok(found.take(most).map(|entity| entity.key.clone()).collect())
    }

    async fn clear(&self, group: &str) -> Result<(), OnlineError> {
        self.contents().entities.retain(|entity, _| *entity.group != *group);
        Ok(())
    }
}
