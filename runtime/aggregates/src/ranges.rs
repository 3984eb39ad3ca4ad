//! Half-open ranges of positions that move only forwards: one per observation and window.

/// Ranges `low[i]..high[i]`; neither bound ever moves backwards.
#[derive(Clone, Copy, Debug)]
pub struct Ranges<'a> {
    low: &'a [usize],
    high: &'a [usize],
}

/// Owned ranges, filled one by one and reused from batch to batch.
#[derive(Clone, Debug, Default)]
pub struct RangeBuffer {
    low: Vec<usize>,
    high: Vec<usize>,
}

impl<'a> Ranges<'a> {
    /// Ranges with the given bounds, which have equal lengths.
    pub fn new(low: &'a [usize], high: &'a [usize]) -> Self {
        debug_assert_eq!(low.len(), high.len(), "every range has two bounds");
        Ranges { low, high }
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.low.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// The bounds of every range, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (usize, usize)> + 'a {
        self.low.iter().copied().zip(self.high.iter().copied())
    }

    /// The number of positions in every range, in order.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> + 'a {
        self.iter().map(|(low, high)| high - low)
    }
}

impl RangeBuffer {
    /// The ranges as they are now.
    pub fn as_ranges(&self) -> Ranges<'_> {
        Ranges::new(&self.low, &self.high)
    }

    /// Adds a range.
    pub fn push(&mut self, low: usize, high: usize) {
        debug_assert!(low <= high, "a range begins before it ends");
        self.low.push(low);
        self.high.push(high);
    }

    /// Removes all ranges, keeping the memory.
    pub fn clear(&mut self) {
        self.low.clear();
        self.high.clear();
    }
}
