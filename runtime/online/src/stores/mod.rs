//! Where state is kept: the contract of a store, and the list of stores. Adding one is one file and one line here.

pub mod embedded;
pub mod memory;
pub mod redis;

use std::sync::Arc;

use async_trait::async_trait;
use mlsys_aggregates::write_count;

use crate::error::OnlineError;
use crate::seen::Seen;

pub use embedded::Embedded;
pub use memory::Memory;
pub use redis::{Redis, RedisSettings};

/// The names of the stores, as profiles have them.
pub const STORES: [&str; 3] = ["embedded", "memory", "redis"];

/// The state of entities, and what the job that keeps it fresh has to remember. Everything of one commit becomes
/// visible, and lasts, together.
#[async_trait]
pub trait Store: Send + Sync {
    /// Whether several processes may have it open at once. Then what was read may be old by the time it is used, and a commit
    /// is held against what is stored.
    fn is_shared(&self) -> bool;

    /// What is stored of each entity; no parts where an entity is not known. It takes one round trip, however many they
    /// are and of however many groups.
    ///
    /// # Errors
    /// [`OnlineError::Store`] if the store cannot be read.
    async fn read(&self, entities: &[Entity]) -> Result<Vec<Stored>, OnlineError>;

    /// Stores changes of entities and items, all or nothing.
    ///
    /// # Errors
    /// [`OnlineError::Overtaken`] if another process has changed one of the entities since it was read, or a guard does not
    /// hold: then nothing was stored. [`OnlineError::Store`] if it could not be stored: whether it was is known after a restart.
    async fn commit(&self, commit: Commit) -> Result<(), OnlineError>;

    /// The values of items; none where there is none.
    ///
    /// # Errors
    /// [`OnlineError::Store`] if the store cannot be read.
    async fn items(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, OnlineError>;

    /// At most so many items from a key on, in the order of their keys.
    ///
    /// # Errors
    /// As [`Store::items`].
    async fn scan(&self, space: Space, from: &[u8], most: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, OnlineError>;

    /// What is remembered of keys that were seen; none where nothing is, or no longer.
    ///
    /// # Errors
    /// As [`Store::items`].
    async fn seen(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, OnlineError>;

    /// Forgets keys that were to be remembered until before an instant, in microseconds since 1970. A store may let go of
    /// at most so many at once, or of all of them at a time of its own.
    ///
    /// # Errors
    /// [`OnlineError::Store`] if the store cannot be written.
    async fn expire(&self, before: i64, most: usize) -> Result<(), OnlineError>;

    /// The keys of at most so many entities of a group, in an order of the store's own, from the one after a key on, or from
    /// the first one. A store whose entities expire by themselves lists none.
    ///
    /// # Errors
    /// As [`Store::items`].
    async fn keys(&self, group: &str, after: Option<&[u8]>, most: usize) -> Result<Vec<Vec<u8>>, OnlineError>;

    /// Removes all entities of a group.
    ///
    /// # Errors
    /// [`OnlineError::Store`] if the store cannot be written.
    async fn clear(&self, group: &str) -> Result<(), OnlineError>;
}

/// An entity of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// The group.
    pub group: Arc<str>,
    /// The encoded key.
    pub key: Vec<u8>,
}

/// A part of what is stored of an entity, in the order in which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What is kept beside rows.
    Head,
    /// Some rows of a block.
    Rows {
        /// The block's number.
        block: u32,
        /// Which part of it.
        part: u32,
    },
}

/// Parts with their bytes, in order.
pub type Parts = Vec<(Part, Vec<u8>)>;

/// What is stored of an entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The version of the last commit that changed it, where the store is shared; 0 before the first one.
    pub version: u64,
    /// Its parts.
    pub parts: Parts,
}

/// What is stored together.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The number of this commit: greater than those of all before it, also after a restart.
    pub version: u64,
    /// What must still be stored as it was read, where the store is shared.
    pub guards: Vec<Guard>,
    /// Entities that changed.
    pub changes: Vec<Change>,
    /// Items that changed.
    pub items: Vec<Item>,
    /// Keys that were seen.
    pub seen: Arc<Seen>,
}

/// An item as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// What kind of thing.
    pub space: Space,
    /// Which one of them.
    pub key: Vec<u8>,
    /// Its value; none if it must not be there.
    pub value: Option<Vec<u8>>,
}

/// What changed of an entity.
#[derive(Clone, Debug)]
pub struct Change {
    /// The entity.
    pub entity: Entity,
    /// The version that it was read with. Where it is gone since, because it had expired, it is written anew.
    pub before: u64,
    /// Parts with their bytes.
    pub puts: Parts,
    /// Parts that are not there any more.
    pub deletes: Vec<Part>,
    /// How long from now on it can be of use at most, in microseconds; none if that has no end.
    pub lasts: Option<i64>,
}

/// Something that the job has to remember.
#[derive(Clone, Debug)]
pub struct Item {
    /// What kind of thing.
    pub space: Space,
    /// Which one of them.
    pub key: Vec<u8>,
    /// Its value; none removes it.
    pub value: Option<Vec<u8>>,
}

/// What a job remembers, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// How groups are kept, by their name.
    Layouts,
    /// The next offset of every partition that is read.
    Positions,
    /// The watermark of every partition.
    Watermarks,
    /// What of a source's history has been taken.
    Histories,
    /// Who alone may write for a while.
    Leases,
}

impl Space {
    /// All of them.
    pub(crate) const ALL: [Space; 5] =
        [Space::Layouts, Space::Positions, Space::Watermarks, Space::Histories, Space::Leases];

    /// The name in stores.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Space::Layouts => "layouts",
            Space::Positions => "positions",
            Space::Watermarks => "watermarks",
            Space::Histories => "histories",
            Space::Leases => "leases",
        }
    }

    /// An instant in microseconds since 1970 as the beginning of a key: bytes compare as instants do.
    pub fn instant(at: i64) -> [u8; 8] {
        (at ^ i64::MIN).cast_unsigned().to_be_bytes()
    }
}

impl Part {
    /// The bytes of the part in a key: they are in the order of parts.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self {
            Part::Head => out.push(0),
            Part::Rows { block, part } => {
                out.push(1);
                out.extend(block.to_be_bytes());
                out.extend(part.to_be_bytes());
            }
        }
    }

    /// The part that was written.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, OnlineError> {
        let number = |bytes: &[u8]| bytes.try_into().map(u32::from_be_bytes);
        match bytes {
            [0] => Ok(Part::Head),
            [1, rest @ ..] if rest.len() == 8 => match (number(&rest[..4]), number(&rest[4..])) {
                (Ok(block), Ok(part)) => Ok(Part::Rows { block, part }),
                _ => Err(OnlineError::state("a part has no number")),
            },
            _ => Err(OnlineError::state("a part is of no known kind")),
        }
    }
}

impl Entity {
    /// The bytes before those of the part: lengths come first, so that no two entities have the same.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        let mut out = group_prefix(&self.group);
        write_count(&mut out, self.key.len() as u64);
        out.extend(&self.key);
        out
    }
}

/// The bytes with which keys of a group's entities begin.
pub(crate) fn group_prefix(group: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    write_count(&mut out, group.len() as u64);
    out.extend(group.as_bytes());
    out
}
