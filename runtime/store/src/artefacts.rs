//! Artefacts: the files of a trained model, kept once under the hash of their content.

use std::fs;
use std::path::{Path, PathBuf};

use crate::digests::{combined, digest};
use crate::error::StoreError;
use crate::state::{Draft, State, entries};

/// A kept artefact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    /// The SHA-256 over the names and contents of its files.
    pub hash: String,
    /// Where it lies.
    pub folder: PathBuf,
}

/// Keeps the files of a folder as an artefact, but for those of some names. Keeping the same content again changes nothing.
///
/// # Errors
/// A file cannot be read or written.
pub fn keep(state: &State, folder: &Path, but: &[&str]) -> Result<Artefact, StoreError> {
    let parts = parts(folder, but)?;
    let hash = combined(&parts);
    let target = state.models().join(&hash);
    if !target.is_dir() {
        let draft = Draft::beside(&target)?;
        for (name, _) in &parts {
            let to = draft.file(name);
            fs::copy(folder.join(name), &to).map_err(|error| StoreError::io(&to, &error))?;
        }
        draft.publish_beside_others()?;
    }
    Ok(Artefact { hash, folder: target })
}

/// The hash that [`keep`] would keep the files of a folder under.
///
/// # Errors
/// A file cannot be read.
pub fn hash_of(folder: &Path, but: &[&str]) -> Result<String, StoreError> {
    Ok(combined(&parts(folder, but)?))
}

/// The files of a folder with the digests of their content, by name.
fn parts(folder: &Path, but: &[&str]) -> Result<Vec<(String, String)>, StoreError> {
    let mut parts = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !but.contains(&name.as_str()) {
            parts.push((name, digest(&path)?));
        }
    }
    parts.sort();
    Ok(parts)
}
