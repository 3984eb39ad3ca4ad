//! Connectors that read a source's history. Adding one is one file and one line in [`connectors`].

mod arrow;
mod conform;
mod csv;
mod files;
mod json;
mod parquet;
mod scan;
mod text;
mod typed;

use std::path::{Path, PathBuf};

use ::arrow::array::RecordBatch;
use mlsys_plan::{Call, Field, Source};

use crate::error::{Code, DataError};
use crate::names;

pub(crate) use conform::finish;
pub(crate) use files::{InputFile, input_files};
pub(crate) use scan::{FILE, ROW, ScanStream, scan_schema};
pub(crate) use text::parse as parse_text;

/// Batches of one file, in the file's order.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, DataError>> + Send>;

/// What reads rows from somewhere.
pub(crate) trait Connector: Sync {
    /// The connector's name in the language.
    fn name(&self) -> &'static str;

    /// Refuses arguments and column types that this connector cannot read, without looking at any data.
    ///
    /// # Errors
    /// E0910, naming the argument or column.
    fn check(&self, call: &Call, columns: &[Field]) -> Result<(), DataError>;

    /// Reads the declared columns of one file, by name, with the declared types; no value is missing where the
    /// declaration does not allow it.
    ///
    /// # Errors
    /// E0901, E0902, E0903, E0905; also while the batches are read.
    fn read(&self, call: &Call, file: &InputFile, columns: &[Field]) -> Result<Batches, DataError>;
}

/// Every connector, ordered by name.
pub(crate) fn connectors() -> [&'static dyn Connector; 4] {
    [&arrow::Arrow, &csv::Csv, &json::Json, &parquet::Parquet]
}

/// The names of the connectors that a program can use, ordered.
pub fn connector_names() -> impl Iterator<Item = &'static str> {
    connectors().into_iter().map(Connector::name)
}

/// The connector of a source.
///
/// # Errors
/// E0910 if there is none of that name.
pub(crate) fn connector(call: &Call) -> Result<&'static dyn Connector, DataError> {
    connectors().into_iter().find(|connector| connector.name() == call.name).ok_or_else(|| {
        DataError::new(Code::Unsupported, format!("this runtime has no connector `{}`", call.name))
            .with_help(format!("its connectors are {}", names::list(connector_names())))
    })
}

/// The files that a source reads, sorted, with globs expanded: what a fingerprint of its content covers.
///
/// # Errors
/// E0901 if a file is missing, E0910 if the connector is not known.
pub fn source_files(source: &Source, project: &Path) -> Result<Vec<PathBuf>, DataError> {
    connector(&source.connector)?;
    let files = input_files(&source.connector, project)?;
    Ok(files.into_iter().map(|file| file.path).collect())
}
