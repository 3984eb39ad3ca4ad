//! Tables in parts: what depends on a part of the data is kept for as long as that part is what it was.
//!
//! A part is a Parquet file named by a fingerprint of all that its content depends on: the definition, the part of the
//! input, and whatever else is read for it. A part that is there already is not made again, so that an appended day costs
//! a day, late rows cost the parts that see them, and a run that was cut off goes on where it was. Which ranges of time
//! are done is never kept as an "end": the set of parts says it.

use std::fs;
use std::path::{Path, PathBuf};

use mlsys_plan::Fingerprint;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::table::{Manifest, Member, footer_of, read_footers};

/// Where the parts of a node's table are kept.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The folder of the node's parts.
    pub folder: &'a Path,
    /// The state folder, within which files are named relative to each other.
    pub root: &'a Path,
    /// A fingerprint of the node's definition, and of whatever it reads as a whole.
    pub definition: &'a str,
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

    /// Looks at many parts that are going to be asked for.
    pub(crate) fn look_ahead(&self, ids: impl Iterator<Item = String>) {
        read_footers(&ids.map(|id| self.table(&id)).collect::<Vec<_>>());
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
    let mut used = std::collections::BTreeSet::new();
    for table in tables {
        if let Some(manifest) = Manifest::read(table)? {
            let beside = manifest.beside.into_iter().flat_map(|columns| columns.files);
            used.extend(manifest.files.into_iter().chain(beside).filter_map(|file| file.id));
        }
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let id = name.split('.').next().unwrap_or_default();
        // What is known of all parts together has a name, not a fingerprint.
        let is_part = id.len() == Fingerprint::of(b"").as_str().len();
        if is_part && !used.contains(id) {
            // What cannot be removed costs space, nothing else.
            let _ = fs::remove_file(&path);
        }
    }
    Ok(())
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
