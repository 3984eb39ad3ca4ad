//! All aggregates of a feature group at work: every window in one pass over the group's sorted rows.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::kernel::{AggregateError, Kernel, Sliding};
use crate::present::Present;
use crate::ranges::{RangeBuffer, Ranges};

/// One aggregate over one window.
#[derive(Clone, Copy)]
pub struct Measure {
    /// The aggregate.
    pub kernel: &'static dyn Kernel,
    /// Which argument column it reads; none counts rows.
    pub argument: Option<usize>,
    /// Which window it sees.
    pub window: usize,
}

/// The aggregates of a group over rows that arrive in order. Rows have positions, counted from 0 since the beginning.
pub struct Measures {
    arguments: Vec<Argument>,
    workers: Vec<Worker>,
    /// The different pairs of worker and window. Each slides once per batch, however many measures ask for it.
    slides: Vec<(usize, usize)>,
    /// For each measure, its place among the slides.
    places: Vec<usize>,
}

/// An argument column: which rows have a value, and the ranges of values of each window.
struct Argument {
    present: Present,
    buffers: Vec<RangeBuffer>,
}

/// One kernel over one argument, shared by its windows.
struct Worker {
    name: &'static str,
    argument: Option<usize>,
    sliding: Box<dyn Sliding>,
}

impl Measures {
    /// The given measures over argument columns of the given types, with so many windows.
    ///
    /// # Errors
    /// [`AggregateError::Undefined`] if a kernel is not defined on its argument.
    pub fn new(measures: &[Measure], arguments: &[DataType], windows: usize) -> Result<Self, AggregateError> {
        let mut workers: Vec<Worker> = Vec::new();
        let mut slides: Vec<(usize, usize)> = Vec::new();
        let mut places = Vec::with_capacity(measures.len());
        for measure in measures {
            let (name, argument) = (measure.kernel.name(), measure.argument);
            let known = workers.iter().position(|worker| worker.name == name && worker.argument == argument);
            let worker = known.unwrap_or(workers.len());
            if known.is_none() {
                let sliding = measure.kernel.sliding(argument.map(|index| &arguments[index]), windows)?;
                workers.push(Worker { name, argument, sliding });
            }
            let slide = (worker, measure.window);
            let place = slides.iter().position(|known| *known == slide).unwrap_or(slides.len());
            if place == slides.len() {
                slides.push(slide);
            }
            places.push(place);
        }
        let arguments = arguments
            .iter()
            .map(|_| Argument { present: Present::default(), buffers: vec![RangeBuffer::default(); windows] })
            .collect();
        Ok(Measures { arguments, workers, slides, places })
    }

    /// Takes the argument columns of the next rows.
    ///
    /// # Errors
    /// A column does not have the announced type.
    pub fn append(&mut self, columns: &[ArrayRef]) -> Result<(), AggregateError> {
        for (index, (argument, column)) in self.arguments.iter_mut().zip(columns).enumerate() {
            let values = argument.present.append(column)?;
            for worker in self.workers.iter_mut().filter(|worker| worker.argument == Some(index)) {
                worker.sliding.append(&values)?;
            }
        }
        Ok(())
    }

    /// The results of every measure, in order, for observations whose windows are the given ranges of rows: one
    /// [`RangeBuffer`] per window, all equally long.
    ///
    /// # Errors
    /// [`AggregateError::Overflow`] if an integer sum does not fit.
    pub fn slide(&mut self, windows: &[RangeBuffer]) -> Result<Vec<ArrayRef>, AggregateError> {
        let values: Vec<Vec<Ranges<'_>>> = self
            .arguments
            .iter_mut()
            .map(|argument| {
                let Argument { present, buffers } = argument;
                let pairs = windows.iter().zip(buffers.iter_mut());
                pairs.map(|(rows, buffer)| present.ranges(rows.as_ranges(), buffer)).collect()
            })
            .collect();
        let workers = &mut self.workers;
        let slide = |&(worker, window): &(usize, usize)| {
            let worker = &mut workers[worker];
            let ranges = match worker.argument {
                Some(argument) => values[argument][window],
                None => windows[window].as_ranges(),
            };
            worker.sliding.slide(window, ranges)
        };
        let results: Vec<ArrayRef> = self.slides.iter().map(slide).collect::<Result<_, _>>()?;
        Ok(self.places.iter().map(|place| ArrayRef::clone(&results[*place])).collect())
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
