//! Which files were read, and the number of each one's first byte.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use crate::error::ConnectorError;

/// How much of a file's beginning is looked at.
const HEAD: usize = 1024;

/// What a file is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    device: u64,
    inode: u64,
    /// How many of the first bytes the hash is of.
    length: usize,
    /// XXH64 of them.
    head: u64,
}

impl Mark {
    /// The mark of a file as it is now.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let (length, head) = head(file, HEAD)?;
        Ok(Mark { device: metadata.dev(), inode: metadata.ino(), length, head })
    }

    /// Device and inode.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether a file begins as this one did.
    pub(super) fn is_of(&self, file: &File) -> io::Result<bool> {
        Ok(head(file, self.length)? == (self.length, self.head))
    }

    /// Takes in more of the file's beginning, once there is enough more of it; true if it did.
    pub(super) fn grow(&mut self, file: &File) -> io::Result<bool> {
        if self.length == HEAD {
            return Ok(false);
        }
        let (length, head) = head(file, HEAD)?;
        let is_worth_it = length == HEAD || length >= 2 * self.length;
        if is_worth_it {
            (self.length, self.head) = (length, head);
        }
        Ok(is_worth_it)
    }
}

/// The length and the hash of a file's first bytes, at most so many.
fn head(file: &File, most: usize) -> io::Result<(usize, u64)> {
    let mut bytes = [0; HEAD];
    let mut length = 0;
    while length < most {
        match file.read_at(&mut bytes[length..most], length as u64)? {
            0 => break,
            read => length += read,
        }
    }
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(&bytes[..length]);
    Ok((length, hasher.finish()))
}

/// The files that were read, in order, as they are remembered on disk.
pub(super) struct Known {
    path: PathBuf,
    remembered: Remembered,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    /// The stream's path.
    of: PathBuf,
    /// The number of the first byte, and the file.
    files: Vec<(u64, Mark)>,
}

impl Known {
    /// What a folder remembers of a stream.
    pub(super) fn open(folder: &Path, of: &Path) -> Result<Self, ConnectorError> {
        let path = folder.join("files.json");
        let nothing = Remembered { of: of.to_owned(), files: Vec::new() };
        let remembered = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => nothing,
            read => {
                let bytes = read.map_err(ConnectorError::file(&path))?;
                let read: Remembered = serde_json::from_slice(&bytes)
                    .map_err(|error| ConnectorError::Damaged { path: path.clone(), reason: error.to_string() })?;
                // The program may read another file now.
                if read.of == of { read } else { nothing }
            }
        };
        Ok(Known { path, remembered })
    }

    /// The file in which a number lies, and the number of its first byte.
    pub(super) fn at(&self, position: u64) -> Option<(u64, Mark)> {
        self.remembered.files.iter().rev().find(|(base, _)| *base <= position).cloned()
    }

    /// Remembers a file, durably. A mark of the same base is replaced, and what came after it is forgotten.
    pub(super) fn add(&mut self, base: u64, mark: &Mark) -> Result<(), ConnectorError> {
        if self.remembered.files.last().is_some_and(|(last, known)| *last == base && known == mark) {
            return Ok(());
        }
        self.remembered.files.retain(|(known, _)| *known < base);
        self.remembered.files.push((base, mark.clone()));
        self.save()
    }

    /// Forgets files that end before a position.
    pub(super) fn forget_before(&mut self, position: u64) -> Result<(), ConnectorError> {
        let past = self.remembered.files.iter().rposition(|(base, _)| *base <= position).unwrap_or_default();
        if past == 0 {
            return Ok(());
        }
        self.remembered.files.drain(..past);
        self.save()
    }

    /// Forgets all files.
    pub(super) fn clear(&mut self) -> Result<(), ConnectorError> {
        if self.remembered.files.is_empty() {
            return Ok(());
        }
        self.remembered.files.clear();
        self.save()
    }

    fn save(&self) -> Result<(), ConnectorError> {
        let Some(folder) = self.path.parent() else { return Ok(()) };
        let write = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            let draft = self.path.with_extension("draft");
            let mut file = File::create(&draft)?;
            file.write_all(&serde_json::to_vec_pretty(&self.remembered)?)?;
            file.sync_all()?;
            fs::rename(&draft, &self.path)?;
            // The name is safe when the folder is.
            File::open(folder)?.sync_all()
        };
        write().map_err(ConnectorError::file(&self.path))
    }
}
