//! Keyed hashes in the place of values: equal values can be told, and nothing else.

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::error::ArrowError;
use hmac::{Hmac, Mac};
use mlsys_rows::RowWriter;
use sha2::Sha256;

/// HMAC-SHA-256 (RFC 2104) of each value's JSON, the first 16 bytes in hexadecimal digits. Missing values stay missing.
pub(super) fn hashed(name: &str, column: &ArrayRef, key: &[u8]) -> Result<StringArray, ArrowError> {
    let refused = |error: &dyn std::fmt::Display| ArrowError::ComputeError(error.to_string());
    let batch = RecordBatch::try_from_iter([(name, ArrayRef::clone(column))])?;
    let writer = RowWriter::new(&batch).map_err(|error| refused(&error))?;
    let mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| refused(&error))?;
    let mut value = Vec::new();
    let hash = |row: usize| {
        if column.is_null(row) {
            return None;
        }
        value.clear();
        writer.write_value(0, row, &mut value);
        let mut mac = mac.clone();
        mac.update(&value);
        Some(mac.finalize().into_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    Ok((0..column.len()).map(hash).collect())
}
