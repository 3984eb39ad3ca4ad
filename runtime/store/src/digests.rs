//! Digests of files, remembered by path, size and time of change, so that an unchanged file is not read again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use mlsys_plan::Fingerprint;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::state::{State, write_json};

/// Known digests of a state folder.
#[derive(Debug)]
pub struct Digests {
    path: PathBuf,
    known: BTreeMap<String, Known>,
    changed: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    size: u64,
    modified: u128,
    digest: String,
}

impl Digests {
    /// The digests that earlier runs left; none if there are none or they cannot be read.
    pub fn open(state: &State) -> Self {
        let path = state.root().join("digests.json");
        let text = fs::read_to_string(&path).unwrap_or_default();
        Digests { path, known: serde_json::from_str(&text).unwrap_or_default(), changed: false }
    }

    /// The SHA-256 of a file's content.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(&mut self, path: &Path) -> Result<String, StoreError> {
        let fail = |error: std::io::Error| StoreError::io(path, &error);
        let metadata = fs::metadata(path).map_err(fail)?;
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_nanos());
        let name = fs::canonicalize(path).map_err(fail)?.to_string_lossy().into_owned();
        if let Some(known) = self.known.get(&name)
            && known.size == metadata.len()
            && known.modified == modified
        {
            return Ok(known.digest.clone());
        }
        let digest = digest(path)?;
        self.known.insert(name, Known { size: metadata.len(), modified, digest: digest.clone() });
        self.changed = true;
        Ok(digest)
    }

    /// Writes what was learnt.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<(), StoreError> {
        if self.changed { write_json(&self.path, &self.known) } else { Ok(()) }
    }
}

/// The SHA-256 of a file's content in hexadecimal.
pub(crate) fn digest(path: &Path) -> Result<String, StoreError> {
    let fail = |error: std::io::Error| StoreError::io(path, &error);
    let mut file = File::open(path).map_err(fail)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(fail)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The digest of several named digests: equal for equal names and contents.
pub(crate) fn combined(parts: &[(String, String)]) -> String {
    let lines: Vec<String> = parts.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    Fingerprint::of(lines.concat().as_bytes()).as_str().to_owned()
}
