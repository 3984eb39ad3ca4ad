//! The watermark of a source: how far event time has come, less how late rows may come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mlsys_connectors::Partition;

/// The event time of a source's partitions.
pub(crate) struct Watermark {
    /// How late rows may come, in microseconds; none if however late.
    lateness: Option<i64>,
    /// How long a partition without rows holds the others back.
    idle: Duration,
    partitions: BTreeMap<Partition, Progress>,
    /// A watermark never goes back.
    reached: i64,
    /// How far the history goes, less the lateness.
    history: i64,
}

struct Progress {
    /// The latest event time; none before the first row.
    latest: Option<i64>,
    /// When its last row came.
    heard: Instant,
    /// Whether all that there is of it was delivered.
    is_caught_up: bool,
}

impl Watermark {
    pub(crate) fn new(lateness: Option<i64>, idle: Duration) -> Self {
        Watermark { lateness, idle, partitions: BTreeMap::new(), reached: i64::MIN, history: i64::MIN }
    }

    /// A partition is read from now on; its latest event time so far, if it was read before.
    pub(crate) fn begin(&mut self, partition: Partition, latest: Option<i64>) {
        self.partitions.insert(partition, Progress { latest, heard: Instant::now(), is_caught_up: false });
    }

    /// A partition is another reader's.
    pub(crate) fn end(&mut self, partition: Partition) {
        self.partitions.remove(&partition);
    }

    /// Everything of a partition has been delivered.
    pub(crate) fn catch_up(&mut self, partition: Partition) {
        if let Some(progress) = self.partitions.get_mut(&partition) {
            (progress.is_caught_up, progress.heard) = (true, Instant::now());
        }
    }

    /// Rows of a partition came.
    pub(crate) fn hear(&mut self, partition: Partition) {
        if let Some(progress) = self.partitions.get_mut(&partition) {
            (progress.is_caught_up, progress.heard) = (false, Instant::now());
        }
    }

    /// A row with an event time came. A partition of which nobody has said that it begins, begins with it.
    pub(crate) fn see(&mut self, partition: Partition, time: i64) {
        let new = || Progress { latest: None, heard: Instant::now(), is_caught_up: false };
        let progress = self.partitions.entry(partition).or_insert_with(new);
        if progress.latest.is_none_or(|latest| latest < time) {
            progress.latest = Some(time);
        }
    }

    /// History goes as far as a time, whatever the partition.
    pub(crate) fn reach(&mut self, time: i64) {
        self.history = self.history.max(time.saturating_sub(self.lateness.unwrap_or(0)));
        self.reached = self.reached.max(self.history);
    }

    /// The latest event time of a partition.
    pub(crate) fn latest(&self, partition: Partition) -> Option<i64> {
        self.partitions.get(&partition)?.latest
    }

    /// The instant before which no row comes any more but late ones; none before anything came. Partitions that have been
    /// silent hold it back no longer.
    pub(crate) fn now(&mut self) -> Option<i64> {
        let mut least: Option<i64> = None;
        let only = self.partitions.len() == 1;
        for progress in self.partitions.values() {
            let is_idle =
                !only && (progress.is_caught_up || progress.latest.is_none()) && progress.heard.elapsed() >= self.idle;
            match progress.latest {
                _ if is_idle => {}
                None => return self.known(),
                Some(latest) => least = Some(least.map_or(latest, |least| least.min(latest))),
            }
        }
        if let Some(least) = least {
            self.reached = self.reached.max(least.saturating_sub(self.lateness.unwrap_or(0)));
        }
        self.known()
    }

    /// Whether what was known at an instant comes too late. A partition that was silent, or another process's, may be behind
    /// the others: its rows are late only when the partition itself has passed them.
    pub(crate) fn is_late(&mut self, partition: Partition, known: i64) -> bool {
        let (Some(lateness), Some(watermark)) = (self.lateness, self.now()) else { return false };
        let passed = self.latest(partition).map_or(i64::MIN, |latest| latest.saturating_sub(lateness));
        known < passed.max(self.history).min(watermark)
    }

    fn known(&self) -> Option<i64> {
        (self.reached > i64::MIN).then_some(self.reached)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Watermark;

    #[test]
    fn the_slowest_partition_counts_until_it_is_idle() {
        let mut watermark = Watermark::new(Some(10), Duration::ZERO);
        watermark.begin(0, None);
        watermark.begin(1, Some(50));
        watermark.see(1, 100);
        watermark.see(0, 70);
        assert_eq!(watermark.now(), Some(60));
        assert!(watermark.is_late(0, 59) && !watermark.is_late(0, 60));
        watermark.catch_up(0);
        assert_eq!(watermark.now(), Some(90));
        // The others do not wait for rows of it that come now, and these are late only where it was itself.
        watermark.hear(0);
        watermark.see(0, 80);
        assert_eq!(watermark.now(), Some(90));
        assert!(watermark.is_late(0, 69) && !watermark.is_late(0, 70) && watermark.is_late(1, 89));
        // Of one of which nothing is known, history says what is late.
        assert!(!watermark.is_late(2, 5));
        watermark.reach(20);
        assert!(watermark.is_late(2, 5) && !watermark.is_late(2, 10));
    }

    #[test]
    fn without_a_declared_lateness_nothing_is_late() {
        let mut watermark = Watermark::new(None, Duration::from_secs(1));
        watermark.see(0, 100);
        assert_eq!(watermark.now(), Some(100));
        assert!(!watermark.is_late(0, 1));
    }

    #[test]
    fn a_partition_of_which_nothing_came_holds_the_others_back() {
        let mut watermark = Watermark::new(Some(0), Duration::from_secs(100));
        watermark.begin(0, None);
        watermark.begin(1, None);
        watermark.see(1, 100);
        assert_eq!(watermark.now(), None);
        watermark.reach(40);
        assert_eq!(watermark.now(), Some(40));
    }
}
