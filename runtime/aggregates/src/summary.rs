//! What is kept of rows where no window slides: mergeable summaries with a byte form, for streams, tiles and requests.
//!
//! The byte form is a byte each for the version, the kernel's tag and the kind of the argument, and then the state. A
//! later version of this crate still reads it.

use std::any::Any;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::bytes::Reader;
use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::Kernel;
use crate::present;

/// The version of the byte form that is written.
const VERSION: u8 = 1;

/// What an aggregate keeps of some rows.
pub trait Summary: Send + Any {
    /// Takes rows that come after all others, and their times in microseconds since 1970. Nulls are skipped. A kernel
    /// that does not read time takes no times as well; one without an argument counts the rows of any column, nulls
    /// included.
    ///
    /// # Errors
    /// The rows do not have the type the aggregate was made for, or a kernel that reads time gets too few times.
    fn update(&mut self, rows: &ArrayRef, times: &[i64]) -> Result<(), AggregateError>;

    /// Takes the summary of rows that come after all others.
    ///
    /// # Errors
    /// [`AggregateError::State`] if it is a summary of another aggregate, argument type or parameters.
    fn merge(&mut self, later: &dyn Summary) -> Result<(), AggregateError>;

    /// The aggregate over the rows as one value. They are those of a window of the given length in microseconds; none
    /// where a window is not a length of time.
    ///
    /// # Errors
    /// [`AggregateError::Overflow`] if the result is outside the range of its type; [`AggregateError::Length`] if the
    /// window must have a length and has none.
    fn finish(&self, window: Option<i64>) -> Result<ArrayRef, AggregateError>;

    /// Appends the byte form. Summaries with the same content have the same bytes, except that floats may be rounded
    /// differently where they were merged in another order.
    fn write(&self, out: &mut Vec<u8>);

    /// Replaces the content by what was written to these bytes. After an error the content is unspecified.
    ///
    /// # Errors
    /// As [`Kernel::read`].
    fn read(&mut self, bytes: &[u8]) -> Result<(), AggregateError>;

    /// Bytes that are held, about.
    fn bytes(&self) -> usize;
}

/// A kernel's own part of a summary.
pub(crate) trait State: Send + 'static {
    /// Whether rows without a value count.
    const ROWS: bool = false;

    /// Takes present values and the times of their rows.
    fn update(&mut self, values: &ArrayRef, times: &[i64]) -> Result<(), AggregateError>;

    /// Whether a state of the same kernel and argument type is of the same parameters, as far as states differ by them.
    fn is_like(&self, _other: &Self) -> bool {
        true
    }

    /// Takes a state that is like this one, of later rows.
    fn merge(&mut self, later: &Self) -> Result<(), AggregateError>;

    /// One value, as [`Summary::finish`].
    fn finish(&self, window: Option<i64>) -> Result<ArrayRef, AggregateError>;

    /// Appends the byte form without version and tag.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes what was written, into a state that has seen no values.
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError>;

    /// Bytes that are held behind pointers, about.
    fn bytes(&self) -> usize;
}

/// A state together with what marks it in bytes.
struct Marked<S> {
    kernel: &'static str,
    tag: u8,
    argument: Option<DataType>,
    empty: S,
    state: S,
}

/// The summary of no rows, from a state that has seen no values.
pub(crate) fn boxed<S: State + Clone>(kernel: &dyn Kernel, input: &Input<'_>, state: S) -> Box<dyn Summary> {
    let argument = input.argument.cloned();
    Box::new(Marked { kernel: kernel.name(), tag: kernel.tag(), argument, empty: state.clone(), state })
}

/// The byte for the kind of an argument. Lists of different items, for example, have the same one: it finds mistakes, and
/// whoever keeps states keeps their types too.
fn kind(argument: Option<&DataType>) -> u8 {
    match argument {
        None => 0,
        Some(DataType::Boolean) => 1,
        Some(DataType::Int32) => 2,
        Some(DataType::Int64) => 3,
        Some(DataType::Float32) => 4,
        Some(DataType::Float64) => 5,
        Some(DataType::Date32) => 6,
        Some(DataType::Timestamp(..)) => 7,
        Some(DataType::Duration(_)) => 8,
        Some(DataType::Utf8) => 9,
        Some(DataType::Binary) => 10,
        Some(DataType::List(_)) => 11,
        Some(DataType::FixedSizeList(..)) => 12,
        Some(DataType::Struct(_)) => 13,
        Some(_) => 255,
    }
}

impl<S: State + Clone> Marked<S> {
    fn error(&self, reason: &'static str) -> AggregateError {
        AggregateError::State { kernel: self.kernel, reason }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.tag == other.tag && self.argument == other.argument && self.state.is_like(&other.state)
    }
}

impl<S: State + Clone> Summary for Marked<S> {
    fn update(&mut self, rows: &ArrayRef, times: &[i64]) -> Result<(), AggregateError> {
        if S::ROWS {
            return self.state.update(rows, times);
        }
        let (values, times) = present::filter(rows, times)?;
        self.state.update(&values, &times)
    }

    fn merge(&mut self, later: &dyn Summary) -> Result<(), AggregateError> {
        let later: &dyn Any = later;
        match later.downcast_ref::<Self>() {
            Some(later) if self.is_like(later) => self.state.merge(&later.state),
            _ => Err(self.error("it has another aggregate, argument type or parameter")),
        }
    }

    fn finish(&self, window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        self.state.finish(window)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION, self.tag, kind(self.argument.as_ref())]);
        self.state.write(out);
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), AggregateError> {
        let mut reader = Reader::new(self.kernel, bytes);
        if reader.byte()? != VERSION {
            return Err(self.error("its version is not known"));
        }
        if reader.byte()? != self.tag {
            return Err(self.error("it is of another aggregate"));
        }
        if reader.byte()? != kind(self.argument.as_ref()) {
            return Err(self.error("its argument has another type"));
        }
        self.state = self.empty.clone();
        self.state.read(&mut reader)?;
        reader.end()
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.state.bytes()
    }
}
