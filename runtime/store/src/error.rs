//! What can go wrong with a state folder.

use std::path::{Path, PathBuf};

/// Why a state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder cannot be read or written.
    #[error("cannot use `{}`: {reason}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another run is at work.
    #[error("another run is at work on `{}`", path.display())]
    Locked {
        /// The state folder.
        path: PathBuf,
    },
    /// The folder was written by another version.
    #[error("`{}` was written by another version of mlsys (format {found})", path.display())]
    Format {
        /// The state folder.
        path: PathBuf,
        /// The format that was found.
        found: String,
    },
    /// The registry refused an operation.
    #[error("the model registry failed: {0}")]
    Registry(#[from] sqlx::Error),
}

impl StoreError {
    /// An error about a path.
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        StoreError::Io { path: path.to_path_buf(), reason: error.to_string() }
    }

    /// The diagnostic's code.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Locked { .. } => "E0913",
            StoreError::Io { .. } | StoreError::Format { .. } | StoreError::Registry(_) => "E0911",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            StoreError::Locked { .. } => "wait until it is done, or name another folder with `--state`",
            StoreError::Format { .. } => "name another folder with `--state`, or remove this one to start anew",
            StoreError::Io { .. } => "check that the folder may be written and that there is space on the disk",
            StoreError::Registry(_) => "check that `registry.db` in the state folder may be read and written",
        }
    }
}
