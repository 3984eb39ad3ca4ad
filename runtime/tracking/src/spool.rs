//! What could not be sent, in a file for each server: the next run sends it first.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::address::Address;
use crate::news::News;

/// How large the file may become, in bytes.
const MOST: u64 = 32 << 20;

/// Where news wait for the next run, one JSON object a line.
#[derive(Clone, Debug)]
pub struct Spool {
    path: PathBuf,
}

impl Spool {
    /// The file for a server in a state folder.
    pub fn of(state: &Path, server: &Address) -> Self {
        Spool { path: state.join("tracking").join(format!("{}.jsonl", server.file_name())) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What waits there. It stays until [`Spool::done`] is called; lines that cannot be read are passed over.
    pub(crate) fn take(&self) -> Vec<News> {
        let taken = self.taken();
        // Of a run that was cut off in the middle of sending something may be left.
        let mut text = read(&taken).unwrap_or_default();
        if let Some(newer) = read(&self.path) {
            text.push_str(&newer);
            if write(&taken, text.as_bytes(), false).is_ok() {
                let _ = fs::remove_file(&self.path);
            }
        }
        let mut seen = HashSet::new();
        let lines = text.lines().filter(|line| seen.insert(*line));
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What was taken is sent, or kept again.
    pub(crate) fn done(&self) {
        let _ = fs::remove_file(self.taken());
    }

    /// Keeps news, at the end of what waits there.
    ///
    /// # Errors
    /// The file cannot be written, or would become too large; then figures of epochs are left out first.
    pub(crate) fn keep(&self, news: &[News]) -> Result<(), String> {
        let already = fs::metadata(&self.path).map(|found| found.len()).unwrap_or_default();
        let lines = |epochs: bool| -> String {
            let news = news.iter().filter(|news| epochs || !news.is_epoch());
            news.filter_map(|news| serde_json::to_string(news).ok()).map(|line| line + "\n").collect()
        };
        let fits = |text: &String| already + text.len() as u64 <= MOST;
        let Some(text) = Some(lines(true)).filter(fits).or_else(|| Some(lines(false)).filter(fits)) else {
            return Err(format!("`{}` would become larger than {} MiB", self.path.display(), MOST >> 20));
        };
        write(&self.path, text.as_bytes(), true)
            .map_err(|error| format!("`{}` cannot be written: {error}", self.path.display()))
    }

    fn taken(&self) -> PathBuf {
        self.path.with_extension("taken")
    }
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    // What is larger was not written by this program.
    fs::File::open(path).ok()?.take(2 * MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

fn write(path: &Path, bytes: &[u8], append: bool) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).write(true).append(append).truncate(!append).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::Spool;
    use crate::address::Address;
    use crate::news::{Moved, News};

    fn moved(version: i64) -> News {
        let (model, fingerprint, alias) = ("m".to_owned(), "f".to_owned(), "a".to_owned());
        News::Moved(Moved { model, fingerprint, version, alias })
    }

    #[test]
    fn what_waits_is_there_until_it_is_done_and_stays_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::of(folder.path(), &Address::read("http://127.0.0.1:5000").unwrap());
        assert!(spool.take().is_empty());
        spool.keep(&[moved(1), moved(2)]).unwrap();
        spool.keep(&[moved(2), moved(3)]).unwrap();
        let all = [moved(1), moved(2), moved(3)];
        assert_eq!(spool.take(), all);
        // A run that is cut off here loses nothing, and what another one keeps meanwhile comes behind it.
        spool.keep(&[moved(4)]).unwrap();
        assert_eq!(spool.take(), [&all[..], &[moved(4)]].concat());
        spool.done();
        assert!(spool.take().is_empty());
        assert!(spool.path().starts_with(folder.path().join("tracking")));
    }

    #[test]
    fn lines_that_cannot_be_read_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::of(folder.path(), &Address::read("https://host/mlflow").unwrap());
        spool.keep(&[moved(1)]).unwrap();
        let mut text = std::fs::read_to_string(spool.path()).unwrap();
        text.insert_str(0, "{\"of_another_version\":1}\nnonsense\n");
        std::fs::write(spool.path(), text).unwrap();
        assert_eq!(spool.take(), [moved(1)]);
    }
}
