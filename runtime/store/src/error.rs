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
    /// The shared store does not do what is asked of it.
    #[error("cannot {doing} `{object}`: {reason}")]
    Remote {
        /// What was to be done.
        doing: &'static str,
        /// The object, or the store.
        object: String,
        /// Why.
        reason: String,
        /// What to do about it.
        help: &'static str,
    },
    /// The shared store was written by another version.
    #[error("the store `{address}` was written by another version of mlsys (format {found})")]
    RemoteFormat {
        /// The store.
        address: String,
        /// The format that was found.
        found: String,
    },
    /// The address of a shared store cannot be read.
    #[error("`{address}` is not the address of a bucket")]
    Address {
        /// The address, without what may be a secret.
        address: String,
    },
    /// The address of a registry cannot be used.
    #[error("the address of the registry cannot be used: {reason}")]
    RegistryAddress {
        /// Why not; nothing of the address.
        reason: &'static str,
    },
    /// The password of a registry is not where the profile says.
    #[error("the password of the registry is not there: the environment has no variable `{variable}`")]
    NoPassword {
        /// The variable.
        variable: String,
    },
    /// The server of a registry does not do what is asked of it.
    #[error("cannot use the registry `{address}`: {reason}")]
    Server {
        /// Host and database.
        address: String,
        /// Why.
        reason: String,
        /// What to do about it.
        help: &'static str,
    },
    /// The registry was written by a later version.
    #[error("{what} was written by a later version of mlsys (version {found}, this program knows {known})")]
    Later {
        /// What was written.
        what: &'static str,
        /// The version that was found.
        found: usize,
        /// The latest version that is known.
        known: usize,
    },
    /// What the registry holds of a version cannot be read.
    #[error("what the registry holds of version {version} of `{model}` cannot be read: {reason}")]
    Report {
        /// The model.
        model: String,
        /// The version.
        version: i64,
        /// Why.
        reason: String,
    },
    /// Something cannot be written into the registry.
    #[error("cannot write a version into the registry: {0}")]
    Unwritable(String),
    /// The registry refused an operation.
    #[error("the model registry failed: {reason}")]
    Registry {
        /// Why.
        reason: String,
        /// What to do about it.
        help: &'static str,
    },
}

impl StoreError {
    /// An error about a path.
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        StoreError::Io { path: path.to_path_buf(), reason: error.to_string() }
    }

    /// Something that cannot be written as JSON.
    #[expect(clippy::needless_pass_by_value, reason = "it stands in a call of map_err")]
    pub(crate) fn unwritable(error: serde_json::Error) -> Self {
        StoreError::Unwritable(error.to_string())
    }

    /// The diagnostic's code.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Locked { .. } => "E0913",
            StoreError::Io { .. }
            | StoreError::Format { .. }
            | StoreError::Remote { .. }
            | StoreError::RemoteFormat { .. }
            | StoreError::Report { .. }
            | StoreError::Unwritable(_) => "E0911",
            StoreError::Address { .. } | StoreError::RegistryAddress { .. } => "E0915",
            StoreError::NoPassword { .. }
            | StoreError::Server { .. }
            | StoreError::Later { .. }
            | StoreError::Registry { .. } => "E0945",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            StoreError::Locked { .. } => "wait until it is done, or name another folder with `--state`",
            StoreError::Format { .. } => "name another folder with `--state`, or remove this one to start anew",
            StoreError::Remote { help, .. } | StoreError::Server { help, .. } | StoreError::Registry { help, .. } => {
                help
            }
            StoreError::RemoteFormat { .. } => "name another prefix as `store` in `mlsys.toml`",
            StoreError::Address { .. } => {
                "write `s3://BUCKET` or `s3://BUCKET/PREFIX`; keys, region and endpoint come from the environment"
            }
            StoreError::Io { .. } => "check that the folder may be written and that there is space on the disk",
            StoreError::Later { .. } => {
                "use that version, or another registry: a folder of its own with `--state`, or another `registry` in `mlsys.toml`"
            }
            StoreError::Report { .. } => "train the model again with this version of mlsys",
            StoreError::Unwritable(_) => "this is a bug in mlsys: please report it",
            StoreError::RegistryAddress { .. } => {
                "write `postgres://USER@HOST/DATABASE`; the password comes from the environment, as `PGPASSWORD`"
            }
            StoreError::NoPassword { .. } => {
                "set it, or name another one as `PGPASSWORD` in `secrets` of the profile; without an entry it is `PGPASSWORD`"
            }
        }
    }
}
