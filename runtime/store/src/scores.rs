//! What a deployment has scored: predictions, and what is remembered of their delivery.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::state::{State, entries, write_json};

/// The folder of what one `score` clause has scored.
#[derive(Clone, Debug)]
pub struct Scores {
    folder: PathBuf,
}

impl State {
    /// What a clause of a deployment has scored; the folder is made if it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn scores(&self, deployment: &str, clause: &str) -> Result<Scores, StoreError> {
        let folder = self.root().join("scores").join(deployment).join(clause);
        fs::create_dir_all(&folder).map_err(|error| StoreError::io(&folder, &error))?;
        Ok(Scores { folder })
    }
}

impl Scores {
    /// A file or folder of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A folder of it, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn subfolder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.file(name);
        fs::create_dir_all(&path).map_err(|error| StoreError::io(&path, &error))?;
        Ok(path)
    }

    /// A folder of it without anything in it.
    ///
    /// # Errors
    /// It cannot be cleared or made.
    pub fn empty_subfolder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.file(name);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|error| StoreError::io(&path, &error))?;
        }
        self.subfolder(name)
    }

    /// The folder of it that is called `PREFIX-NAME`, made if it is not there; others with this prefix are removed.
    ///
    /// # Errors
    /// It cannot be made, or another one not be removed.
    pub fn only_subfolder(&self, prefix: &str, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.subfolder(&format!("{prefix}-{name}"))?;
        for other in self.subfolders(prefix)?.into_iter().filter(|other| *other != path) {
            fs::remove_dir_all(&other).map_err(|error| StoreError::io(&other, &error))?;
        }
        Ok(path)
    }

    /// The folders of it whose names begin with `PREFIX-`.
    ///
    /// # Errors
    /// They cannot be listed.
    pub fn subfolders(&self, prefix: &str) -> Result<Vec<PathBuf>, StoreError> {
        let prefix = format!("{prefix}-");
        let is_one = |path: &PathBuf| {
            path.is_dir() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        };
        Ok(entries(&self.folder)?.into_iter().filter(is_one).collect())
    }

    /// Reads a JSON file; none if there is none.
    ///
    /// # Errors
    /// It cannot be read, or is not of that form.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let path = self.file(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&path, &error)),
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| StoreError::Io { path, reason: error.to_string() })
    }

    /// Writes a JSON file, so that readers see the old one or the new one.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        write_json(&self.file(name), value)
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io(&path, &error)),
            _ => Ok(()),
        }
    }

    /// Removes the files of a folder of it of which `is_used` does not say so. What cannot be removed costs space only.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn keep_only(&self, folder: &str, is_used: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        for path in entries(&self.subfolder(folder)?)? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if !is_used(&stem) {
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }
}

/// Copies a file to a place at once: readers see what was there before, or all of it. Folders are made.
///
/// # Errors
/// The place cannot be written.
pub fn put(from: &Path, to: &Path) -> Result<(), StoreError> {
    let fail = |error: io::Error| StoreError::io(to, &error);
    fs::create_dir_all(to.parent().unwrap_or(to)).map_err(fail)?;
    let beside = unfinished(to);
    let copied = fs::copy(from, &beside).and_then(|_| File::open(&beside)?.sync_all());
    copied.and_then(|()| fs::rename(&beside, to)).map_err(|error| {
        // What was copied in part is of no use to anybody.
        let _ = fs::remove_file(&beside);
        fail(error)
    })
}

/// Removes what a copy to a place has left unfinished, if it has.
pub fn discard_unfinished(to: &Path) {
    // What cannot be removed is in nobody's way.
    let _ = fs::remove_file(unfinished(to));
}

fn unfinished(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.new"))
}
