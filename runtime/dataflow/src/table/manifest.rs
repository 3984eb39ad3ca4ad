//! The list of files that make up a table, where it is not a single one.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy};
use serde::{Deserialize, Serialize};

use crate::error::{Code, DataError};

/// So many footers are kept, a few kilobytes each.
const FOOTERS_MOST: usize = 4096;

/// A file's size, time and number, and what was found in it.
type Footer = ((u64, SystemTime, u64), Member, ArrowReaderMetadata);

/// The footers that this process has read. A run looks at those of a table of many files several times: at their rows, at
/// their instants, at their columns.
static FOOTERS: LazyLock<Mutex<HashMap<PathBuf, Footer>>> = LazyLock::new(Mutex::default);

/// Files that make up a table, in the order of its rows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) files: Vec<Member>,
    /// Further columns of the same rows, which count where names are there twice; none for most tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) beside: Vec<Columns>,
}

/// Columns of a table that were made apart from others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Columns {
    /// Those that count; the files may have others.
    pub(crate) names: Vec<String>,
    /// Their files, in the order of rows.
    pub(crate) files: Vec<Member>,
}

/// A file of a table, as it was when the table was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    /// The file, by its absolute path; in the manifest, relative to it where it lies in the same state folder.
    pub(crate) path: PathBuf,
    /// Its rows.
    pub(crate) rows: u64,
    /// Its bytes.
    pub(crate) size: u64,
    /// What its content depends on, as a fingerprint: equal ones mean equal rows. None where nobody has asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// Of examples, what of them a join reads, as a fingerprint: equal ones mean equal keys and instants in one order. None
    /// where nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asks: Option<String>,
}

/// How many rows a file had when it was so large.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) rows: u64,
    pub(crate) size: u64,
}

impl Manifest {
    /// The manifest beside the place of a single file, if there is no such file but a manifest.
    ///
    /// # Errors
    /// E0911 if it cannot be read.
    pub(crate) fn read(table: &Path) -> Result<Option<Self>, DataError> {
        let Some(mut found) = Manifest::named(table)? else { return Ok(None) };
        let folder = table.parent().unwrap_or(Path::new("."));
        // Most files lie in one folder, of which the place is asked for once.
        let mut folders: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        for member in found.members().filter(|member| member.path.is_relative()) {
            let (Some(name), Some(within)) = (member.path.file_name(), member.path.parent()) else { continue };
            let within = folders.entry(within.to_owned()).or_insert_with(|| {
                let within = folder.join(within);
                // A file that is gone is told of when it is read.
                within.canonicalize().unwrap_or(within)
            });
            member.path = within.join(name);
        }
        Ok(Some(found))
    }

    /// As [`Manifest::read`], with the names of files as they are written.
    ///
    /// # Errors
    /// E0911 if it cannot be read.
    pub(crate) fn named(table: &Path) -> Result<Option<Self>, DataError> {
        let path = beside(table);
        if table.exists() || !path.exists() {
            return Ok(None);
        }
        let unreadable = |error: &dyn std::error::Error| DataError::store("read the list of files", &path, error);
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&error))?;
        serde_json::from_str(&text).map(Some).map_err(|error| unreadable(&error))
    }

    /// The files of a table, be it one or a list of them.
    ///
    /// # Errors
    /// E0911 if they cannot be read.
    pub(crate) fn of(table: &Path) -> Result<Self, DataError> {
        if let Some(found) = Manifest::read(table)? {
            return Ok(found);
        }
        let member = Member::of(table).map_err(|error| DataError::store("read the stored table", table, &error))?.0;
        Ok(Manifest { files: vec![member], beside: Vec::new() })
    }

    /// Writes the manifest beside the place of a single file. Files below `root` are named relative to the manifest: a
    /// state folder may be moved as a whole.
    ///
    /// # Errors
    /// E0911 if it cannot be written.
    pub(crate) fn write(&self, table: &Path, root: Option<&Path>) -> Result<(), DataError> {
        let path = beside(table);
        let failed = |error: &dyn std::error::Error| DataError::store("write the list of files", &path, error);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let folder = folder.canonicalize().map_err(|error| failed(&error))?;
        let root = root.map(Path::canonicalize).transpose().map_err(|error| failed(&error))?;
        let mut written = self.clone();
        if let Some(root) = root.filter(|root| folder.starts_with(root)) {
            let up: PathBuf = folder.strip_prefix(&root).unwrap_or(&folder).components().map(|_| "..").collect();
            for member in written.members() {
                if let Ok(below) = member.path.strip_prefix(&root) {
                    member.path = up.join(below);
                }
            }
        }
        let text = serde_json::to_string_pretty(&written).map_err(|error| failed(&error))?;
        fs::write(&path, text).map_err(|error| failed(&error))
    }

    /// Every file.
    pub(crate) fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.files.iter_mut().chain(self.beside.iter_mut().flat_map(|columns| &mut columns.files))
    }
}

impl Member {
    /// A Parquet file as it is now, and its footer, which is read again only if the file has changed.
    ///
    /// # Errors
    /// The file cannot be read as Parquet.
    pub(crate) fn of(path: &Path) -> io::Result<(Self, ArrowReaderMetadata)> {
        let details = fs::metadata(path)?;
        let now = (details.len(), details.modified()?, number(&details));
        let known = || FOOTERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, member, footer)) = known().get(path)
            && *then == now
        {
            return Ok((member.clone(), footer.clone()));
        }
        let file = File::open(path)?;
        // Of what a footer tells of its columns, nobody here looks at more than the bounds of their values.
        let options = ArrowReaderOptions::new()
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let footer = ArrowReaderMetadata::load(&file, options).map_err(io::Error::other)?;
        let rows = u64::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or(0);
        let member = Member { path: place_of(path)?, rows, size: now.0, id: None, asks: None };
        let mut known = known();
        if known.len() >= FOOTERS_MOST {
            known.clear();
        }
        // It is asked for by the name that the user gave it, and by its place.
        for path in [path.to_owned(), member.path.clone()] {
            known.insert(path, (now, member.clone(), footer.clone()));
        }
        Ok((member, footer))
    }

    /// As [`Member::of`] without the footer: of it only the number of rows is read, and not even that where the file is as
    /// large as when it was counted.
    ///
    /// # Errors
    /// As [`Member::of`].
    pub(crate) fn counted(path: &Path, known: Option<Counted>) -> io::Result<Self> {
        let size = fs::metadata(path)?.len();
        let rows = match known.filter(|known| known.size == size) {
            Some(known) => known.rows,
            None => rows_of(path)?,
        };
        Ok(Member { path: place_of(path)?, rows, size, id: None, asks: None })
    }

    /// When the file was written, if it still is what it was. A run compares the content of files when it begins: this
    /// finds files that were replaced since then.
    ///
    /// # Errors
    /// E0911 if it has changed or is gone.
    pub(crate) fn check(&self) -> Result<SystemTime, DataError> {
        let details = fs::metadata(&self.path);
        let found = details.and_then(|details| Ok((details.len(), details.modified()?)));
        let (size, modified) = found.map_err(|error| DataError::store("read the stored table", &self.path, &error))?;
        if size == self.size {
            return Ok(modified);
        }
        let message = format!("`{}` was changed while it was being read", self.path.display());
        Err(DataError::new(Code::Store, message).with_help("run again when the file is complete"))
    }
}

/// The number of rows that a file's footer tells.
fn rows_of(path: &Path) -> io::Result<u64> {
    let options = ParquetMetaDataOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let reader = ParquetMetaDataReader::new().with_metadata_options(Some(options));
    let footer = reader.parse_and_finish(&File::open(path)?).map_err(io::Error::other)?;
    Ok(u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0))
}

/// The absolute path of a file, through all links. Most files lie in few folders, of which the place is looked for once.
fn place_of(path: &Path) -> io::Result<PathBuf> {
    static FOLDERS: LazyLock<Mutex<HashMap<PathBuf, PathBuf>>> = LazyLock::new(Mutex::default);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return path.canonicalize() };
    if folder.as_os_str().is_empty() || fs::symlink_metadata(path)?.is_symlink() {
        return path.canonicalize();
    }
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(place) = folders.get(folder) {
        return Ok(place.join(name));
    }
    let place = folder.canonicalize()?;
    folders.insert(folder.to_owned(), place.clone());
    Ok(place.join(name))
}

/// Reads the footers of many files on several threads, before they are asked for one by one. Of those that cannot be read
/// is told then.
pub(crate) fn read_footers(paths: &[PathBuf]) {
    on_threads(paths, |path| drop(Member::of(path)));
}

/// Those of the files that are there, counted on several threads, each with what is known of it.
pub(crate) fn count(files: &[(PathBuf, Option<Counted>)]) -> Vec<Option<Member>> {
    on_threads(files, |(path, known)| Member::counted(path, *known).ok())
}

/// What comes of each file, looked at on several threads.
fn on_threads<F: Sync, T: Send>(files: &[F], look: impl Fn(&F) -> T + Sync) -> Vec<T> {
    /// Fewer are read before a thread has begun.
    const WORTH_A_THREAD: usize = 16;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let share = files.len().div_ceil(threads).max(WORTH_A_THREAD);
    let Some((own, others)) = files.split_at_checked(share.min(files.len())) else { return Vec::new() };
    thread::scope(|scope| {
        let one = &look;
        let others: Vec<_> =
            others.chunks(share).map(|files| scope.spawn(move || files.iter().map(one).collect::<Vec<T>>())).collect();
        let mut all: Vec<T> = own.iter().map(one).collect();
        for other in others {
            match other.join() {
                Ok(found) => all.extend(found),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

/// The number of a file in its file system, which another file of the same name does not have.
#[cfg(unix)]
fn number(details: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(details)
}

#[cfg(not(unix))]
fn number(_details: &fs::Metadata) -> u64 {
    0
}

fn beside(table: &Path) -> PathBuf {
    table.with_extension("json")
}
