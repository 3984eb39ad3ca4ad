//! State in memory, which ends with the process: of groups that runs keep, and for tests of jobs, which may share it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Commit, Entity, Part, Space, Store, Stored};
use crate::error::OnlineError;

/// A store in memory.
#[derive(Default)]
pub struct Memory {
    contents: Mutex<Contents>,
    is_shared: bool,
}

#[derive(Default)]
struct Contents {
    entities: BTreeMap<Entity, BTreeMap<Part, Vec<u8>>>,
    /// The version of the last commit that changed an entity.
    versions: BTreeMap<Entity, u64>,
    items: BTreeMap<(Space, Vec<u8>), Vec<u8>>,
    seen: BTreeMap<Vec<u8>, (i64, Vec<u8>)>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Memory::default()
    }

    /// An empty store that several jobs share.
    pub fn shared() -> Self {
        Memory { is_shared: true, ..Memory::default() }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    /// Whether everything is as a commit expects it.
    fn allows(&self, commit: &Commit) -> bool {
        let is_same = |entity: &Entity, before: u64| self.versions.get(entity).is_none_or(|version| *version == before);
        commit.changes.iter().all(|change| is_same(&change.entity, change.before))
            && commit.guards.iter().all(|guard| {
                let found = self.items.get(&(guard.space, guard.key.clone()));
                found == guard.value.as_ref()
            })
    }
}

#[async_trait]
impl Store for Memory {
    fn is_shared(&self) -> bool {
        self.is_shared
    }

    async fn read(&self, entities: &[Entity]) -> Result<Vec<Stored>, OnlineError> {
        let contents = self.contents();
        let stored = |entity: &Entity| {
            let parts = contents.entities.get(entity).into_iter().flatten();
            let version = contents.versions.get(entity).copied().unwrap_or_default();
            Stored { version, parts: parts.map(|(part, bytes)| (*part, bytes.clone())).collect() }
        };
        Ok(entities.iter().map(stored).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<(), OnlineError> {
        let mut contents = self.contents();
        if self.is_shared && !contents.allows(&commit) {
            return Err(OnlineError::Overtaken);
        }
        for change in commit.changes {
            if self.is_shared {
                contents.versions.insert(change.entity.clone(), commit.version);
            }
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
        for (key, value, until) in commit.seen.iter() {
            contents.seen.insert(key.to_vec(), (until, value.to_vec()));
        }
        Ok(())
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

    async fn seen(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, OnlineError> {
        let contents = self.contents();
        Ok(keys.iter().map(|key| contents.seen.get(*key).map(|(_, value)| value.clone())).collect())
    }

    async fn expire(&self, before: i64, most: usize) -> Result<(), OnlineError> {
        let mut contents = self.contents();
        let old = contents.seen.iter().filter(|(_, (until, _))| *until < before).take(most);
        let old: Vec<Vec<u8>> = old.map(|(key, _)| key.clone()).collect();
        old.iter().for_each(|key| drop(contents.seen.remove(key)));
        Ok(())
    }

    async fn keys(&self, group: &str, after: Option<&[u8]>, most: usize) -> Result<Vec<Vec<u8>>, OnlineError> {
        let contents = self.contents();
        let from = Entity { group: group.into(), key: after.unwrap_or_default().to_vec() };
        let found = contents.entities.range(from..).map(|(entity, _)| entity);
        let found = found.take_while(|entity| *entity.group == *group).filter(|entity| Some(&*entity.key) != after);
        Ok(found.take(most).map(|entity| entity.key.clone()).collect())
    }

    async fn clear(&self, group: &str) -> Result<(), OnlineError> {
        let mut contents = self.contents();
        contents.entities.retain(|entity, _| *entity.group != *group);
        contents.versions.retain(|entity, _| *entity.group != *group);
        Ok(())
    }
}
