//! What can go wrong with data: a code, one sentence, and where the program says so.

use std::error::Error;
use std::io;
use std::path::Path;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use mlsys_aggregates::AggregateError;
use parquet::errors::ParquetError;
use serde::Serialize;

/// The kinds of failure, each with a stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// A source's file is missing or cannot be read.
    SourceUnreadable,
    /// A declared column is missing in the data.
    ColumnMissing,
    /// A column or a value does not have the declared type.
    WrongType,
    /// An expectation with `fail` does not hold.
    ExpectationFailed,
    /// A value is missing in a column declared without `?`.
    ValueMissing,
    /// A row says that it was known before its own time.
    KnownTooEarly,
    /// A row has no time.
    TimeMissing,
    /// This runtime has no implementation of something in the plan.
    Unsupported,
    /// The project's own files cannot be written or read.
    Store,
    /// The memory limit was reached.
    Memory,
    /// A bug in this program.
    Internal,
}

impl Code {
    fn text(self) -> &'static str {
        match self {
            Code::SourceUnreadable => "E0901",
            Code::ColumnMissing => "E0902",
            Code::WrongType => "E0903",
            Code::ExpectationFailed => "E0904",
            Code::ValueMissing => "E0905",
            Code::KnownTooEarly => "E0906",
            Code::TimeMissing => "E0907",
            Code::Unsupported => "E0910",
            Code::Store => "E0911",
            Code::Memory => "E0912",
            Code::Internal => "E0999",
        }
    }
}

/// A failure on data: one sentence that says what was found and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct DataError {
    code: &'static str,
    message: String,
    help: Option<String>,
    line: Option<u32>,
}

impl DataError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        DataError { code: code.text(), message: message.into(), help: None, line: None }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        DataError::new(Code::Internal, message)
    }

    /// A failure to write or read a file of the project's own.
    pub(crate) fn store(action: &str, path: &Path, error: &dyn Error) -> Self {
        DataError::new(Code::Store, format!("cannot {action} `{}`: {error}", path.display()))
    }

    /// What was made elsewhere cannot be had.
    pub fn elsewhere(message: impl Into<String>, help: impl Into<String>) -> Self {
        DataError::new(Code::Store, message).with_help(help)
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at_line(mut self, line: u32) -> Self {
        self.line.get_or_insert(line);
        self
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, code: Code) -> bool {
        self.code == code.text()
    }

    /// The diagnostic's code, such as `E0903`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What was found and what was expected, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, if that is known.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The line of the definition that the failure is about, from 1, if there is one.
    pub fn line(&self) -> Option<u32> {
        self.line
    }
}

impl From<DataFusionError> for DataError {
    fn from(error: DataFusionError) -> Self {
        find(&error).unwrap_or_else(|| DataError::internal(error.strip_backtrace()))
    }
}

impl From<ArrowError> for DataError {
    fn from(error: ArrowError) -> Self {
        find(&error).unwrap_or_else(|| DataError::internal(error.to_string()))
    }
}

impl From<ParquetError> for DataError {
    fn from(error: ParquetError) -> Self {
        find(&error).unwrap_or_else(|| DataError::new(Code::Store, format!("a stored table is damaged: {error}")))
    }
}

impl From<AggregateError> for DataError {
    fn from(error: AggregateError) -> Self {
        find(&error).unwrap_or_else(|| DataError::internal(error.to_string()))
    }
}

impl From<DataError> for DataFusionError {
    fn from(error: DataError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

/// The failure that a chain of wrapped errors is about. Arrow, Parquet and DataFusion wrap each other's errors, and
/// not all of them name the inner one as their source.
fn find(error: &(dyn Error + 'static)) -> Option<DataError> {
    if let Some(data) = error.downcast_ref::<DataError>() {
        return Some(data.clone());
    }
    if let Some(AggregateError::Overflow { .. }) = error.downcast_ref::<AggregateError>() {
        return Some(DataError::new(Code::WrongType, error.to_string()).with_help(OVERFLOW_HELP));
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return Some(DataError::new(Code::Store, format!("a file cannot be written or read: {io}")));
    }
    match error.downcast_ref::<DataFusionError>() {
        Some(DataFusionError::ResourcesExhausted(message)) => return Some(out_of_memory(message)),
        Some(DataFusionError::External(inner)) => return find(inner.as_ref()),
        Some(DataFusionError::Shared(inner)) => return find(inner.as_ref()),
        Some(DataFusionError::ArrowError(inner, _)) => return find(inner.as_ref()),
        _ => {}
    }
    match error.downcast_ref::<ArrowError>() {
        Some(ArrowError::ExternalError(inner)) => return find(inner.as_ref()),
        Some(ArrowError::IoError(_, inner)) => return find(inner),
        _ => {}
    }
    match error.downcast_ref::<ParquetError>() {
        Some(ParquetError::External(inner)) => find(inner.as_ref()),
        _ => error.source().and_then(find),
    }
}

const OVERFLOW_HELP: &str = "aggregate a float64, which has a wider range";

fn out_of_memory(message: &str) -> DataError {
    // What follows is a table of every consumer, over several lines.
    let line = message.lines().next().unwrap_or(message);
    let reason = line.split(" with top memory consumers").next().unwrap_or(line);
    DataError::new(Code::Memory, format!("the memory limit is too small for this step: {reason}"))
        .with_help("raise the memory limit, or use fewer threads")
}
