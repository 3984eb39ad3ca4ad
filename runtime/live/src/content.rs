//! The content of rows as numbers that are equal for equal rows.

use std::hash::Hasher;

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use twox_hash::XxHash64;

use crate::error::LiveError;

/// Hashes of the first so many columns of rows. Two versions of a row differ with all but certainty if these do.
pub(crate) struct Content {
    converter: RowConverter,
    columns: usize,
}

impl Content {
    pub(crate) fn of(schema: &arrow::datatypes::Schema, columns: usize) -> Result<Self, LiveError> {
        let fields = schema.fields().iter().take(columns).map(|field| SortField::new(field.data_type().clone()));
        Ok(Content { converter: RowConverter::new(fields.collect())?, columns })
    }

    /// One for each row.
    pub(crate) fn hashes(&self, rows: &RecordBatch) -> Result<Vec<u64>, LiveError> {
        let rows = self.converter.convert_columns(&rows.columns()[..self.columns])?;
        Ok(rows.iter().map(|row| XxHash64::oneshot(0, row.as_ref())).collect())
    }
}

/// A hash of texts, which of them are where included.
pub(crate) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    for text in texts {
        hasher.write_usize(text.len());
        hasher.write(text.as_bytes());
    }
    hasher.finish()
}
