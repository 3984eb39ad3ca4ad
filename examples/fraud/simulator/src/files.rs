//! Payments as Parquet files, one a day.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::payments::{Payment, Payments};
use crate::world::World;

/// Why the payments could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There are payments already.
    #[error("there are files in `{0}`; `--force` replaces them")]
    Exists(PathBuf),
    /// The file system refused something.
    #[error("cannot write `{path}`: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A table could not be made.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A table could not be written.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

/// Writes the payments of a world into `payments/` of a folder, one file a day, and tells after each day how many
/// payments it has and how many of them are fraud. A file is complete or not there at all.
///
/// # Errors
/// [`WriteError::Exists`] if there are files already and they may not be replaced; else what the file system refuses.
pub fn write(
    world: &World,
    folder: &Path,
    replace: bool,
    mut progress: impl FnMut(usize, usize),
) -> Result<(), WriteError> {
    let folder = folder.join("payments");
    prepare(&folder, replace)?;
    for (date, payments) in world.settings.start.iter_days().zip(Payments::new(world)) {
        write_day(world, &payments, &folder.join(format!("{date}.parquet")))?;
        progress(payments.len(), payments.iter().filter(|payment| payment.fraud.is_some()).count());
    }
    Ok(())
}

/// Makes the folder; its Parquet files are removed if they may be replaced, so that no day of an earlier call is left.
fn prepare(folder: &Path, replace: bool) -> Result<(), WriteError> {
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |error| WriteError::Io { path, error }
    };
    fs::create_dir_all(folder).map_err(refused(folder))?;
    for entry in fs::read_dir(folder).map_err(refused(folder))? {
        let path = entry.map_err(refused(folder))?.path();
        if !replace {
            return Err(WriteError::Exists(folder.to_owned()));
        }
        if path.extension().is_some_and(|extension| extension == "parquet" || extension == "partial") {
            fs::remove_file(&path).map_err(refused(&path))?;
        }
    }
    Ok(())
}

/// Writes beside the file's place, then moves it there.
fn write_day(world: &World, payments: &[Payment], path: &Path) -> Result<(), WriteError> {
    let partial = path.with_extension("parquet.partial");
    let refused = |error| WriteError::Io { path: path.to_owned(), error };
    let written = table(world, payments).and_then(|table| {
        let file = File::create(&partial).map_err(refused)?;
        let compression = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut writer = ArrowWriter::try_new(file, table.schema(), Some(properties))?;
        writer.write(&table)?;
        writer.close()?;
        fs::rename(&partial, path).map_err(refused)
    });
    if written.is_err() {
        // What was refused is told; that the rest of it cannot be removed would say no more.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn table(world: &World, payments: &[Payment]) -> Result<RecordBatch, WriteError> {
    let numbers = |pick: fn(&Payment) -> i64| Int64Array::from_iter_values(payments.iter().map(pick));
    let times = TimestampMicrosecondArray::from_iter_values(payments.iter().map(|payment| payment.paid_at));
    let emails = payments.iter().map(|payment| &world.customers[payment.customer].email);
    let frauds: Vec<bool> = payments.iter().map(|payment| payment.fraud.is_some()).collect();
    let columns: [(&str, ArrayRef); 7] = [
        ("payment_id", Arc::new(numbers(|payment| payment.id))),
        ("paid_at", Arc::new(times.with_timezone("UTC"))),
        ("customer_id", Arc::new(numbers(|payment| payment.customer as i64))),
        ("terminal_id", Arc::new(numbers(|payment| payment.terminal as i64))),
        ("amount", Arc::new(Float64Array::from_iter_values(payments.iter().map(|payment| payment.amount)))),
        ("email", Arc::new(StringArray::from_iter_values(emails))),
        ("is_fraud", Arc::new(BooleanArray::from(frauds))),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, false)))?)
}
