//! The state of the groups that a process keeps fresh.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mlsys_connectors::{Partition, Positions};
use mlsys_dataflow::Dataflow;
use mlsys_online::{Commit, Groups, Item, OnlineError, Space, Store};
use mlsys_plan::{Features, Operation, Plan, Source};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::clock;
use crate::content::digest;
use crate::error::LiveError;
use crate::history::History;
use crate::intake::Intake;
use crate::lease::{self, Lease};
use crate::ledger::{Ledger, partition_key, source_key};
use crate::member::Member;
use crate::status::SourceStatus;

/// How features are kept fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many bytes of each group's entities are held in memory, about.
    pub memory: usize,
    /// How far ahead of the clock a row's time may lie: one clock that is wrong would make all other rows late.
    pub skew: Duration,
    /// How long a partition without rows holds the watermark back.
    pub idle: Duration,
    /// How long before the watermark, and the lateness, moments may still be asked for and rows replaced.
    pub margin: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { memory: 2 << 30, skew: Duration::from_secs(300), idle: Duration::from_secs(30), margin: HOUR }
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

/// The least margin of sources of which rows come again when more of them is known.
const LATER: Duration = Duration::from_secs(92 * 24 * 3_600);

/// The groups of some sources.
pub struct Live {
    groups: Groups,
    sources: BTreeMap<String, Fed>,
    ledger: Mutex<Ledger>,
    /// The number of the last commit; held while one is made.
    committing: Mutex<u64>,
    /// How far streams are durably read.
    committed: std::sync::Mutex<BTreeMap<String, Positions>>,
    /// Whose lease this writes under, while there is one.
    holder: std::sync::Mutex<Option<Vec<u8>>>,
    options: Options,
    dataflow: Dataflow,
}

/// A source that feeds groups.
pub(crate) struct Fed {
    pub(crate) source: Source,
    pub(crate) members: Vec<Arc<Member>>,
    /// A hash of how its groups are kept.
    epoch: u64,
    /// What is known of its history.
    pub(crate) seeded: std::sync::Mutex<Option<Seeded>>,
    pub(crate) status: Arc<SourceStatus>,
}

/// What is stored of a source's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seeded {
    /// How its groups are kept.
    pub(crate) epoch: u64,
    /// Which history has been taken; none if none has, or not to its end.
    pub(crate) history: Option<String>,
    /// From which instant on rows come from the stream, where they have no key.
    pub(crate) handed_over: Option<i64>,
    /// The latest time in the history.
    pub(crate) reached: Option<i64>,
}

impl Live {
    /// The groups with these names, whose state is in a store, and the sources that feed them. Of a store that is shared,
    /// somebody has to have the [`Lease`]. Further `sources` may be named whose
    /// rows are taken although no group here needs them. State that was kept for another definition is let go of, and
    /// so is that of sources without a key of which the history has changed: they are seeded anew.
    ///
    /// # Errors
    /// The plan has no such group, or the store does not answer.
    pub async fn open(
        plan: &Plan,
        dataflow: Dataflow,
        store: Arc<dyn Store>,
        (groups, also): (&[String], &[String]),
        histories: &BTreeMap<String, History>,
        options: Options,
    ) -> Result<Self, LiveError> {
        let (mut sources, mut layouts) = (BTreeMap::<String, Fed>::new(), Vec::new());
        for name in groups {
            let features = group_of(plan, name).ok_or_else(|| LiveError::Missing(format!("group `{name}`")))?;
            let source = source_of(plan, &features.source)
                .ok_or_else(|| LiveError::Missing(format!("source `{}`", features.source)))?;
            let (member, layout) = Member::new(&dataflow, source, features, layouts.len())?;
            let fed = sources.entry(source.name.clone()).or_insert_with(|| Fed::new(source));
            let prints = [fed.epoch.to_string(), name.clone(), layout.fingerprint().to_string()];
            fed.epoch = digest(prints.iter().map(String::as_str));
            fed.members.push(Arc::new(member));
            layouts.push((name.clone(), layout));
        }
        for name in also {
            let source = source_of(plan, name).ok_or_else(|| LiveError::Missing(format!("source `{name}`")))?;
            sources.entry(name.clone()).or_insert_with(|| Fed::new(source));
        }
        for fed in sources.values() {
            fed.recall(store.as_ref(), histories.get(&fed.source.name)).await?;
        }
        let groups = Groups::open(store, layouts, options.memory).await?;
        Ok(Live {
            groups,
            sources,
            ledger: Mutex::default(),
            committing: Mutex::new(0),
            committed: std::sync::Mutex::default(),
            holder: std::sync::Mutex::default(),
            options,
            dataflow,
        })
    }

    /// The sources that feed groups.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values().map(|fed| &fed.source)
    }

    /// How the rows of a source are doing.
    pub fn status(&self, source: &str) -> Option<&Arc<SourceStatus>> {
        self.sources.get(source).map(|fed| &fed.status)
    }

    /// The number of a group.
    pub fn number(&self, group: &str) -> Option<usize> {
        self.groups.number(group)
    }

    /// How many entities are in memory, and about how many bytes they take.
    pub fn held(&self) -> (usize, usize) {
        let each = self.groups.groups().iter();
        each.fold((0, 0), |(entities, bytes), group| (entities + group.entities(), bytes + group.bytes()))
    }

    /// Takes the rows of a source.
    ///
    /// # Errors
    /// The source feeds no group; the store does not answer.
    pub async fn intake(&self, source: &str) -> Result<Intake, LiveError> {
        let fed = self.fed(source)?;
        let prefix = digest([source, fed.epoch.to_string().as_str()]).to_be_bytes();
        let (options, status) = (self.options, Arc::clone(&fed.status));
        let members = fed.members.clone();
        let mut intake =
            Intake::new(&self.dataflow, &fed.source, members, prefix, (options.skew, options.idle), status)?;
        let seeded = fed.seeded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(seeded) = seeded {
            seeded.handed_over.into_iter().for_each(|at| intake.hand_over(at));
            seeded.reached.into_iter().for_each(|time| intake.watermark().reach(time));
        }
        Ok(intake)
    }

    /// Where a partition of a source goes on, and the latest event time of it, as they are stored.
    pub(crate) async fn position(
        &self,
        source: &str,
        partition: Partition,
    ) -> Result<(Option<u64>, Option<i64>), LiveError> {
        let key = partition_key(source, partition);
        let number =
            |found: Vec<Option<Vec<u8>>>| -> Option<[u8; 8]> { found.into_iter().flatten().next()?.try_into().ok() };
        let latest = self.store().items(Space::Watermarks, std::slice::from_ref(&key)).await?;
        let position = self.store().items(Space::Positions, std::slice::from_ref(&key)).await?;
        let position = number(position).map(u64::from_be_bytes);
        self.ledger.lock().await.begin(key, position);
        Ok((position, number(latest).map(i64::from_be_bytes)))
    }

    /// Since when rows of a source are wanted that the history has not, in microseconds since 1970; none without a history.
    pub(crate) fn wanted_since(&self, source: &str) -> Option<i64> {
        let fed = self.sources.get(source)?;
        let seeded = fed.seeded.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let since = seeded.handed_over.or(seeded.reached)?;
        Some(since.saturating_sub(fed.source.lateness.unwrap_or(micros(HOUR))))
    }

    /// From now on this writes under a lease, or under none.
    pub fn under(&self, lease: Option<&Lease>) {
        let holder = lease.map(|lease| lease.holder().to_vec());
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = holder;
    }

    /// Stores everything that came since the last commit, all or nothing.
    ///
    /// # Errors
    /// The store does not take it, or another process was first ([`OnlineError::Overtaken`]): [`Live::reset`], and let streams
    /// begin again from what is stored.
    pub async fn commit(&self) -> Result<(), LiveError> {
        let mut last = self.committing.lock().await;
        let (begun, commit, positions) = {
            let mut ledger = self.ledger.lock().await;
            if !ledger.is_changed() {
                return Ok(());
            }
            self.forget();
            let begun = self.groups.begin().await?;
            // Commits after a restart have greater numbers than those before.
            *last = (*last + 1).max(clock::micros());
            let (mut commit, positions) = ledger.take(*last);
            let holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
            commit.guards.push(lease::guard(holder.as_deref()));
            (begun, commit, positions)
        };
        self.groups.finish(begun, commit).await?;
        // It takes a while to free what was remembered, and streams need not wait for that.
        let stored = self.ledger.lock().await.stored();
        drop(stored);
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        for (source, next) in positions {
            committed.entry(source).or_default().extend(&next);
        }
        Ok(())
    }

    /// Drops what is not stored.
    pub async fn reset(&self) {
        let _last = self.committing.lock().await;
        self.ledger.lock().await.clear();
        self.groups.reset().await;
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until no other process builds state of history, and takes what it has left.
    ///
    /// # Errors
    /// [`LiveError::TakenOver`] if a group is kept for another definition by now; the store does not answer.
    pub async fn settle(&self) -> Result<(), LiveError> {
        Lease::wait(self.groups.store()).await?;
        match self.groups.check().await {
            Err(OnlineError::OtherLayout { group }) => return Err(LiveError::TakenOver { group }),
            other => other?,
        }
        self.refresh().await
    }

    /// Looks up what is stored of histories: another process may have taken them.
    pub(crate) async fn refresh(&self) -> Result<(), LiveError> {
        for fed in self.sources.values() {
            let found = fed.stored(self.store()).await?.filter(|found| found.epoch == fed.epoch);
            if found.is_some() {
                *fed.seeded.lock().unwrap_or_else(PoisonError::into_inner) = found;
            }
        }
        Ok(())
    }

    /// Removes what nothing can see any more, of entities of which nothing comes, and forgets rows that need not be recognised
    /// any longer; some of each.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn sweep(&self, after: &mut BTreeMap<usize, Vec<u8>>) -> Result<(), LiveError> {
        const AT_ONCE: usize = 1_000;
        for fed in self.sources.values() {
            for member in &fed.members {
                let from = after.get(&member.number).map(Vec::as_slice);
                match self.groups.sweep(member.number, from, AT_ONCE).await? {
                    Some(last) => drop(after.insert(member.number, last)),
                    None => drop(after.remove(&member.number)),
                }
            }
        }
        let least = self.sources.values().filter_map(|fed| fed.status.watermark()).min();
        if let Some(least) = least {
            self.store().expire(least, 10 * AT_ONCE).await?;
        }
        Ok(())
    }

    /// How far a source is durably read since the last time that somebody asked.
    pub(crate) fn newly_committed(&self, source: &str) -> Option<Positions> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).remove(source)
    }

    /// Lets rows go that no moment can see any more which is asked for from now on.
    fn forget(&self) {
        for fed in self.sources.values() {
            let Some(watermark) = fed.status.watermark() else { continue };
            for member in &fed.members {
                // Rows that left into a summary of all rows cannot be replaced any more.
                let comes_again =
                    !fed.source.known_at.is_empty() && self.groups.groups()[member.number].layout().reach().is_none();
                let margin = if comes_again { self.options.margin.max(LATER) } else { self.options.margin };
                let margin = micros(margin).saturating_add(fed.source.lateness.unwrap_or(0));
                self.groups.forget(member.number, watermark.saturating_sub(margin));
            }
        }
    }

    /// Whether one of these histories is another one than that which was taken.
    pub fn wants(&self, histories: &BTreeMap<String, History>) -> bool {
        let is_new = |(source, history): (&String, &History)| {
            let fed = self.sources.get(source)?;
            let seeded = fed.seeded.lock().unwrap_or_else(PoisonError::into_inner);
            Some(seeded.as_ref()?.history.as_ref() != Some(&history.fingerprint))
        };
        histories.iter().any(|one| is_new(one).unwrap_or(false))
    }

    /// The time between two commits: so much is read again after a crash. Other processes see what is stored, so that it
    /// is short where there are some; an entity that changes often is written less often where there are none.
    pub fn commits_every(&self) -> Duration {
        Duration::from_millis(if self.store().is_shared() { 500 } else { 2_000 })
    }

    /// Where state is kept.
    pub fn place(&self) -> &Arc<dyn Store> {
        self.groups.store()
    }

    /// The groups.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.groups.store().as_ref()
    }

    pub(crate) fn ledger(&self) -> &Mutex<Ledger> {
        &self.ledger
    }

    pub(crate) fn fed(&self, source: &str) -> Result<&Fed, LiveError> {
        self.sources.get(source).ok_or_else(|| LiveError::Missing(format!("group of the source `{source}`")))
    }

    /// The member that a group is.
    pub(crate) fn member(&self, group: &str) -> Option<&Arc<Member>> {
        self.sources.values().flat_map(|fed| &fed.members).find(|member| member.features.name == group)
    }
}

impl Fed {
    fn new(source: &Source) -> Self {
        Fed {
            source: source.clone(),
            members: Vec::new(),
            epoch: 0,
            seeded: std::sync::Mutex::default(),
            status: Arc::default(),
        }
    }

    /// Looks up what is stored, and removes it if it is of no use.
    async fn recall(&self, store: &dyn Store, history: Option<&History>) -> Result<(), LiveError> {
        let usable = self.stored(store).await?.filter(|found| {
            let is_same = history.is_none_or(|history| found.history.as_ref() == Some(&history.fingerprint));
            found.epoch == self.epoch && (is_same || !self.source.key.is_empty())
        });
        let (seeded, is_new) = match usable {
            Some(seeded) => (seeded, false),
            None => (Seeded { epoch: self.epoch, history: None, handed_over: None, reached: None }, true),
        };
        if is_new {
            self.clear(store).await?;
            let value = Some(serde_json::to_vec(&seeded).unwrap_or_default());
            let items = vec![Item { space: Space::Histories, key: source_key(&self.source.name), value }];
            store.commit(Commit { items, ..Commit::default() }).await?;
        }
        *self.seeded.lock().unwrap_or_else(PoisonError::into_inner) = Some(seeded);
        Ok(())
    }

    /// What is stored of its history.
    async fn stored(&self, store: &dyn Store) -> Result<Option<Seeded>, LiveError> {
        let found = store.items(Space::Histories, &[source_key(&self.source.name)]).await?;
        Ok(found.into_iter().flatten().next().and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Removes the state of its groups, and where its stream goes on.
    async fn clear(&self, store: &dyn Store) -> Result<(), LiveError> {
        for member in &self.members {
            Groups::clear(store, &member.features.name).await?;
        }
        let prefix = source_key(&self.source.name);
        let mut items = Vec::new();
        for space in [Space::Positions, Space::Watermarks] {
            let mut from = prefix.clone();
            loop {
                let found = store.scan(space, &from, 1_000).await?;
                let own = found.iter().take_while(|(key, _)| key.starts_with(&prefix));
                let own: Vec<Vec<u8>> = own.map(|(key, _)| key.clone()).collect();
                let Some(last) = own.last() else { break };
                from = [last.as_slice(), &[0]].concat();
                items.extend(own.into_iter().map(|key| Item { space, key, value: None }));
            }
        }
        store.commit(Commit { items, ..Commit::default() }).await?;
        Ok(())
    }
}

/// A group of a plan.
pub(crate) fn group_of<'p>(plan: &'p Plan, name: &str) -> Option<&'p Features> {
    plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Features(features) if features.name == name => Some(features),
        _ => None,
    })
}

/// A source of a plan.
pub(crate) fn source_of<'p>(plan: &'p Plan, name: &str) -> Option<&'p Source> {
    plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Source(source) if source.name == name => Some(source),
        _ => None,
    })
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
