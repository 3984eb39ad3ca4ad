//! Rows as tensors, and how they are made: blocks of rows, side by side on all threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::new_null_array;
use arrow::datatypes::DataType;
use mlsys_plan::columns;
use tch::{Device, Kind, Tensor};

use super::{Encoders, Fill, Form, Strided};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::sizes::dimension;

/// How many rows are encoded at a time: their cells stay in the processor's cache.
const BLOCK: usize = 4096;

/// Encoded rows.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// `rows × numbers`, float32.
    pub(crate) numbers: Tensor,
    /// `rows × categories`, int64 indices into embeddings.
    pub(crate) categories: Tensor,
    /// One of each list input, in the order of the inputs.
    pub(crate) sequences: Vec<Sequence>,
}

/// The items of a list input, the last one in the last column; earlier ones are left out where there are too many.
#[derive(Debug)]
pub(crate) enum Sequence {
    /// `rows × length`, int64 indices into embeddings, 0 where there is no item.
    Items(Tensor),
    /// `rows × length`, float32, NaN where there is no item.
    Numbers(Tensor),
}

impl Sequence {
    /// `rows × length` truth values: whether there is an item.
    pub(crate) fn present(&self) -> Tensor {
        match self {
            Sequence::Items(items) => items.not_equal(0),
            Sequence::Numbers(numbers) => numbers.isnan().logical_not(),
        }
    }
}

impl Encoded {
    /// The rows of a batch.
    pub(crate) fn select(&self, rows: &Tensor) -> Encoded {
        self.each(|tensor| tensor.index_select(0, rows))
    }

    /// Rows `start .. start + length`.
    pub(crate) fn narrow(&self, start: i64, length: i64) -> Encoded {
        self.each(|tensor| tensor.narrow(0, start, length))
    }

    /// The rows on a device, their numbers of that type.
    pub(crate) fn to(&self, device: Device, kind: Kind) -> Encoded {
        self.each(|tensor| {
            let tensor = tensor.to_device(device);
            if tensor.is_floating_point() { tensor.to_kind(kind) } else { tensor }
        })
    }

    /// The same rows, for another thread.
    pub(crate) fn shallow(&self) -> Encoded {
        self.each(Tensor::shallow_clone)
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> i64 {
        self.numbers.size()[0]
    }

    fn each(&self, change: impl Fn(&Tensor) -> Tensor) -> Encoded {
        let sequences = self.sequences.iter().map(|sequence| match sequence {
            Sequence::Items(items) => Sequence::Items(change(items)),
            Sequence::Numbers(numbers) => Sequence::Numbers(change(numbers)),
        });
        Encoded { numbers: change(&self.numbers), categories: change(&self.categories), sequences: sequences.collect() }
    }
}

/// Encodes the given rows, in their order.
pub(super) fn encode(encoders: &Encoders, examples: &Examples, rows: &[usize]) -> Result<Encoded, TrainError> {
    let (mut numbers, mut categories) = (Columns::default(), Columns::default());
    let mut sequences = Vec::new();
    for (name, form) in encoders.all() {
        let absent = || new_null_array(&DataType::Utf8, examples.rows());
        let column = match name {
            // Nobody has it who asks for a prediction.
            columns::DEBIAS => &examples.optional(name).cloned().unwrap_or_else(absent),
            _ => examples.column(name)?,
        };
        let unusable = |reason: String| TrainError::Column { name: name.to_owned(), reason };
        match form {
            Form::Numbers(width, fills) => numbers.push(width, fills.fills(column).map_err(unusable)?),
            Form::Category(_, fills) => categories.push(1, fills.fills(column).map_err(unusable)?),
            Form::Items(_, length, fills) => {
                let items = Columns::of(length, fills.fills(column).map_err(unusable)?).tensor(rows)?;
                sequences.push(Sequence::Items(items));
            }
            Form::Series(length, fills) => {
                let numbers = Columns::of(length, fills.fills(column).map_err(unusable)?).tensor(rows)?;
                sequences.push(Sequence::Numbers(numbers));
            }
        }
    }
    Ok(Encoded { numbers: numbers.tensor(rows)?, categories: categories.tensor(rows)?, sequences })
}

/// Columns that lie side by side.
struct Columns<'a, T> {
    fills: Vec<(usize, Fill<'a, T>)>,
    width: usize,
}

impl<T> Default for Columns<'_, T> {
    fn default() -> Self {
        Columns { fills: Vec::new(), width: 0 }
    }
}

impl<'a, T: tch::kind::Element + Copy + Default + Send> Columns<'a, T> {
    fn of(width: usize, fill: Fill<'a, T>) -> Self {
        Columns { fills: vec![(0, fill)], width }
    }

    fn push(&mut self, width: usize, fill: Fill<'a, T>) {
        self.fills.push((self.width, fill));
        self.width += width;
    }

    fn tensor(&self, rows: &[usize]) -> Result<Tensor, TrainError> {
        let size = [dimension(rows.len()), dimension(self.width)];
        if self.width == 0 || rows.is_empty() {
            return Ok(Tensor::f_zeros(size, (T::KIND, Device::Cpu))?);
        }
        // A few rows, such as those of a request, take less time than a thread does to start.
        if rows.len() <= BLOCK {
            let mut cells = vec![T::default(); rows.len() * self.width];
            self.block(rows, &mut cells);
            return Ok(Tensor::f_from_slice(&cells)?.f_view(size)?);
        }
        let tensor = Tensor::f_zeros(size, (T::KIND, Device::Cpu))?;
        let next = AtomicUsize::new(0);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(rows.len().div_ceil(BLOCK));
        let works: Vec<Tensor> = (0..threads).map(|_| tensor.shallow_clone()).collect();
        let done: Vec<Result<(), TrainError>> = std::thread::scope(|scope| {
            let workers: Vec<_> =
                works.into_iter().map(|into| scope.spawn(|| self.blocks(rows, &next, into))).collect();
            let lost = || Err(TrainError::Unsupported("a thread that encodes was lost".to_owned()));
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| lost())).collect()
        });
        done.into_iter().collect::<Result<(), TrainError>>()?;
        Ok(tensor)
    }

    /// Encodes some rows into cells.
    fn block(&self, rows: &[usize], cells: &mut [T]) {
        for (at, fill) in &self.fills {
            fill(rows, &mut Strided::new(cells, *at, self.width));
        }
    }

    /// Encodes blocks until there are none left.
    fn blocks(&self, rows: &[usize], next: &AtomicUsize, into: Tensor) -> Result<(), TrainError> {
        let mut cells = vec![T::default(); BLOCK.min(rows.len()) * self.width];
        loop {
            let block = next.fetch_add(1, Ordering::Relaxed);
            let Some(rows) = rows.chunks(BLOCK).nth(block) else { return Ok(()) };
            let cells = &mut cells[..rows.len() * self.width];
            self.block(rows, cells);
            let mut place = into.f_narrow(0, dimension(block * BLOCK), dimension(rows.len()))?;
            place.f_copy_(&Tensor::f_from_slice(cells)?.f_view_as(&place)?)?;
        }
    }
}
