//! What aggregates of floats share: a summary of each window, kept in a two-stack queue.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use crate::kernel::{AggregateError, Sliding};
use crate::queue::{Monoid, Queue};
use crate::ranges::Ranges;
use crate::retained::Retained;

/// What is kept of a run of floats.
pub(super) trait Summary: Copy + Send + From<f64> + 'static {
    /// The summary of two neighbouring runs.
    fn merge(self, later: Self) -> Self;
}

/// Turns the summary of a range, if it is not empty, and the number of values in it into a result.
pub(super) type FinishFloat<S> = fn(Option<S>, usize) -> Option<f64>;

/// Floating-point values, summarised in a two-stack queue per window.
pub(super) struct Summaries<S> {
    values: Values<S>,
    windows: Vec<Queue<S>>,
    finish: FinishFloat<S>,
}

struct Values<S> {
    values: Retained<f64>,
    summary: PhantomData<S>,
}

impl<S: Summary> Summaries<S> {
    pub(super) fn boxed(windows: usize, finish: FinishFloat<S>) -> Box<dyn Sliding> {
        let windows = (0..windows).map(|_| Queue::default()).collect();
        let values = Values { values: Retained::default(), summary: PhantomData };
        Box::new(Summaries { values, windows, finish })
    }
}

impl<S: Summary> Monoid for Values<S> {
    type State = S;

    fn lift(&self, position: usize) -> S {
        S::from(self.values[position])
    }

    fn merge(&self, earlier: S, later: S) -> S {
        earlier.merge(later)
    }
}

impl<S: Summary> Sliding for Summaries<S> {
    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError> {
        let kept = &mut self.values.values;
        match values.data_type() {
            DataType::Float64 => kept.extend_from_slice(values.as_primitive::<Float64Type>().values()),
            DataType::Float32 => {
                kept.extend(values.as_primitive::<Float32Type>().values().iter().map(|value| f64::from(*value)));
            }
            other => return Err(AggregateError::unexpected("a float", other)),
        }
        Ok(())
    }

    fn slide(&mut self, window: usize, ranges: Ranges<'_>) -> Result<ArrayRef, AggregateError> {
        let summaries = self.windows[window].slide(&self.values, ranges);
        let results = summaries.into_iter().zip(ranges.lengths()).map(|(summary, count)| (self.finish)(summary, count));
        Ok(Arc::new(results.collect::<Float64Array>()))
    }

    fn release(&mut self, before: usize) {
        self.values.values.release(before);
    }

    fn bytes(&self) -> usize {
        self.values.values.bytes() + self.windows.iter().map(Queue::bytes).sum::<usize>()
    }
}
