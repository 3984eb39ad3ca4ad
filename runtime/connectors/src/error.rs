//! What goes wrong with streams and sinks.

use std::path::PathBuf;

use thiserror::Error;

/// Why a stream or a sink cannot be opened, read or written. Secrets are in none of these.
#[derive(Debug, Error)]
pub enum ConnectorError {
    /// No connector has this name.
    #[error("there is no {what} `{name}`; there are {}", known.join(", "))]
    Unknown {
        /// A stream or a sink.
        what: &'static str,
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// An argument in the program makes no sense.
    #[error("{connector}: `{argument}`: {reason}")]
    Argument {
        /// The connector.
        connector: &'static str,
        /// The argument.
        argument: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A setting in the profile makes no sense.
    #[error("{connector}: the setting `{setting}`: {reason}")]
    Setting {
        /// The connector.
        connector: &'static str,
        /// The setting.
        setting: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The other side refuses what is asked of it: another attempt will do no better until somebody changes something.
    #[error("{connector}: refused, see `{setting}`: {reason}")]
    Refused {
        /// The connector.
        connector: &'static str,
        /// The argument or setting that is to blame.
        setting: &'static str,
        /// What the other side says.
        reason: String,
    },
    /// The other side cannot be reached or fails: another attempt may do better.
    #[error("{connector}: {reason}")]
    Away {
        /// The connector.
        connector: &'static str,
        /// What happened.
        reason: String,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of the connector's own is not as it was written.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Rows cannot be made of the declared columns.
    #[error(transparent)]
    Schema(#[from] mlsys_rows::SchemaError),
    /// Columns cannot be made of rows.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}

impl ConnectorError {
    /// Whether the same attempt may succeed later, without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, ConnectorError::Away { .. })
    }

    /// Something that happened to a file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| ConnectorError::File { path: path.into(), source }
    }
}
