//! Why an aggregate has no result.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;

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
    /// A parameter is missing, or is not what the aggregate takes.
    #[error("`{kernel}` needs a parameter `{parameter}`, {expected}")]
    Parameter {
        /// The aggregate's name.
        kernel: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The aggregate is only defined over a window that has a length.
    #[error("`{kernel}` needs a window with a length")]
    Length {
        /// The aggregate's name.
        kernel: &'static str,
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
    /// Bytes are not a state of the aggregate, or a state is one of something else.
    #[error("this is no state of `{kernel}`: {reason}")]
    State {
        /// The aggregate's name.
        kernel: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A column does not have the type that was announced.
    #[error("a column has the type {found}, expected {expected}")]
    Type {
        /// The type that was announced.
        expected: String,
        /// The type that came.
        found: String,
    },
    /// An aggregate that reads time did not get one time for every row.
    #[error("{times} times came with {rows} rows")]
    Times {
        /// The number of rows.
        rows: usize,
        /// The number of times.
        times: usize,
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

/// Refuses times that are not one for every row.
pub(crate) fn check_times(rows: usize, times: usize) -> Result<(), AggregateError> {
    if rows == times { Ok(()) } else { Err(AggregateError::Times { rows, times }) }
}
