//! What a kernel is: its name, its algebra, the types it takes, and how it slides over sorted rows.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::ranges::Ranges;

/// How an aggregate's summaries combine, which decides how a window may be kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algebra {
    /// Summaries add and subtract exactly, so that what left a window may be subtracted.
    Group,
    /// Summaries merge but cannot be taken apart.
    Monoid,
    /// The result is one of the rows, chosen by its place in the order.
    Ordered,
    /// The result needs every row of the window.
    Holistic,
}

/// An aggregate of the language.
pub trait Kernel: Sync {
    /// The aggregate's name in the language, such as `mean`.
    fn name(&self) -> &'static str;

    /// How its summaries combine.
    fn algebra(&self) -> Algebra;

    /// The type of the result for an argument of the given type (none counts rows), or none if the aggregate is not
    /// defined on it.
    fn output(&self, argument: Option<&DataType>) -> Option<DataType>;

    /// The aggregate over `windows` windows of one argument column.
    ///
    /// # Errors
    /// [`AggregateError::Undefined`] if [`Kernel::output`] has no type for the argument.
    fn sliding(&self, argument: Option<&DataType>, windows: usize) -> Result<Box<dyn Sliding>, AggregateError>;
}

/// An aggregate at work over the present values of one column. Values have positions, counted from 0 since the
/// beginning; ranges that are asked for move only forwards.
pub trait Sliding: Send {
    /// Takes the next values; none of them is null.
    ///
    /// # Errors
    /// The values do not have the type the aggregate was made for.
    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError>;

    /// The aggregate over each range, in order. Ranges of one window never move backwards, also across calls.
    ///
    /// # Errors
    /// [`AggregateError::Overflow`] if a result is outside the range of its type.
    fn slide(&mut self, window: usize, ranges: Ranges<'_>) -> Result<ArrayRef, AggregateError>;

    /// Forgets values before a position that no range will reach any more.
    fn release(&mut self, before: usize);

    /// Bytes that are held, about.
    fn bytes(&self) -> usize;
}

/// Why an aggregate has no result.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The aggregate is not defined on the argument's type.
    #[error("`{kernel}` is not defined on {argument}")]
    Undefined {
        /// The aggregate's name.
        kernel: &'static str,
        /// The argument's type, or `rows` where there is no argument.
        argument: String,
    },
    /// An integer result does not fit its type.
    #[error("`{kernel}` over a window is {value}, which does not fit {output}")]
    Overflow {
        /// The aggregate's name.
        kernel: &'static str,
        /// The exact result.
        value: i128,
        /// The type it should have.
        output: &'static str,
    },
    /// A column does not have the type that was announced.
    #[error("a column has the type {found}, expected {expected}")]
    Type {
        /// The type that was announced.
        expected: String,
        /// The type that came.
        found: String,
    },
    /// Arrow refused an operation.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

impl AggregateError {
    /// The error for an argument on which a kernel is not defined.
    pub(crate) fn undefined(kernel: &'static str, argument: Option<&DataType>) -> Self {
        let argument = argument.map_or_else(|| "rows".to_owned(), ToString::to_string);
        AggregateError::Undefined { kernel, argument }
    }

    /// The error for a column that has another type than announced.
    pub(crate) fn unexpected(expected: &str, found: &DataType) -> Self {
        AggregateError::Type { expected: expected.to_owned(), found: found.to_string() }
    }
}
