//! Where rows and messages are kept that could not be used, each with the reason: files of JSON, one object a line.
//!
//! Files have a bounded size and are numbered; a reader of such a folder needs nothing but their names. A row may be there
//! twice after a crash, with the same partition and offset: it is set aside before the positions are committed, so that
//! nothing vanishes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mlsys_rows::text;
use serde::Serialize;

use crate::error::ConnectorError;
use crate::stream::Malformed;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuarantineLimits {
    /// The size at which a file is full, in bytes.
    pub file: u64,
    /// How much of a payload is kept, in bytes; what is cut is marked.
    pub payload: usize,
    /// How many files are kept; beyond that the oldest ones are removed, and counted.
    pub files: usize,
}

impl Default for QuarantineLimits {
    fn default() -> Self {
        QuarantineLimits { file: 64 << 20, payload: 64 << 10, files: 64 }
    }
}

/// A folder of rows that were set aside.
#[derive(Debug)]
pub struct Quarantine {
    folder: PathBuf,
    limits: QuarantineLimits,
    file: File,
    /// The numbers of the files that there are, in order; the last one is written to.
    numbers: Vec<u64>,
    size: u64,
    count: u64,
    removed: u64,
    is_synced: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    set_aside_at: &'a str,
    partition: u32,
    offset: u64,
    reason: &'a str,
    /// The payload, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    /// The payload in base64, if it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// The payload's length, if it was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_bytes: Option<usize>,
}

impl Quarantine {
    /// Opens a folder, which is made if it is not there. A line that a crash has cut is taken away.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn open(folder: &Path, limits: QuarantineLimits) -> Result<Self, ConnectorError> {
        fs::create_dir_all(folder).map_err(ConnectorError::file(folder))?;
        let mut numbers = numbers_in(folder).map_err(ConnectorError::file(folder))?;
        if numbers.is_empty() {
            numbers.push(0);
        }
        let path = path_of(folder, numbers.last().copied().unwrap_or_default());
        let (file, size) = open_whole(&path).map_err(ConnectorError::file(&path))?;
        let folder = folder.to_owned();
        Ok(Quarantine { folder, limits, file, numbers, size, count: 0, removed: 0, is_synced: true })
    }

    /// Sets rows or messages aside. They are safe after [`Quarantine::sync`].
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn append<'a>(&mut self, rows: impl IntoIterator<Item = &'a Malformed>) -> Result<(), ConnectorError> {
        let now = now();
        let mut out = Vec::new();
        for row in rows {
            write_line(row, &now, self.limits.payload, &mut out);
            self.count += 1;
            if out.len() as u64 + self.size >= self.limits.file {
                self.write(&out)?;
                out.clear();
                self.turn()?;
            }
        }
        self.write(&out)
    }

    /// Makes what was appended safe; call it before positions are committed that lie behind it.
    ///
    /// # Errors
    /// The disk fails.
    pub fn sync(&mut self) -> Result<(), ConnectorError> {
        if !self.is_synced {
            self.file.sync_data().map_err(ConnectorError::file(self.path()))?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// How many rows were set aside since this folder was opened.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many full files were removed since, because there were too many.
    pub fn removed_files(&self) -> u64 {
        self.removed
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), ConnectorError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.is_synced = false;
        self.file.write_all(lines).map_err(ConnectorError::file(self.path()))?;
        self.size += lines.len() as u64;
        Ok(())
    }

    /// Begins the next file.
    fn turn(&mut self) -> Result<(), ConnectorError> {
        self.sync()?;
        let number = self.numbers.last().copied().unwrap_or_default() + 1;
        let path = path_of(&self.folder, number);
        (self.file, self.size) = open_whole(&path).map_err(ConnectorError::file(&path))?;
        self.numbers.push(number);
        while self.numbers.len() > self.limits.files.max(1) {
            let path = path_of(&self.folder, self.numbers.remove(0));
            fs::remove_file(&path).map_err(ConnectorError::file(&path))?;
            self.removed += 1;
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        path_of(&self.folder, self.numbers.last().copied().unwrap_or_default())
    }
}

/// Appends a row as a line.
fn write_line(row: &Malformed, now: &str, most: usize, out: &mut Vec<u8>) {
    let kept = &row.payload[..row.payload.len().min(most)];
    // A cut may fall into the middle of a character.
    let text = match std::str::from_utf8(kept) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() && kept.len() < row.payload.len() => {
            std::str::from_utf8(&kept[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let line = Line {
        set_aside_at: now,
        partition: row.partition,
        offset: row.offset,
        reason: &row.reason,
        payload: text,
        payload_base64: text.is_none().then(|| STANDARD.encode(kept)),
        payload_bytes: (kept.len() < row.payload.len()).then_some(row.payload.len()),
    };
    // A vector takes everything, and text and numbers have a form in JSON.
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut out = Vec::new();
    text::write_instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX), &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.ndjson"))
}

fn numbers_in(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".ndjson"));
        numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Opens a file for appending, without the line that has no end, and its size. What is in it is for few eyes.
fn open_whole(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let mut size = file.seek(SeekFrom::End(0))?;
    let mut block = [0; 4096];
    while size > 0 {
        let from = size.saturating_sub(block.len() as u64);
        let length = usize::try_from(size - from).unwrap_or_default();
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut block[..length])?;
        if let Some(end) = memchr::memrchr(b'\n', &block[..length]) {
            size = from + end as u64 + 1;
            break;
        }
        size = from;
    }
    file.set_len(size)?;
    file.seek(SeekFrom::End(0))?;
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::Value;

    use super::{Quarantine, QuarantineLimits};
    use crate::stream::Malformed;

    fn row(offset: u64, payload: &'static [u8]) -> Malformed {
        Malformed { partition: 1, offset, payload: Bytes::from_static(payload), reason: "no row".to_owned() }
    }

    fn lines(folder: &std::path::Path) -> Vec<Value> {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect::<String>();
        texts.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn payloads_are_kept_as_text_or_in_base64_and_cut() {
        let folder = tempfile::tempdir().unwrap();
        let limits = QuarantineLimits { payload: 5, ..QuarantineLimits::default() };
        let mut quarantine = Quarantine::open(folder.path(), limits).unwrap();
        quarantine.append(&[row(1, b"{"), row(2, &[0xff, 0]), row(3, "abcd\u{e9}f".as_bytes())]).unwrap();
        quarantine.sync().unwrap();
        let lines = lines(folder.path());
        assert_eq!((lines[0]["payload"].as_str(), lines[0]["offset"].as_u64()), (Some("{"), Some(1)));
        assert_eq!((lines[1]["payload_base64"].as_str(), lines[1]["payload"].as_str()), (Some("/wA="), None));
        assert_eq!((lines[2]["payload"].as_str(), lines[2]["payload_bytes"].as_u64()), (Some("abcd"), Some(7)));
        assert_eq!(quarantine.count(), 3);
    }

    #[test]
    fn a_line_that_was_cut_is_taken_away_and_writing_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000000.ndjson");
        std::fs::write(&path, "{\"offset\":1}\n{\"offset\":".to_owned() + &"9".repeat(10_000)).unwrap();
        let mut quarantine = Quarantine::open(folder.path(), QuarantineLimits::default()).unwrap();
        quarantine.append(&[row(2, b"x")]).unwrap();
        let offsets: Vec<_> = lines(folder.path()).iter().map(|line| line["offset"].as_u64().unwrap()).collect();
        assert_eq!(offsets, [1, 2]);
    }

    #[test]
    fn files_are_bounded_in_size_and_number() {
        let folder = tempfile::tempdir().unwrap();
        let limits = QuarantineLimits { file: 500, files: 3, ..QuarantineLimits::default() };
        let mut quarantine = Quarantine::open(folder.path(), limits).unwrap();
        for offset in 0..100 {
            quarantine.append(&[row(offset, b"payload")]).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        assert!(quarantine.removed_files() > 0);
        assert_eq!(lines(folder.path()).last().unwrap()["offset"], 99);
        drop(quarantine);
        let mut again = Quarantine::open(folder.path(), limits).unwrap();
        again.append(&[row(100, b"payload")]).unwrap();
        assert_eq!(lines(folder.path()).last().unwrap()["offset"], 100);
    }
}
