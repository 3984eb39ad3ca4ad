//! Leave to write alone for a while, among the processes that share a store: while one of them builds state of history,
//! the others wait.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use mlsys_online::{Commit, Guard, Item, OnlineError, Space, Store};
use tokio::task::JoinHandle;

use crate::clock::micros;
use crate::error::LiveError;

/// How long it lasts after its holder was last heard of.
const LASTS: Duration = Duration::from_secs(30);

/// The time between two signs of life.
const RENEW: Duration = Duration::from_secs(5);

/// The time between two looks whether it is free.
const LOOK: Duration = Duration::from_millis(300);

/// Leave to write alone. Dropped without [`Lease::end`], it ends by itself after a while.
pub struct Lease {
    store: Arc<dyn Store>,
    holder: Vec<u8>,
    renewing: JoinHandle<()>,
}

/// Who has it, and until when.
struct Taken {
    holder: Option<Vec<u8>>,
    until: Option<Vec<u8>>,
}

impl Lease {
    /// Waits until nobody else has it; none for a store that only one process has. `waiting` is told once if it has to wait.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn take(store: &Arc<dyn Store>, waiting: &mut (dyn FnMut() + Send)) -> Result<Option<Self>, LiveError> {
        if !store.is_shared() {
            return Ok(None);
        }
        let holder = name();
        let mut is_told = false;
        loop {
            let taken = Taken::read(store.as_ref()).await?;
            if !taken.lasts() {
                let commit = Commit {
                    guards: taken.guards(),
                    items: vec![item(HOLDER, Some(holder.clone())), item(UNTIL, Some(until()))],
                    ..Commit::default()
                };
                match store.commit(commit).await {
                    Ok(()) => break,
                    Err(OnlineError::Overtaken) => {}
                    Err(error) => return Err(error.into()),
                }
            } else if !is_told {
                is_told = true;
                waiting();
            }
            tokio::time::sleep(LOOK).await;
        }
        let renewing = tokio::spawn(renew(Arc::clone(store), holder.clone()));
        Ok(Some(Lease { store: Arc::clone(store), holder, renewing }))
    }

    /// Waits until nobody has it who is alive.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn wait(store: &Arc<dyn Store>) -> Result<(), LiveError> {
        if !store.is_shared() {
            return Ok(());
        }
        loop {
            let taken = Taken::read(store.as_ref()).await?;
            if taken.holder.is_none() {
                return Ok(());
            }
            if !taken.lasts() {
                // Its holder has died, or two of those who wait would find that out at once.
                let items = vec![item(HOLDER, None), item(UNTIL, None)];
                match store.commit(Commit { guards: taken.guards(), items, ..Commit::default() }).await {
                    Ok(()) | Err(OnlineError::Overtaken) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Lets others write again.
    ///
    /// # Errors
    /// The store does not answer; another process has it, because this one was not heard of for too long.
    pub async fn end(self) -> Result<(), LiveError> {
        self.renewing.abort();
        let items = vec![item(HOLDER, None), item(UNTIL, None)];
        let guards = vec![guard(Some(&self.holder))];
        Ok(self.store.commit(Commit { guards, items, ..Commit::default() }).await?)
    }

    /// Who holds it.
    pub(crate) fn holder(&self) -> &[u8] {
        &self.holder
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

const HOLDER: &[u8] = b"holder";
const UNTIL: &[u8] = b"until";

/// What a commit relies on: that nobody but this holder, or nobody at all, writes alone.
pub(crate) fn guard(holder: Option<&[u8]>) -> Guard {
    Guard { space: Space::Leases, key: HOLDER.to_vec(), value: holder.map(<[u8]>::to_vec) }
}

impl Taken {
    async fn read(store: &dyn Store) -> Result<Self, LiveError> {
        let mut found = store.items(Space::Leases, &[HOLDER.to_vec(), UNTIL.to_vec()]).await?.into_iter();
        let (holder, until) = (found.next().flatten(), found.next().flatten());
        Ok(Taken { holder, until })
    }

    fn lasts(&self) -> bool {
        let until = self.until.as_deref().and_then(|until| until.try_into().ok()).map(u64::from_be_bytes);
        self.holder.is_some() && until.is_some_and(|until| until > micros())
    }

    /// It is as it was read.
    fn guards(&self) -> Vec<Guard> {
        let until = Guard { space: Space::Leases, key: UNTIL.to_vec(), value: self.until.clone() };
        vec![guard(self.holder.as_deref()), until]
    }
}

/// Gives signs of life, as long as it has not ended and the store answers.
async fn renew(store: Arc<dyn Store>, holder: Vec<u8>) {
    loop {
        tokio::time::sleep(RENEW).await;
        let commit =
            Commit { guards: vec![guard(Some(&holder))], items: vec![item(UNTIL, Some(until()))], ..Commit::default() };
        if matches!(store.commit(commit).await, Err(OnlineError::Overtaken)) {
            return;
        }
    }
}

/// A name that no other process gives itself: its number, the time, and a number drawn at random.
fn name() -> Vec<u8> {
    let drawn = RandomState::new().build_hasher().finish();
    [&std::process::id().to_be_bytes()[..], &micros().to_be_bytes(), &drawn.to_be_bytes()].concat()
}

fn item(key: &[u8], value: Option<Vec<u8>>) -> Item {
    Item { space: Space::Leases, key: key.to_vec(), value }
}

fn until() -> Vec<u8> {
    let lasts = u64::try_from(LASTS.as_micros()).unwrap_or(u64::MAX);
    micros().saturating_add(lasts).to_be_bytes().to_vec()
}
