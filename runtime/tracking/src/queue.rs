//! What waits to be sent: bounded, so that a slow server costs figures of epochs and neither memory nor time.

use std::collections::VecDeque;

use crate::news::News;

/// How many pieces of news wait before every second epoch among them is left out.
pub(crate) const MOST: usize = 4096;

/// How many pieces of news wait at all.
const MOST_OF_ALL: usize = 16 * MOST;

/// How many epochs are sent together.
const TOGETHER: usize = 256;

/// News in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<News>,
    /// So many at the front are on their way.
    on_their_way: usize,
    /// Epochs that were left out because too much was waiting.
    pub(crate) thinned: u64,
}

impl Queue {
    /// Adds news at the end; what waits already does not wait twice.
    pub(crate) fn push(&mut self, news: News) {
        if !news.is_epoch() && self.waiting.contains(&news) {
            return;
        }
        if self.waiting.len() >= MOST {
            self.thin();
        }
        let room = if news.is_epoch() { MOST } else { MOST_OF_ALL };
        if self.waiting.len() < room {
            self.waiting.push_back(news);
        } else {
            self.thinned += 1;
        }
    }

    /// What is to be sent next: one piece of news, or epochs that go together. It stays until [`Queue::sent`] is called.
    pub(crate) fn next(&mut self) -> Vec<News> {
        let Some(first) = self.waiting.front() else { return Vec::new() };
        let further = self.waiting.iter().skip(1).take(TOGETHER - 1).take_while(|news| first.goes_with(news));
        self.on_their_way = 1 + further.count();
        self.waiting.iter().take(self.on_their_way).cloned().collect()
    }

    /// What was on its way has arrived, or is given up.
    pub(crate) fn sent(&mut self) {
        self.waiting.drain(..self.on_their_way.min(self.waiting.len()));
        self.on_their_way = 0;
    }

    /// What waits, also what was on its way and may not have arrived.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &News> {
        self.waiting.iter()
    }

    /// Leaves out every second epoch that waits.
    fn thin(&mut self) {
        let (mut place, mut second, before) = (0, false, self.waiting.len());
        let on_their_way = self.on_their_way;
        self.waiting.retain(|news| {
            place += 1;
            if place <= on_their_way || !news.is_epoch() {
                return true;
            }
            second = !second;
            second
        });
        self.thinned += (before - self.waiting.len()) as u64;
    }
}

#[cfg(test)]
mod tests {
    use mlsys_training::{EpochReport, Scores};

    use super::{MOST, Queue, TOGETHER};
    use crate::news::{Id, Moved, News};

    fn epoch(epoch: u32, trial: u32) -> News {
        let training = Id { program: "p".to_owned(), model: "m".to_owned(), fingerprint: "f".to_owned() };
        let report = EpochReport { epoch, loss: 1.0, validate: Scores::default(), seconds: 0.0 };
        News::Epoch { training, trial: Some(trial), report }
    }

    fn moved(version: i64) -> News {
        let (model, fingerprint, alias) = ("m".to_owned(), "f".to_owned(), "a".to_owned());
        News::Moved(Moved { model, fingerprint, version, alias })
    }

    #[test]
    fn epochs_that_belong_together_go_together() {
        let mut queue = Queue::default();
        queue.push(moved(1));
        (1..=3).for_each(|number| queue.push(epoch(number, 1)));
        queue.push(epoch(1, 2));
        let mut sizes = Vec::new();
        while !queue.next().is_empty() {
            sizes.push(queue.on_their_way);
            queue.sent();
        }
        assert_eq!(sizes, [1, 3, 1]);
        (1..=1000).for_each(|number| queue.push(epoch(number, 1)));
        assert_eq!(queue.next().len(), TOGETHER);
    }

    /// However much comes, memory is bounded, what is on its way stays, and all that is no epoch is kept in its order.
    #[test]
    fn a_full_queue_is_thinned_and_counted() {
        let mut queue = Queue::default();
        queue.push(epoch(0, 1));
        let first = queue.next();
        let pushed = 20 * u32::try_from(MOST).unwrap();
        for number in 1..=pushed {
            queue.push(epoch(number, 1));
            if number % 1000 == 0 {
                queue.push(moved(i64::from(number)));
            }
        }
        let kept: Vec<&News> = queue.waiting().collect();
        assert!(kept.len() <= MOST + 100, "{} are kept", kept.len());
        assert_eq!(kept[0], &first[0]);
        let epochs = kept.iter().filter(|news| news.is_epoch()).count() as u64;
        assert_eq!(queue.thinned + epochs, u64::from(pushed) + 1);
        let versions: Vec<i64> = kept
            .iter()
            .filter_map(|news| match news {
                News::Moved(moved) => Some(moved.version),
                _ => None,
            })
            .collect();
        assert_eq!(versions.len() as u32, pushed / 1000);
        assert!(versions.is_sorted());
    }
}
