//! Files beside each other: which of them has the name, which had it before.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::known::Mark;

/// A file that may be read.
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) mark: Mark,
    pub(super) length: u64,
    modified: SystemTime,
}

/// Opens a file; none if it is not there or has nothing in it.
pub(super) fn open(path: &Path) -> io::Result<Option<Candidate>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let metadata = file.metadata()?;
    if metadata.len() == 0 || !metadata.is_file() {
        return Ok(None);
    }
    let mark = Mark::of(&file)?;
    let (length, modified) = (metadata.len(), metadata.modified()?);
    Ok(Some(Candidate { path: path.to_owned(), file, mark, length, modified }))
}

/// Whether the file of a path is still the one that was opened.
pub(super) fn is_named(path: &Path, mark: &Mark) -> io::Result<bool> {
    match fs::metadata(path) {
        // Renamed, and its successor is not there yet.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        metadata => metadata.map(|metadata| (metadata.dev(), metadata.ino()) == mark.place()),
    }
}

/// The file that was read, under whatever name it has now.
pub(super) fn find(path: &Path, mark: &Mark) -> io::Result<Option<Candidate>> {
    for path in std::iter::once(path.to_owned()).chain(siblings(path)?) {
        let same = fs::metadata(&path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == mark.place());
        if same
            && let Some(candidate) = open(&path)?
            && mark.is_of(&candidate.file)?
        {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// The file to read after one that was rotated away: what was rotated after it, the oldest first, or what has the name now.
pub(super) fn after(path: &Path, current: &File, mark: &Mark) -> io::Result<Option<Candidate>> {
    let ended = current.metadata()?.modified()?;
    let mut later = Vec::new();
    for sibling in siblings(path)? {
        if let Some(candidate) = open(&sibling)?
            && candidate.modified > ended
            && candidate.mark.place() != mark.place()
        {
            later.push(candidate);
        }
    }
    later.sort_by_key(|candidate| candidate.modified);
    match later.into_iter().next() {
        Some(candidate) => Ok(Some(candidate)),
        None => open(path),
    }
}

/// The end of a file's last whole line.
pub(super) fn after_last_line(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = [0; 4096];
    while end > 0 {
        let from = end.saturating_sub(block.len() as u64);
        let length = usize::try_from(end - from).unwrap_or_default();
        file.read_exact_at(&mut block[..length], from)?;
        if let Some(found) = memchr::memrchr(b'\n', &block[..length]) {
            return Ok(from + found as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// Files whose names are that of a file with something behind it, as those that rotate files name them; not those that were
/// compressed.
fn siblings(path: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let sibling = entry?.path();
        let rest = sibling.file_name().and_then(|other| other.to_str()).and_then(|other| other.strip_prefix(name));
        let is_rotated = rest.is_some_and(|rest| rest.starts_with(['.', '-', '_']) && !is_compressed(rest));
        if is_rotated && sibling.is_file() {
            found.push(sibling);
        }
    }
    Ok(found)
}

fn is_compressed(name: &str) -> bool {
    [".gz", ".zst", ".xz", ".bz2", ".lz4"].iter().any(|end| name.ends_with(end))
}
