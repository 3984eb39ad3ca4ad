//! How much is taken at once: requests in a time, and requests at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mlsys_plan::RateLimit;

/// A token bucket that holds one period's requests, as the generic cell rate algorithm (ITU-T I.371): one number says when
/// the bucket would be full again.
#[derive(Debug)]
pub(crate) struct Rate {
    start: Instant,
    /// When all tokens are back, in nanoseconds since the start.
    full_at: AtomicU64,
    /// Nanoseconds until one token is back.
    interval: u64,
    /// Nanoseconds until an empty bucket is full.
    period: u64,
}

impl Rate {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let period = u64::try_from(limit.per.max(1)).unwrap_or(1).saturating_mul(1_000);
        let interval = (period / limit.count.max(1)).max(1);
        Rate { start: Instant::now(), full_at: AtomicU64::new(0), interval, period }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// There is none; how long it takes until there is one.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.take_at(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn take_at(&self, now: u64) -> Result<(), Duration> {
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now).saturating_add(self.interval);
            if let Some(wait) = (next - now).checked_sub(self.period).filter(|wait| *wait > 0) {
                return Err(Duration::from_nanos(wait));
            }
            match self.full_at.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed) => full_at = changed,
            }
        }
    }
}

/// Places for requests that are being answered.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Places { taken: Arc::default(), most }
    }

    /// A place, if one is free.
    pub(crate) fn take(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.taken));
        // Dropping the place takes the addition back.
        (self.taken.fetch_add(1, Ordering::AcqRel) < self.most).then_some(place)
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mlsys_plan::RateLimit;
    use proptest::prelude::*;

    use super::{Places, Rate};

    #[test]
    fn a_bucket_holds_one_period_and_fills_evenly() {
        let rate = Rate::new(RateLimit { count: 4, per: 1_000_000 });
        let taken = (0..5).filter(|_| rate.take_at(0).is_ok()).count();
        assert_eq!(taken, 4);
        assert_eq!(rate.take_at(0), Err(Duration::from_millis(250)));
        assert_eq!(rate.take_at(250_000_000), Ok(()));
        assert!(rate.take_at(250_000_000).is_err());
    }

    #[test]
    fn places_come_back() {
        let places = Places::new(1);
        let place = places.take().unwrap();
        assert!(places.take().is_none());
        assert_eq!(places.taken(), 1);
        drop(place);
        assert!(places.take().is_some());
    }

    proptest! {
        /// In any stretch of time, no more are taken than a full bucket and what came in since.
        #[test]
        fn never_more_than_the_limit(gaps in proptest::collection::vec(0..400_000_000_u64, 1..200)) {
            let rate = Rate::new(RateLimit { count: 5, per: 1_000_000 });
            let (mut now, mut times) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                if rate.take_at(now).is_ok() {
                    times.push(now);
                }
            }
            for (first, start) in times.iter().enumerate() {
                for (last, end) in times.iter().enumerate().skip(first) {
                    let most = 5.0 + (end - start) as f64 * 5.0 / 1e9;
                    prop_assert!((last - first + 1) as f64 <= most + 1e-6);
                }
            }
        }
    }
}
