//! Tables in parts: what depends on a part of the data is kept for as long as that part is what it was.
//!
//! A part is a Parquet file named by a fingerprint of all that its content depends on: the definition, the part of the
//! input, and whatever else is read for it. A part that is there already is not made again, so that an appended day costs
//! a day, late rows cost the parts that see them, and a run that was cut off goes on where it was. Which ranges of time
//! are done is never kept as an "end": the set of parts says it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use mlsys_plan::Fingerprint;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::table::{Counted, Manifest, Member, count, footer_of, read_footers};

/// Where the parts of a node's table are kept.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The folder of the node's parts.
    pub folder: &'a Path,
    /// The state folder, within which files are named relative to each other.
    pub root: &'a Path,
    /// A fingerprint of the node's definition, and of whatever it reads as a whole.
    pub definition: &'a str,
    /// Where parts may be that were made elsewhere; none where nobody shares them.
    pub elsewhere: Option<&'a dyn Elsewhere>,
}

/// Parts of a node that were made elsewhere, and can be had.
#[async_trait]
pub trait Elsewhere: Debug + Send + Sync {
    /// Brings parts that are not there. Each of them may have several fingerprints, of which the first that is found counts;
    /// what is not found is no failure, it is made.
    ///
    /// # Errors
    /// What is there cannot be had; see [`DataError::elsewhere`].
    async fn bring(&self, wanted: &[Vec<String>]) -> Result<(), DataError>;
}

/// What the list of a table's files names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The files that lie in the state folder, by their names relative to it.
    pub files: BTreeSet<PathBuf>,
    /// The fingerprints of its parts.
    pub parts: BTreeSet<String>,
}

/// Where a table is written, and whether in parts.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The table: a file, or the list of its parts beside the file's place.
    pub table: &'a Path,
    /// Where parts are kept; none for a table in one piece.
    pub parts: Option<Parts<'a>>,
}

/// How many parts a table has, and how many of them were made by this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartsReport {
    /// Parts.
    pub total: u64,
    /// Those that were not there before.
    pub made: u64,
}

impl<'a> From<&'a PathBuf> for Target<'a> {
    fn from(table: &'a PathBuf) -> Self {
        Target { table, parts: None }
    }
}

impl<'a> From<&'a Path> for Target<'a> {
    fn from(table: &'a Path) -> Self {
        Target { table, parts: None }
    }
}

/// How many rows and bytes parts have, by their fingerprints.
type Counts = BTreeMap<String, Counted>;

/// Under which name they are kept.
const COUNTS: &str = "counts";

impl Parts<'_> {
    /// The fingerprint of the part that depends on these.
    pub(crate) fn id<'b>(&self, inputs: impl IntoIterator<Item = &'b str>) -> String {
        let mut text = self.definition.to_owned();
        for input in inputs {
            text.push('\n');
            text.push_str(input);
        }
        Fingerprint::of(text.as_bytes()).as_str().to_owned()
    }

    /// Where a part is, or will be.
    pub(crate) fn table(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.parquet"))
    }

    /// Where what is told of a part is, or will be.
    pub(crate) fn report(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.report"))
    }

    /// Looks at many parts that are going to be asked for, each with the fingerprints that it may have. Those that are not
    /// there are brought, if they were made elsewhere.
    ///
    /// # Errors
    /// E0911 if what was made elsewhere cannot be had.
    pub(crate) async fn look_ahead(&self, wanted: Vec<Vec<String>>) -> Result<(), DataError> {
        self.bring(&wanted).await?;
        read_footers(&wanted.iter().flatten().map(|id| self.table(id)).collect::<Vec<_>>());
        Ok(())
    }

    /// The parts that are there, each under the first of the fingerprints that it may have; as [`Parts::look_ahead`], for
    /// parts of which nobody will look at more than how many rows they have.
    ///
    /// # Errors
    /// As [`Parts::look_ahead`].
    pub(crate) async fn found(&self, wanted: &[Vec<String>]) -> Result<Vec<Option<Member>>, DataError> {
        self.bring(wanted).await?;
        let known: Counts = self.told(COUNTS).unwrap_or_default();
        let first = |known: &Vec<String>| known.iter().find(|id| self.table(id).exists()).cloned();
        let here: Vec<Option<String>> = wanted.iter().map(first).collect();
        let parts = here.iter().flatten().map(|id| (self.table(id), known.get(id).copied()));
        let mut counted = count(&parts.collect::<Vec<_>>()).into_iter();
        let member = |id: Option<String>| {
            let id = id?;
            Some(Member { id: Some(id), ..counted.next()?? })
        };
        Ok(here.into_iter().map(member).collect())
    }

    /// Keeps how many rows parts have, so that [`Parts::found`] need not read their footers.
    ///
    /// # Errors
    /// E0911 if it cannot be written.
    pub(crate) fn keep_counts<'m>(&self, parts: impl IntoIterator<Item = &'m Member>) -> Result<(), DataError> {
        let count = |part: &'m Member| Some((part.id.clone()?, Counted { rows: part.rows, size: part.size }));
        self.tell(COUNTS, &parts.into_iter().filter_map(count).collect::<Counts>())
    }

    async fn bring(&self, wanted: &[Vec<String>]) -> Result<(), DataError> {
        if let Some(elsewhere) = self.elsewhere {
            let is_here = |known: &Vec<String>| known.iter().any(|id| self.is_kept(id));
            let missing: Vec<Vec<String>> = wanted.iter().filter(|known| !is_here(known)).cloned().collect();
            if !missing.is_empty() {
                elsewhere.bring(&missing).await?;
            }
        }
        Ok(())
    }

    /// Whether something of the part is there: what is told of it comes last, and of some parts nothing is told.
    fn is_kept(&self, id: &str) -> bool {
        self.report(id).exists() || self.table(id).exists()
    }

    /// The part, if it is there.
    pub(crate) fn find(&self, id: &str) -> Option<Member> {
        let (member, _) = Member::of(&self.table(id)).ok()?;
        Some(Member { id: Some(id.to_owned()), ..member })
    }

    /// Reads what is told of a part; none if it is not there.
    pub(crate) fn told<T: for<'de> Deserialize<'de>>(&self, id: &str) -> Option<T> {
        serde_json::from_str(&fs::read_to_string(self.report(id)).ok()?).ok()
    }

    /// Keeps what is to be told of a part.
    ///
    /// # Errors
    /// E0911 if it cannot be written.
    pub(crate) fn tell<T: Serialize>(&self, id: &str, report: &T) -> Result<(), DataError> {
        let path = self.report(id);
        let failed = |error: &dyn std::error::Error| DataError::store("write the report of a part", &path, error);
        let text = serde_json::to_string(report).map_err(|error| failed(&error))?;
        let beside = path.with_extension("new");
        fs::create_dir_all(self.folder).map_err(|error| failed(&error))?;
        fs::write(&beside, text).map_err(|error| failed(&error))?;
        fs::rename(&beside, &path).map_err(|error| failed(&error))
    }
}

/// Removes the parts in a folder that none of these tables has.
///
/// # Errors
/// E0911 if a table or the folder cannot be read.
pub fn forget_parts(folder: &Path, tables: &[PathBuf]) -> Result<(), DataError> {
    let failed = |error: std::io::Error| DataError::store("clear the parts that are not used any more", folder, &error);
    if !folder.is_dir() {
        return Ok(());
    }
    let mut used = BTreeSet::new();
    for table in tables {
        used.extend(listed(table, Path::new(""))?.parts);
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if part_of(&name).is_some_and(|id| !used.contains(id)) {
            // What cannot be removed costs space, nothing else.
            let _ = fs::remove_file(&path);
        }
    }
    Ok(())
}

/// The fingerprint of the part that a file in a folder of parts belongs to; none for what is known of all parts together,
/// which has a name.
pub fn part_of(file: &str) -> Option<&str> {
    /// How long a fingerprint is in hexadecimal.
    const LENGTH: usize = 64;
    let id = file.split('.').next().unwrap_or_default();
    let is_fingerprint = id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_fingerprint.then_some(id)
}

/// What the list of a table's files names; nothing for a table that is one file. `within` is the table's folder, relative to
/// the state folder: files need not be there.
///
/// # Errors
/// E0911 if the list cannot be read.
pub fn listed(table: &Path, within: &Path) -> Result<Listed, DataError> {
    let Some(mut manifest) = Manifest::named(table)? else { return Ok(Listed::default()) };
    let parts = manifest.members().filter_map(|file| file.id.clone()).collect();
    // What lies outside of the state folder is named by an absolute path.
    let own = manifest.members().filter(|file| file.path.is_relative());
    let files = own.filter_map(|file| normal(&within.join(&file.path))).collect();
    Ok(Listed { files, parts })
}

/// A relative path without steps upwards; none if it leads out of where it begins.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for step in path.components() {
        match step {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir if normal.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(normal)
}

/// The files of a table, in the order of its rows; of a table of which some columns were made apart from others, the files
/// of each of these, and of columns with one name the last one counts.
///
/// # Errors
/// E0911 if the table is not there.
pub fn files_of(table: &Path) -> Result<Vec<Vec<PathBuf>>, DataError> {
    let manifest = Manifest::of(table)?;
    let all = [manifest.files].into_iter().chain(manifest.beside.into_iter().map(|columns| columns.files));
    Ok(all.map(|files| files.into_iter().map(|member| member.path).collect()).collect())
}

/// Writes the list of the files that make up a table beside its place; those below `root` are named relative to it.
///
/// # Errors
/// E0911 if a file cannot be read or the list cannot be written.
pub fn write_table(files: &[PathBuf], table: &Path, root: &Path) -> Result<(), DataError> {
    let member = |path: &PathBuf| Ok(footer_of(path)?.0);
    let files = files.iter().map(member).collect::<Result<_, DataError>>()?;
    Manifest { files, beside: Vec::new() }.write(table, Some(root))
}
