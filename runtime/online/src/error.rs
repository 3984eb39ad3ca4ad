//! Why state cannot be kept, read or stored.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use mlsys_aggregates::AggregateError;

/// Why state cannot be kept, read or stored.
#[derive(Debug, thiserror::Error)]
pub enum OnlineError {
    /// What a group is to keep makes no sense.
    #[error("a group cannot be kept like this: {reason}")]
    Layout {
        /// What is wrong.
        reason: String,
    },
    /// Values of a type cannot be kept.
    #[error("values of {ty} cannot be kept in {place}")]
    Type {
        /// The type.
        ty: DataType,
        /// Where they should be kept, such as `a key`.
        place: &'static str,
    },
    /// Columns of rows are not those that were announced.
    #[error("{column} of rows is {found}, expected {expected}")]
    Rows {
        /// Which column.
        column: String,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A value is larger than is kept.
    #[error("a value in {column} has {bytes} bytes, more than the {most} that are kept")]
    Large {
        /// Which column.
        column: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// A moment is asked for whose rows have been forgotten.
    #[error(
        "the values at {at} cannot be known any more: rows up to {until} have been forgotten (microseconds since 1970)"
    )]
    Forgotten {
        /// The moment.
        at: i64,
        /// The instant of the last row that has been forgotten.
        until: i64,
    },
    /// What is stored of a group was kept in another way.
    #[error("what is stored of `{group}` was kept for another definition of it; build it anew from history")]
    OtherLayout {
        /// The group.
        group: String,
    },
    /// Bytes are not the state of an entity.
    #[error("this is no state of an entity: {reason}")]
    State {
        /// What is wrong.
        reason: &'static str,
    },
    /// Another process has changed what a commit is about.
    #[error("another process has changed what was to be stored")]
    Overtaken,
    /// Settings of a store cannot be used.
    #[error("`{setting}` of the online store: {reason}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong, without secrets.
        reason: String,
    },
    /// A store failed.
    #[error("the online store ({store}) failed: {reason}")]
    Store {
        /// Which kind of store.
        store: &'static str,
        /// What it says.
        reason: String,
    },
    /// An aggregate has no result.
    #[error(transparent)]
    Aggregate(#[from] AggregateError),
    /// Arrow refused an operation.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

impl OnlineError {
    /// The error for bytes that are not a state.
    pub(crate) fn state(reason: &'static str) -> Self {
        OnlineError::State { reason }
    }
}
