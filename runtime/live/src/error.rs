//! What goes wrong with live features.

use mlsys_connectors::ConnectorError;
use mlsys_dataflow::DataError;
use mlsys_online::OnlineError;
use thiserror::Error;

/// Why features cannot be kept fresh, or read.
#[derive(Debug, Error)]
pub enum LiveError {
    /// The program asks for what rows cannot give, or an expression fails on them.
    #[error(transparent)]
    Data(#[from] DataError),
    /// State cannot be kept, read or stored.
    #[error(transparent)]
    Online(#[from] OnlineError),
    /// A stream cannot be opened or read.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// Columns are not what they should be.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// The rows of a source's history cannot be read.
    #[error("the history of `{source_name}` cannot be read: {reason}")]
    History {
        /// The source.
        source_name: String,
        /// What is wrong.
        reason: String,
    },
    /// Another process keeps the same state for another definition.
    #[error("another process keeps `{group}` in the same online store, for another definition of it")]
    TakenOver {
        /// The group.
        group: String,
    },
    /// The plan has no such thing.
    #[error("the plan has no {0}")]
    Missing(String),
}
