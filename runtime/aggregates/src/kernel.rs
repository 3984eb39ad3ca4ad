//! What a kernel is: its name, its algebra, the types it takes, how it slides over sorted rows and what it keeps of them.

use std::any::Any;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::ranges::Ranges;
use crate::summary::Summary;

/// How an aggregate's summaries combine, which decides how a window may be kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algebra {
    /// Summaries add and subtract exactly, so that what left a window may be subtracted.
    Group,
    /// Summaries merge but cannot be taken apart.
    Monoid,
    /// The result is one or some of the rows, chosen by their place in the order.
    Ordered,
    /// The result needs every value of the window.
    Holistic,
}

/// An aggregate of the language.
pub trait Kernel: Sync {
    /// The aggregate's name in the language, such as `mean`.
    fn name(&self) -> &'static str;

    /// The number that marks its states in bytes. It never changes, and no other kernel ever has it.
    fn tag(&self) -> u8;

    /// How its summaries combine.
    fn algebra(&self) -> Algebra;

    /// Whether its result depends on the times of the rows, and not only on their order.
    fn reads_time(&self) -> bool {
        false
    }

    /// The type of the result for an argument of the given type (none counts rows), or none if the aggregate is not
    /// defined on it.
    fn output(&self, argument: Option<&DataType>) -> Option<DataType>;

    /// The aggregate over windows of one argument column.
    ///
    /// # Errors
    /// [`AggregateError::Undefined`] if [`Kernel::output`] has no type for the argument;
    /// [`AggregateError::Parameter`] if a parameter is missing or out of its bounds.
    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError>;

    /// The summary of no rows.
    ///
    /// # Errors
    /// As [`Kernel::sliding`]; also [`AggregateError::Undefined`] if values of the argument's type have no byte form.
    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError>;

    /// The summary that was written to these bytes, by this version or an earlier one.
    ///
    /// # Errors
    /// As [`Kernel::summary`]; [`AggregateError::State`] if the bytes are of an unknown version, of another aggregate
    /// or of other parameters, or if they are truncated or corrupted.
    fn read(&self, input: &Input<'_>, bytes: &[u8]) -> Result<Box<dyn Summary>, AggregateError> {
        let mut summary = self.summary(input)?;
        summary.read(bytes)?;
        Ok(summary)
    }
}

/// An aggregate at work over the present values of one column. Values have positions, counted from 0 since the
/// beginning; ranges that are asked for move only forwards.
pub trait Sliding: Send + Any {
    /// Takes the next values, none of which is null, and the times of their rows in microseconds since 1970. A kernel
    /// that does not read time takes no times as well.
    ///
    /// # Errors
    /// The values do not have the type the aggregate was made for, or a kernel that reads time gets too few times.
    fn append(&mut self, values: &ArrayRef, times: &[i64]) -> Result<(), AggregateError>;

    /// The aggregate over each range, in order: one column for each of the given outputs, of which the kernel's own is
    /// 0. Ranges of one window never move backwards, also across calls.
    ///
    /// # Errors
    /// [`AggregateError::Overflow`] if a result is outside the range of its type; [`AggregateError::Length`] if the
    /// window must have a length and has none.
    fn slide(&mut self, window: usize, ranges: Ranges<'_>, outputs: &[usize]) -> Result<Vec<ArrayRef>, AggregateError>;

    /// Takes over the work of another [`Sliding`] over the same argument and windows, if both keep the same of a
    /// window, and returns the number of the output it has here. Both have seen no values yet.
    fn share(&mut self, _other: &dyn Any) -> Option<usize> {
        None
    }

    /// Forgets values before a position that no range will reach any more.
    fn release(&mut self, before: usize);

    /// Bytes that are held, about.
    fn bytes(&self) -> usize;
}
