//! Profiles of sources: what the values of each column are like, in sketches that can be merged.
//!
//! A profile takes the rows of a source that stay, a batch at a time, and is small however many there are. Profiles of parts
//! of a source are merged into that of the whole; [`Profile::report`] puts one into numbers for people.

mod bars;
mod column;
mod footers;
mod hidden;
mod instants;
mod making;
mod numbers;
mod personal;
mod report;
mod stored;
mod texts;
mod truths;

use arrow::array::RecordBatch;
use mlsys_aggregates::{Reader, write_count};
use mlsys_plan::Source;

pub(crate) use self::making::Making;
pub use self::report::{Bar, ColumnReport, Lengths, ProfileFrom, ProfileReport, Specials, TopValue};

use self::column::Column;
use self::personal::personal;
use crate::error::{Code, DataError};

/// What the byte form begins with: what it is, and its version.
const MAGIC: &[u8; 5] = b"MLSP\x01";

/// What the rows of a source are like, column by column.
#[derive(Clone, Debug)]
pub struct Profile {
    source: String,
    rows: u64,
    columns: Vec<Column>,
}

impl Profile {
    /// The profile of no rows. Of columns that are personal data, or are computed from such or from another table, it will
    /// hold counts and no values.
    pub fn new(source: &Source) -> Self {
        let personal = personal(source);
        let declared = source.schema.iter().map(|field| (&field.name, &field.ty));
        let derived = source.derived.iter().map(|derived| (&derived.name, &derived.expr.ty));
        let column = |(name, ty): (&String, _)| Column::new(name, ty, personal.contains(name.as_str()));
        Profile { source: source.name.clone(), rows: 0, columns: declared.chain(derived).map(column).collect() }
    }

    /// Takes rows: every column of the source, declared ones first.
    ///
    /// # Errors
    /// E0999 if the columns are not the source's.
    pub fn update(&mut self, rows: &RecordBatch) -> Result<(), DataError> {
        if rows.num_columns() != self.columns.len() {
            return Err(DataError::internal("a profile gets the columns of its source"));
        }
        self.rows += rows.num_rows() as u64;
        self.columns.iter_mut().zip(rows.columns()).try_for_each(|(column, values)| column.update(values))
    }

    /// Takes all rows that another profile of the same source has taken. Counts, extremes, histograms and numbers of
    /// different values are the same as if one profile had taken them all; means and deviations up to rounding, and counts of
    /// frequent values within their bounds.
    ///
    /// # Errors
    /// E0911 if it is the profile of other columns.
    pub fn merge(&mut self, other: &Profile) -> Result<(), DataError> {
        let alike = self.columns.len() == other.columns.len()
            && self.columns.iter().zip(&other.columns).all(|(one, other)| one.is_like(other));
        if !alike {
            let message = format!("the profiles of {} and {} are of different columns", self.source, other.source);
            return Err(DataError::new(Code::Store, message));
        }
        self.rows = self.rows.saturating_add(other.rows);
        self.columns.iter_mut().zip(&other.columns).for_each(|(column, other)| column.merge(other));
        Ok(())
    }

    /// How many rows it has taken.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The byte form, which later versions still read.
    pub fn write(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        write_text(&mut out, &self.source);
        write_count(&mut out, self.rows);
        write_count(&mut out, self.columns.len() as u64);
        self.columns.iter().for_each(|column| column.write(&mut out));
        out
    }

    /// The profile that was written.
    ///
    /// # Errors
    /// E0911 if the bytes are of an unknown version, truncated or corrupted.
    pub fn read(bytes: &[u8]) -> Result<Self, DataError> {
        let damaged = |error| DataError::new(Code::Store, format!("a stored profile is damaged: {error}"));
        let mut reader = Reader::new("profile", bytes);
        let profile = Profile::read_all(&mut reader).and_then(|profile| reader.end().map(|()| profile));
        profile.map_err(damaged)
    }

    /// What it says, in numbers for people.
    pub fn report(&self) -> ProfileReport {
        ProfileReport {
            source: self.source.clone(),
            from: ProfileFrom::Rows,
            rows: self.rows,
            columns: self.columns.iter().map(Column::report).collect(),
        }
    }

    fn read_all(reader: &mut Reader<'_>) -> Result<Self, mlsys_aggregates::AggregateError> {
        if reader.array()? != *MAGIC {
            return Err(reader.error("its version is not known"));
        }
        let (source, rows) = (read_text(reader)?, reader.count()?);
        let columns = (0..reader.items()?).map(|_| Column::read(reader)).collect::<Result<_, _>>()?;
        Ok(Profile { source, rows, columns })
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_count(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn read_text(reader: &mut Reader<'_>) -> Result<String, mlsys_aggregates::AggregateError> {
    let length = reader.items()?;
    let text = String::from_utf8(reader.take(length)?.to_vec());
    text.map_err(|_| reader.error("a text is corrupted"))
}

#[cfg(test)]
mod tests;
