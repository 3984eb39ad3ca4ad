//! The real file system.

use std::path::{Path, PathBuf};

use mlsys_driver::FileSystem;

/// Files on disk.
pub(crate) struct Disk;

impl FileSystem for Disk {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn list(&self, path: &Path) -> std::io::Result<Option<Vec<PathBuf>>> {
        if !path.is_dir() {
            return Ok(None);
        }
        let entries: std::io::Result<Vec<PathBuf>> =
            std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect();
        entries.map(Some)
    }
}
