//! What `first` and `last` share: one end of a range, taken from the values as they came.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::chunks::Chunks;
use crate::kernel::{AggregateError, Sliding};
use crate::ranges::Ranges;

/// Which end of a range is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    Earliest,
    Latest,
}

/// An ordered kernel at work.
pub(super) struct Picks {
    values: Chunks,
    pick: Pick,
}

impl Picks {
    pub(super) fn boxed(ty: &DataType, pick: Pick) -> Box<dyn Sliding> {
        Box::new(Picks { values: Chunks::new(ty), pick })
    }
}

impl Sliding for Picks {
    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError> {
        self.values.append(values)
    }

    fn slide(&mut self, _window: usize, ranges: Ranges<'_>) -> Result<ArrayRef, AggregateError> {
        let pick = self.pick;
        self.values.take(ranges.iter().map(|(low, high)| {
            (low < high).then_some(match pick {
                Pick::Earliest => low,
                Pick::Latest => high.saturating_sub(1),
            })
        }))
    }

    fn release(&mut self, before: usize) {
        self.values.release(before);
    }

    fn bytes(&self) -> usize {
        self.values.bytes()
    }
}
