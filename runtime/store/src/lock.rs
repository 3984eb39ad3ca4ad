//! One run at a time: an advisory lock that the system gives back when its holder ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::error::StoreError;

/// Held while a run is at work; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| StoreError::io(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: folder.to_path_buf() }),
            Err(TryLockError::Error(error)) => Err(StoreError::io(&path, &error)),
        }
    }
}
