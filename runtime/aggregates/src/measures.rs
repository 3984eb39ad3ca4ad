//! All aggregates of a feature group at work: every window in one pass over the group's sorted rows.

use std::borrow::Cow;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::error::{AggregateError, check_times};
use crate::input::{Input, Parameters};
use crate::kernel::{Kernel, Sliding};
use crate::present::Present;
use crate::ranges::{RangeBuffer, Ranges};

/// One aggregate over one window.
#[derive(Clone)]
pub struct Measure {
    /// The aggregate.
    pub kernel: &'static dyn Kernel,
    /// Which argument column it reads; none counts rows.
    pub argument: Option<usize>,
    /// The constants of the call.
    pub parameters: Parameters,
    /// Which window it sees.
    pub window: usize,
}

/// The aggregates of a group over rows that arrive in order. Rows have positions, counted from 0 since the beginning.
pub struct Measures {
    arguments: Vec<Argument>,
    workers: Vec<Worker>,
    slides: Vec<Slide>,
    /// For each measure, its slide and its place among the outputs of that.
    places: Vec<(usize, usize)>,
}

/// An argument column: which rows have a value, and the ranges of values of each window.
struct Argument {
    present: Present,
    /// Whether some kernel of it reads time.
    timed: bool,
    buffers: Vec<RangeBuffer>,
}

/// What keeps the windows of one or more kernels over one argument.
struct Worker {
    argument: Option<usize>,
    sliding: Box<dyn Sliding>,
}

/// A worker and a window that slides once per batch, however many measures ask for it.
struct Slide {
    worker: usize,
    window: usize,
    outputs: Vec<usize>,
}

impl Measures {
    /// The given measures over argument columns of the given types, with windows of the given lengths in microseconds;
    /// none where a window is not a length of time.
    ///
    /// # Errors
    /// As [`Kernel::sliding`].
    pub fn new(measures: &[Measure], arguments: &[DataType], windows: &[Option<i64>]) -> Result<Self, AggregateError> {
        let mut workers = Workers::default();
        let mut slides: Vec<Slide> = Vec::new();
        let mut places = Vec::with_capacity(measures.len());
        for measure in measures {
            let (worker, output) = workers.place(measure, arguments, windows)?;
            let known = slides.iter().position(|slide| slide.worker == worker && slide.window == measure.window);
            let slide = known.unwrap_or(slides.len());
            if known.is_none() {
                slides.push(Slide { worker, window: measure.window, outputs: Vec::new() });
            }
            places.push((slide, position_or_push(&mut slides[slide].outputs, output)));
        }
        let timed = |index| measures.iter().any(|one| one.argument == Some(index) && one.kernel.reads_time());
        let buffers = vec![RangeBuffer::default(); windows.len()];
        let argument = |index| Argument { present: Present::default(), timed: timed(index), buffers: buffers.clone() };
        let arguments = (0..arguments.len()).map(argument).collect();
        Ok(Measures { arguments, workers: workers.workers, slides, places })
    }

    /// Takes the argument columns of the next rows, and the times of these in microseconds since 1970.
    ///
    /// # Errors
    /// A column does not have the announced type, or there is not one time for every row.
    pub fn append(&mut self, columns: &[ArrayRef], times: &[i64]) -> Result<(), AggregateError> {
        for (index, (argument, column)) in self.arguments.iter_mut().zip(columns).enumerate() {
            let (values, times) = argument.append(column, times)?;
            for worker in self.workers.iter_mut().filter(|worker| worker.argument == Some(index)) {
                worker.sliding.append(&values, &times)?;
            }
        }
        Ok(())
    }

    /// The results of every measure, in order, for observations whose windows are the given ranges of rows: one
    /// [`RangeBuffer`] per window, all equally long.
    ///
    /// # Errors
    /// As [`Sliding::slide`].
    pub fn slide(&mut self, windows: &[RangeBuffer]) -> Result<Vec<ArrayRef>, AggregateError> {
        let values: Vec<Vec<Ranges<'_>>> = self
            .arguments
            .iter_mut()
            .map(|argument| {
                let Argument { present, buffers, .. } = argument;
                let pairs = windows.iter().zip(buffers.iter_mut());
                pairs.map(|(rows, buffer)| present.ranges(rows.as_ranges(), buffer)).collect()
            })
            .collect();
        let workers = &mut self.workers;
        let slide = |slide: &Slide| {
            let worker = &mut workers[slide.worker];
            let ranges = match worker.argument {
                Some(argument) => values[argument][slide.window],
                None => windows[slide.window].as_ranges(),
            };
            worker.sliding.slide(slide.window, ranges, &slide.outputs)
        };
        let results: Vec<Vec<ArrayRef>> = self.slides.iter().map(slide).collect::<Result<_, _>>()?;
        Ok(self.places.iter().map(|(slide, output)| ArrayRef::clone(&results[*slide][*output])).collect())
    }

    /// Forgets rows before a position that no range will reach any more.
    pub fn release(&mut self, before: usize) {
        for (index, argument) in self.arguments.iter_mut().enumerate() {
            let before = argument.present.release(before);
            for worker in self.workers.iter_mut().filter(|worker| worker.argument == Some(index)) {
                worker.sliding.release(before);
            }
        }
    }

    /// Bytes that are held, about.
    pub fn bytes(&self) -> usize {
        let arguments: usize = self.arguments.iter().map(|argument| argument.present.bytes()).sum();
        arguments + self.workers.iter().map(|worker| worker.sliding.bytes()).sum::<usize>()
    }
}

#[cfg(test)]
impl Measures {
    /// How many workers there are.
    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }
}

impl Argument {
    /// The present values of the next rows, with their times if some kernel reads them.
    fn append<'a>(&mut self, rows: &ArrayRef, times: &'a [i64]) -> Result<(ArrayRef, Cow<'a, [i64]>), AggregateError> {
        check_times(rows.len(), times.len())?;
        self.present.append(rows, if self.timed { times } else { &[] })
    }
}

/// Workers under construction: measures that keep the same of a window get the same one.
#[derive(Default)]
struct Workers {
    workers: Vec<Worker>,
    /// What has been asked for, with its worker and the output there.
    known: Vec<(Call, (usize, usize))>,
}

/// An aggregate of an argument with its constants, whatever the window.
#[derive(PartialEq, Eq)]
struct Call {
    name: &'static str,
    argument: Option<usize>,
    parameters: Parameters,
}

impl Workers {
    /// The worker of a measure and the output there.
    fn place(
        &mut self,
        measure: &Measure,
        arguments: &[DataType],
        windows: &[Option<i64>],
    ) -> Result<(usize, usize), AggregateError> {
        let Measure { kernel, argument, ref parameters, .. } = *measure;
        let call = Call { name: kernel.name(), argument, parameters: parameters.clone() };
        if let Some((_, place)) = self.known.iter().find(|(known, _)| *known == call) {
            return Ok(*place);
        }
        let input = Input { argument: argument.map(|index| &arguments[index]), parameters, windows };
        let place = self.join(Worker { argument, sliding: kernel.sliding(&input)? });
        self.known.push((call, place));
        Ok(place)
    }

    /// Lets a known worker take over, or adds the new one.
    fn join(&mut self, new: Worker) -> (usize, usize) {
        for (index, known) in self.workers.iter_mut().enumerate() {
            if known.argument == new.argument
                && let Some(output) = known.sliding.share(new.sliding.as_ref())
            {
                return (index, output);
            }
        }
        self.workers.push(new);
        (self.workers.len() - 1, 0)
    }
}

/// The place of an item, which is added at the end if it is new.
fn position_or_push(items: &mut Vec<usize>, item: usize) -> usize {
    items.iter().position(|known| *known == item).unwrap_or_else(|| {
        items.push(item);
        items.len() - 1
    })
}
