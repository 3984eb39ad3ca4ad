//! Sources whose files can be read where they are: Parquet files with exactly the declared columns, of which no row is
//! changed, left out or replaced. Copying them would cost time and space and give the same rows.

use mlsys_plan::{Source, Type};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::ParquetMetaData;

use super::repeats::leaves_out;
use crate::sources::InputFile;
use crate::table::{Manifest, Member, read_footers};
use crate::types::arrow_type;

/// Files that may be read in place.
pub(super) struct InPlace {
    pub(super) manifest: Manifest,
    /// Whether their footers alone say that every row meets the declaration.
    pub(super) is_proven: bool,
}

impl InPlace {
    /// The files of a source, unless one of them must be read and written to become what is declared. Whether their rows
    /// stay as they are is still to be seen.
    pub(super) fn of(source: &Source, files: &[InputFile]) -> Option<Self> {
        let is_plain = source.connector.name == "parquet"
            && source.derived.is_empty()
            && source.schema.iter().all(|field| field.default.is_none());
        if !is_plain {
            return None;
        }
        let mut found = InPlace { manifest: Manifest::default(), is_proven: proves_all(source) };
        read_footers(&files.iter().map(|file| file.path.clone()).collect::<Vec<_>>());
        for file in files {
            // What is no Parquet file is told of when it is read.
            let (member, footer) = Member::of(&file.path).ok().filter(|(_, footer)| has_columns(source, footer))?;
            found.is_proven &= needed(source).all(|name| has_no_null(name, footer.metadata()));
            found.manifest.files.push(member);
        }
        Some(found)
    }

    /// How many rows the files have.
    pub(super) fn rows(&self) -> u64 {
        self.manifest.files.iter().map(|member| member.rows).sum()
    }
}

/// Whether the file has the declared columns, once each, with the types in which tables are stored.
fn has_columns(source: &Source, footer: &ArrowReaderMetadata) -> bool {
    let fields = footer.schema().fields();
    source.schema.iter().all(|declared| {
        let mut same = fields.iter().filter(|field| *field.name() == declared.name);
        let is_stored_type = same.next().is_some_and(|field| *field.data_type() == arrow_type(&declared.ty.ty));
        is_stored_type && same.next().is_none()
    })
}

/// Whether nothing is declared that only rows can tell.
fn proves_all(source: &Source) -> bool {
    source.key.is_empty()
        && source.known_at.is_empty()
        && source.expectations.is_empty()
        && !source.checks.iter().any(leaves_out)
        && source.schema.iter().all(|field| !matches!(field.ty.ty, Type::Enum(_)))
}

/// The columns in which no value may be missing.
fn needed(source: &Source) -> impl Iterator<Item = &str> {
    let declared = source.schema.iter().filter(|field| !field.ty.nullable).map(|field| field.name.as_str());
    declared.chain(source.time.as_deref())
}

/// Whether the footer says that no value of a column is missing.
fn has_no_null(name: &str, metadata: &ParquetMetaData) -> bool {
    metadata.row_groups().iter().all(|group| {
        let mut columns = group.columns().iter();
        let column = columns.find(|column| column.column_path().parts() == [name]);
        column.and_then(|column| column.statistics()?.null_count_opt()) == Some(0)
    })
}
