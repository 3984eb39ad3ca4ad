//! What aggregates of floats share: a summary of runs of values, kept in a two-stack queue where windows slide.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Float64Builder};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use crate::bytes::{Reader, write_count};
use crate::error::{AggregateError, check_times};
use crate::input::Input;
use crate::kernel::Sliding;
use crate::queue::{Monoid, Queue};
use crate::ranges::Ranges;
use crate::retained::Retained;
use crate::summary::State;

/// How runs of floats are summarised.
pub(crate) trait Floats: Copy + PartialEq + Send + 'static {
    /// Whether the times of the values matter.
    const TIMED: bool = false;

    /// What is kept of a run that is not empty.
    type Run: Copy + Send + 'static;

    /// The summary of one value at a time in microseconds since 1970, or at any time if times do not matter.
    fn one(self, value: f64, time: i64) -> Self::Run;

    /// The summary of two neighbouring runs.
    fn merge(self, earlier: Self::Run, later: Self::Run) -> Self::Run;

    /// Appends the byte form of a run.
    fn write(self, run: &Self::Run, out: &mut Vec<u8>);

    /// The run that was written.
    fn read(self, reader: &mut Reader<'_>) -> Result<Self::Run, AggregateError>;
}

/// Turns the summary of a range, if it is not empty, and the number of values in it into a result.
pub(crate) type FinishFloat<R> = fn(Option<R>, usize) -> Option<f64>;

/// The type of results of aggregates that are defined on floats only.
pub(crate) fn output(argument: Option<&DataType>) -> Option<DataType> {
    matches!(argument?, DataType::Float32 | DataType::Float64).then_some(DataType::Float64)
}

/// Floating-point values, summarised in a two-stack queue per window.
struct Summaries<F: Floats> {
    values: Values<F>,
    windows: Vec<Queue<F::Run>>,
    finishes: Vec<FinishFloat<F::Run>>,
}

struct Values<F> {
    floats: F,
    values: Retained<f64>,
    /// The times of the values, if they matter.
    times: Retained<i64>,
}

/// Windows over a column of floats.
pub(crate) fn sliding<F: Floats>(input: &Input<'_>, floats: F, finish: FinishFloat<F::Run>) -> Box<dyn Sliding> {
    let windows = input.windows.iter().map(|_| Queue::default()).collect();
    let values = Values { floats, values: Retained::default(), times: Retained::default() };
    Box::new(Summaries { values, windows, finishes: vec![finish] })
}

impl<F: Floats> Monoid for Values<F> {
    type State = F::Run;

    #[inline]
    fn lift(&self, position: usize) -> F::Run {
        let time = if F::TIMED { self.times[position] } else { 0 };
        self.floats.one(self.values[position], time)
    }

    #[inline]
    fn merge(&self, earlier: F::Run, later: F::Run) -> F::Run {
        self.floats.merge(earlier, later)
    }
}

/// Hands over the values of a column of floats, with their times if they matter.
fn each<F: Floats>(values: &ArrayRef, times: &[i64], mut visit: impl FnMut(f64, i64)) -> Result<(), AggregateError> {
    if F::TIMED {
        check_times(values.len(), times.len())?;
    }
    let time = |index: usize| if F::TIMED { times[index] } else { 0 };
    match values.data_type() {
        DataType::Float64 => {
            let values = values.as_primitive::<Float64Type>().values();
            values.iter().enumerate().for_each(|(index, value)| visit(*value, time(index)));
        }
        DataType::Float32 => {
            let values = values.as_primitive::<Float32Type>().values();
            values.iter().enumerate().for_each(|(index, value)| visit(f64::from(*value), time(index)));
        }
        other => return Err(AggregateError::unexpected("a float", other)),
    }
    Ok(())
}

impl<F: Floats> Sliding for Summaries<F> {
    fn append(&mut self, values: &ArrayRef, times: &[i64]) -> Result<(), AggregateError> {
        let kept = &mut self.values;
        if F::TIMED {
            kept.times.extend_from_slice(times);
        }
        kept.values.reserve(values.len());
        each::<F>(values, times, |value, _| kept.values.push(value))
    }

    fn slide(&mut self, window: usize, ranges: Ranges<'_>, outputs: &[usize]) -> Result<Vec<ArrayRef>, AggregateError> {
        let finishes: Vec<FinishFloat<F::Run>> = outputs.iter().map(|output| self.finishes[*output]).collect();
        let mut columns: Vec<Float64Builder> =
            outputs.iter().map(|_| Float64Builder::with_capacity(ranges.len())).collect();
        self.windows[window].slide(&self.values, ranges, |run, count| {
            for (column, finish) in columns.iter_mut().zip(&finishes) {
                column.append_option(finish(run, count));
            }
        });
        Ok(columns.into_iter().map(|mut column| Arc::new(column.finish()) as ArrayRef).collect())
    }

    fn share(&mut self, other: &dyn Any) -> Option<usize> {
        let other = other.downcast_ref::<Self>().filter(|other| other.values.floats == self.values.floats)?;
        self.finishes.extend_from_slice(&other.finishes);
        Some(self.finishes.len() - 1)
    }

    fn release(&mut self, before: usize) {
        self.values.values.release(before);
        self.values.times.release(before);
    }

    fn bytes(&self) -> usize {
        let windows: usize = self.windows.iter().map(Queue::bytes).sum();
        self.values.values.bytes() + self.values.times.bytes() + windows
    }
}

/// The summary of one run.
#[derive(Clone)]
pub(crate) struct Run<F: Floats> {
    floats: F,
    run: Option<F::Run>,
    count: usize,
    finish: FinishFloat<F::Run>,
}

impl<F: Floats> Run<F> {
    /// The summary of no values.
    pub(crate) fn new(floats: F, finish: FinishFloat<F::Run>) -> Self {
        Run { floats, run: None, count: 0, finish }
    }

    fn push(&mut self, later: F::Run, count: usize) {
        self.run = Some(match self.run {
            Some(run) => self.floats.merge(run, later),
            None => later,
        });
        self.count = self.count.saturating_add(count);
    }
}

impl<F: Floats> State for Run<F> {
    fn update(&mut self, values: &ArrayRef, times: &[i64]) -> Result<(), AggregateError> {
        each::<F>(values, times, |value, time| self.push(self.floats.one(value, time), 1))
    }

    fn is_like(&self, other: &Self) -> bool {
        self.floats == other.floats
    }

    fn merge(&mut self, later: &Self) -> Result<(), AggregateError> {
        if let Some(run) = later.run {
            self.push(run, later.count);
        }
        Ok(())
    }

    fn finish(&self, _window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        Ok(Arc::new(Float64Array::from(vec![(self.finish)(self.run, self.count)])))
    }

    /// The number of values, and their run if there are any.
    fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.count as u64);
        if let Some(run) = &self.run {
            self.floats.write(run, out);
        }
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        self.count = reader.length()?;
        if self.count > 0 {
            self.run = Some(self.floats.read(reader)?);
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        0
    }
}
