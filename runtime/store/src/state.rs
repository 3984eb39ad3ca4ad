//! The state folder: where results lie, and how they get there whole.

use std::fs;
use std::path::{Path, PathBuf};

use mlsys_plan::{Fingerprint, NodeId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::lock::Lock;

/// The version of the folder's format.
pub(crate) const FORMAT: &str = "1";

/// The file that says which version of the format a folder has.
pub(crate) const FORMAT_FILE: &str = "format";

/// The file of a result that holds its report; written last where a result is not put in place at once.
pub const REPORT: &str = "report.json";

/// What the names of unfinished results begin with.
const DRAFT: &str = ".draft-";

/// How many results of a node are kept: the current one and the one before.
const KEPT: usize = 2;

/// A state folder.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

/// The place of a node's result.
#[derive(Clone, Debug)]
pub struct Slot {
    folder: PathBuf,
}

/// A result in the making; dropping it throws it away.
#[derive(Debug)]
pub struct Draft {
    folder: PathBuf,
    target: PathBuf,
    published: bool,
}

impl State {
    /// Opens a state folder, or makes one.
    ///
    /// # Errors
    /// The folder cannot be used, or has another format.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        for folder in ["offline", "quarantine", "models", "runs"] {
            let path = root.join(folder);
            fs::create_dir_all(&path).map_err(|error| StoreError::io(&path, &error))?;
        }
        let path = root.join(FORMAT_FILE);
        match fs::read_to_string(&path) {
            Ok(found) if found.trim() == FORMAT => {}
            Ok(found) => {
                return Err(StoreError::Format { path: root.to_path_buf(), found: found.trim().to_owned() });
            }
            Err(_) => write_whole(&path, FORMAT.as_bytes())?,
        }
        Ok(State { root: root.to_path_buf() })
    }

    /// Keeps other runs out, and removes what interrupted ones left unfinished.
    ///
    /// # Errors
    /// Another run is at work.
    pub fn lock(&self) -> Result<Lock, StoreError> {
        let lock = Lock::take(&self.root)?;
        self.sweep()?;
        Ok(lock)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The name of a file or folder relative to the state folder, with `/` between its steps.
    ///
    /// # Errors
    /// It lies elsewhere.
    pub(crate) fn name_of(&self, path: &Path) -> Result<String, StoreError> {
        let below = path.strip_prefix(&self.root).map_err(|_| StoreError::Io {
            path: path.to_path_buf(),
            reason: "it does not lie in the state folder".to_owned(),
        })?;
        Ok(below.iter().map(|step| step.to_string_lossy()).collect::<Vec<_>>().join("/"))
    }

    /// The registry's database.
    pub fn registry(&self) -> PathBuf {
        self.root.join("registry.db")
    }

    /// The folder of artefacts.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// The folder of what operators spill; swept away before every run.
    pub fn spill(&self) -> PathBuf {
        self.root.join("spill")
    }

    /// The file with a source's quarantined rows.
    pub fn quarantine(&self, node: &NodeId, fingerprint: &Fingerprint) -> PathBuf {
        self.root.join("quarantine").join(format!("{node}-{}.parquet", fingerprint.short()))
    }

    /// The place of a node's result.
    pub fn slot(&self, node: &NodeId, fingerprint: &Fingerprint) -> Slot {
        Slot { folder: self.root.join("offline").join(node.as_str()).join(fingerprint.as_str()) }
    }

    /// The folder of the parts of a node's tables, which results share.
    pub fn parts(&self, node: &NodeId) -> PathBuf {
        self.root.join("parts").join(node.as_str())
    }

    /// A file of every result of a node that is kept.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn in_every_result(&self, node: &NodeId, name: &str) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.root.join("offline").join(node.as_str());
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let results = entries(&folder)?.into_iter().filter(|entry| !is_draft(entry));
        Ok(results.map(|result| result.join(name)).collect())
    }

    /// The newest result of a node that has a file of this name; none if there is no such result.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn newest_with(&self, node: &NodeId, name: &str) -> Result<Option<Slot>, StoreError> {
        let folder = self.root.join("offline").join(node.as_str());
        if !folder.is_dir() {
            return Ok(None);
        }
        let has_file = |folder: PathBuf| {
            let modified = fs::metadata(folder.join(name)).ok()?.modified().ok()?;
            Some((modified, folder))
        };
        let newest = entries(&folder)?.into_iter().filter(|entry| !is_draft(entry)).filter_map(has_file).max();
        Ok(newest.map(|(_, folder)| Slot { folder }))
    }

    /// Writes the record of a run.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn record(&self, name: &str, record: &impl Serialize) -> Result<PathBuf, StoreError> {
        let path = self.root.join("runs").join(format!("{name}.json"));
        write_json(&path, record)?;
        Ok(path)
    }

    /// Keeps a text in the folder, if it is not there yet: what does not change under its name.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, path: &Path, text: &str) -> Result<(), StoreError> {
        if path.exists() {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| StoreError::io(folder, &error))?;
        }
        write_whole(path, text.as_bytes())
    }

    fn sweep(&self) -> Result<(), StoreError> {
        let spill = self.spill();
        if spill.is_dir() {
            fs::remove_dir_all(&spill).map_err(|error| StoreError::io(&spill, &error))?;
        }
        let offline = self.root.join("offline");
        let mut folders = vec![self.models()];
        folders.extend(entries(&offline)?);
        for folder in folders {
            for entry in entries(&folder)? {
                if is_draft(&entry) {
                    fs::remove_dir_all(&entry).map_err(|error| StoreError::io(&entry, &error))?;
                }
            }
        }
        Ok(())
    }
}

impl Slot {
    /// Whether the result is there.
    pub fn is_current(&self) -> bool {
        self.folder.is_dir()
    }

    /// A file of the result.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The result's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads a JSON file of the result.
    ///
    /// # Errors
    /// The file is not there or not of that form.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let path = self.file(name);
        let text = fs::read_to_string(&path).map_err(|error| StoreError::io(&path, &error))?;
        serde_json::from_str(&text).map_err(|error| StoreError::Io { path, reason: error.to_string() })
    }

    /// Adds a file to the result, or replaces it: what can be found again without the result being made again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        write_whole(&self.file(name), bytes)
    }

    /// Begins a new result.
    ///
    /// # Errors
    /// Its folder cannot be made.
    pub fn draft(&self) -> Result<Draft, StoreError> {
        Draft::beside(&self.folder)
    }
}

impl Draft {
    /// A folder that will be put in place of `target`.
    pub(crate) fn beside(target: &Path) -> Result<Self, StoreError> {
        let parent = target.parent().unwrap_or(target);
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = parent.join(format!("{DRAFT}{name}"));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| StoreError::io(&folder, &error))?;
        }
        fs::create_dir_all(&folder).map_err(|error| StoreError::io(&folder, &error))?;
        Ok(Draft { folder, target: target.to_path_buf(), published: false })
    }

    /// Where a file of the result is to be written.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder in the making.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a JSON file of the result.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        write_json(&self.file(name), value)
    }

    /// Writes a file of the result.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        write_whole(&self.file(name), bytes)
    }

    /// Puts the result in its place, and forgets all but the newest others of the same node.
    ///
    /// # Errors
    /// It cannot be put there.
    pub fn publish(mut self) -> Result<(), StoreError> {
        if self.target.exists() {
            // What is there is not whole any more: nobody reads it.
            fs::remove_dir_all(&self.target).map_err(|error| StoreError::io(&self.target, &error))?;
        }
        fs::rename(&self.folder, &self.target).map_err(|error| StoreError::io(&self.target, &error))?;
        self.published = true;
        forget_old(&self.target);
        Ok(())
    }

    /// Puts the result in its place; others stay.
    pub(crate) fn publish_beside_others(mut self) -> Result<(), StoreError> {
        fs::rename(&self.folder, &self.target).map_err(|error| StoreError::io(&self.target, &error))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed now is removed by the next run.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Whether a folder holds an unfinished result.
fn is_draft(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DRAFT))
}

/// Old results only cost space: failing to remove them fails nothing.
fn forget_old(newest: &Path) {
    let Some(siblings) = newest.parent().and_then(|parent| entries(parent).ok()) else { return };
    let mut dated: Vec<(std::time::SystemTime, PathBuf)> = siblings
        .into_iter()
        .filter(|path| path != newest)
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    dated.sort();
    dated.reverse();
    for (_, path) in dated.into_iter().skip(KEPT - 1) {
        let _ = fs::remove_dir_all(path);
    }
}

/// The entries of a folder in order of their names.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let listed = fs::read_dir(folder).map_err(|error| StoreError::io(folder, &error))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in listed {
        paths.push(entry.map_err(|error| StoreError::io(folder, &error))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Writes JSON so that readers see the old file or the new one.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| StoreError::Io { path: path.to_path_buf(), reason: error.to_string() })?;
    write_whole(path, (text + "\n").as_bytes())
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).map_err(|error| StoreError::io(&beside, &error))?;
    fs::rename(&beside, path).map_err(|error| StoreError::io(path, &error))
}
