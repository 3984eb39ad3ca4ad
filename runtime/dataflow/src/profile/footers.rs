//! What Parquet footers know of a table without reading it.

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute;
use arrow::datatypes::DataType;
use mlsys_plan::{Source, ValueType};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use serde_json::Value;

use super::column::Column;
use super::personal::personal;
use super::report::{ColumnReport, ProfileFrom, ProfileReport};
use crate::error::DataError;
use crate::table::{Manifest, Member};

/// The profile that the footers of a table's files give.
///
/// # Errors
/// E0911 if a footer cannot be read.
pub(super) fn of_footers(source: &Source, table: &Path) -> Result<ProfileReport, DataError> {
    let (mut rows, mut footers) = (0, Vec::new());
    for path in files(table)? {
        let (member, footer) =
            Member::of(&path).map_err(|error| DataError::store("read the stored table", &path, &error))?;
        rows += member.rows;
        footers.push(footer);
    }
    let personal = personal(source);
    let declared = source.schema.iter().map(|field| (&field.name, &field.ty));
    let derived = source.derived.iter().map(|derived| (&derived.name, &derived.expr.ty));
    let columns = declared.chain(derived);
    let columns = columns.map(|(name, ty)| column(name, ty, personal.contains(name.as_str()), &footers));
    let columns = columns.collect::<Result<_, _>>()?;
    Ok(ProfileReport { source: source.name.clone(), from: ProfileFrom::Footers, rows, columns })
}

/// The files that make up a table.
fn files(table: &Path) -> Result<Vec<PathBuf>, DataError> {
    let manifest = Manifest::read(table)?;
    let members = manifest.map(|manifest| manifest.files.into_iter().map(|member| member.path).collect());
    Ok(members.unwrap_or_else(|| vec![table.to_path_buf()]))
}

fn column(
    name: &str,
    ty: &ValueType,
    is_personal: bool,
    footers: &[ArrowReaderMetadata],
) -> Result<ColumnReport, DataError> {
    let known = footers.iter().map(|footer| Known::of(name, footer)).collect::<Result<Vec<_>, _>>()?;
    let nulls = known.iter().map(|known| known.nulls).sum::<Option<u64>>();
    let (min, max) = if is_personal { (None, None) } else { extremes(name, ty, &known)? };
    Ok(ColumnReport {
        name: name.to_owned(),
        ty: ty.to_string(),
        pii: is_personal,
        nulls,
        min,
        max,
        ..Default::default()
    })
}

/// What the row groups of one file say of a column.
struct Known {
    /// How many values are missing; none if some row group does not say.
    nulls: Option<u64>,
    /// The extremes of each row group.
    extremes: [ArrayRef; 2],
    /// Whether every row group with a value says what its extremes are.
    complete: bool,
}

impl Known {
    fn of(name: &str, footer: &ArrowReaderMetadata) -> Result<Self, DataError> {
        let groups = footer.metadata().row_groups();
        let converter = StatisticsConverter::try_new(name, footer.schema(), footer.parquet_schema())?
            .with_missing_null_counts_as_zero(false);
        let nulls: UInt64Array = converter.row_group_null_counts(groups)?;
        let extremes = [converter.row_group_mins(groups)?, converter.row_group_maxes(groups)?];
        let is_told = |group: usize| {
            let empty = nulls.is_valid(group) && nulls.value(group) == groups[group].num_rows().unsigned_abs();
            empty || extremes.iter().all(|values| values.is_valid(group))
        };
        let complete = (0..groups.len()).all(is_told);
        let nulls = (nulls.null_count() == 0).then(|| nulls.values().iter().sum());
        Ok(Known { nulls, extremes, complete })
    }
}

/// The least and the greatest value of numbers and instants, if the footers tell.
fn extremes(name: &str, ty: &ValueType, known: &[Known]) -> Result<(Option<Value>, Option<Value>), DataError> {
    // The statistics of texts may be cut short, and those of truth values say little.
    let is_ordered = |values: &ArrayRef| values.data_type().is_primitive() && *values.data_type() != DataType::Null;
    let told = known.iter().all(|known| known.complete && known.extremes.iter().all(is_ordered));
    if !told {
        return Ok((None, None));
    }
    // A profile of the extremes alone has the extremes of all.
    let mut column = Column::new(name, ty, false);
    for values in known.iter().flat_map(|known| &known.extremes) {
        column.update(&compute::filter(values, &compute::is_not_null(values)?)?)?;
    }
    let report = column.report();
    // Whether a float is infinite, its footer does not tell apart from what it does not tell.
    if report.specials.is_some() { Ok((None, None)) } else { Ok((report.min, report.max)) }
}
