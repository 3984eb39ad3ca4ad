//! Values as bytes that compare as the values do, for entities' keys and for the order of rows of one instant.
//!
//! A missing value is the byte 0 and comes first, as in the batch engine's sorts. Any other is a byte for its type and
//! then: integers with the sign flipped, the highest byte first; floats as IEEE 754's total order has them; text and bytes
//! with `00` written as `00 FF`, and `00 00` at the end. No encoding is the beginning of another one, so several of them in
//! a row are injective.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType,
};

use crate::error::OnlineError;
use crate::texts::Texts;

/// The byte of a missing value.
const MISSING: u8 = 0;

/// Text and bytes that are longer are refused: nothing that long identifies a row.
const LONGEST: usize = 1 << 16;

/// The keys of entities, encoded; one is missing if any part of it is.
#[derive(Clone, Debug, Default)]
pub struct Keys(pub(crate) Texts);

impl Keys {
    /// Encodes key columns of the given types, one for each part of the key.
    ///
    /// # Errors
    /// [`OnlineError::Rows`] if the columns have other types or lengths; [`OnlineError::Large`] if a text is too long.
    pub fn new(types: &[DataType], columns: &[ArrayRef]) -> Result<Self, OnlineError> {
        Keys::behind(&[], types, columns)
    }

    /// As [`Keys::new`], each of them behind some bytes.
    ///
    /// # Errors
    /// As [`Keys::new`].
    pub fn behind(prefix: &[u8], types: &[DataType], columns: &[ArrayRef]) -> Result<Self, OnlineError> {
        let rows = columns.first().map_or(0, |column| column.len());
        encode(types, columns, rows, "key", Some(prefix)).map(Keys)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them; none if a part of it is missing, so that it is nobody's key.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        Some(self.0.get(index)).filter(|key| !key.is_empty())
    }
}

/// Keys that are encoded already.
impl FromIterator<Vec<u8>> for Keys {
    fn from_iter<I: IntoIterator<Item = Vec<u8>>>(keys: I) -> Self {
        let mut texts = Texts::default();
        for key in keys {
            texts.bytes.extend(key);
            texts.end();
        }
        Keys(texts)
    }
}

/// Whether values of a type can be encoded.
pub(crate) fn is_encodable(ty: &DataType) -> bool {
    tag(ty).is_some()
}

fn tag(ty: &DataType) -> Option<u8> {
    Some(match ty {
        DataType::Boolean => 1,
        DataType::Int32 => 2,
        DataType::Int64 => 3,
        DataType::Float32 => 4,
        DataType::Float64 => 5,
        DataType::Date32 => 6,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 7,
        DataType::Duration(TimeUnit::Microsecond) => 8,
        DataType::Utf8 => 9,
        DataType::Binary => 10,
        _ => return None,
    })
}

/// A column that is encoded.
enum Source<'a> {
    Booleans(&'a BooleanArray),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Dates(&'a PrimitiveArray<Date32Type>),
    Timestamps(&'a PrimitiveArray<TimestampMicrosecondType>),
    Durations(&'a PrimitiveArray<DurationMicrosecondType>),
    Texts(&'a ArrayRef, bool),
}

/// The values of some columns, row by row. Those of a key are behind some bytes, and empty if a value is missing.
pub(crate) fn encode(
    types: &[DataType],
    columns: &[ArrayRef],
    rows: usize,
    what: &'static str,
    key: Option<&[u8]>,
) -> Result<Texts, OnlineError> {
    let expected = |column: String, found: String, expected: String| OnlineError::Rows { column, found, expected };
    if types.len() != columns.len() {
        let found = format!("{} columns", columns.len());
        return Err(expected(format!("the {what}"), found, format!("{} columns", types.len())));
    }
    let mut sources = Vec::with_capacity(columns.len());
    for (index, (ty, column)) in types.iter().zip(columns).enumerate() {
        let name = || format!("{what} column {}", index + 1);
        if column.data_type() != ty {
            return Err(expected(name(), column.data_type().to_string(), ty.to_string()));
        }
        if column.len() != rows {
            return Err(expected(name(), format!("{} rows", column.len()), format!("{rows} rows")));
        }
        let tag = tag(ty).ok_or_else(|| OnlineError::Type { ty: ty.clone(), place: what })?;
        sources.push((tag, source(column)?));
    }
    let mut out = Texts {
        ends: Vec::with_capacity(rows),
        bytes: Vec::with_capacity(rows * (key.map_or(0, <[u8]>::len) + sources.len() * 9)),
    };
    for row in 0..rows {
        let before = out.bytes.len();
        out.bytes.extend_from_slice(key.unwrap_or_default());
        for (tag, source) in &sources {
            let is_missing = write(&mut out.bytes, *tag, source, row)?;
            if is_missing && key.is_some() {
                out.bytes.truncate(before);
                break;
            }
        }
        if !out.end() {
            return Err(OnlineError::Large {
                column: what.to_owned(),
                bytes: out.bytes.len(),
                most: u32::MAX as usize,
            });
        }
    }
    Ok(out)
}

fn source(column: &ArrayRef) -> Result<Source<'_>, OnlineError> {
    Ok(match column.data_type() {
        DataType::Boolean => Source::Booleans(column.as_boolean()),
        DataType::Int32 => Source::Int32(column.as_primitive()),
        DataType::Int64 => Source::Int64(column.as_primitive()),
        DataType::Float32 => Source::Float32(column.as_primitive()),
        DataType::Float64 => Source::Float64(column.as_primitive()),
        DataType::Date32 => Source::Dates(column.as_primitive()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Source::Timestamps(column.as_primitive()),
        DataType::Duration(TimeUnit::Microsecond) => Source::Durations(column.as_primitive()),
        DataType::Utf8 => Source::Texts(column, true),
        DataType::Binary => Source::Texts(column, false),
        other => return Err(OnlineError::Type { ty: other.clone(), place: "a key" }),
    })
}

/// Appends one value, and says whether it is missing.
fn write(out: &mut Vec<u8>, tag: u8, source: &Source<'_>, row: usize) -> Result<bool, OnlineError> {
    match source {
        Source::Booleans(values) if values.is_valid(row) => out.extend([tag, u8::from(values.value(row))]),
        Source::Int32(values) => return Ok(number(out, tag, values, row, |value| flip(value).to_be_bytes())),
        Source::Int64(values) => return Ok(number(out, tag, values, row, |value| flip_long(value).to_be_bytes())),
        Source::Dates(values) => return Ok(number(out, tag, values, row, |value| flip(value).to_be_bytes())),
        Source::Timestamps(values) => return Ok(number(out, tag, values, row, |value| flip_long(value).to_be_bytes())),
        Source::Durations(values) => return Ok(number(out, tag, values, row, |value| flip_long(value).to_be_bytes())),
        Source::Float32(values) => {
            return Ok(number(out, tag, values, row, |value| {
                let bits = value.to_bits().cast_signed();
                flip(bits ^ ((bits >> 31) & i32::MAX)).to_be_bytes()
            }));
        }
        Source::Float64(values) => {
            return Ok(number(out, tag, values, row, |value| {
                let bits = value.to_bits().cast_signed();
                flip_long(bits ^ ((bits >> 63) & i64::MAX)).to_be_bytes()
            }));
        }
        Source::Texts(values, is_text) if values.is_valid(row) => {
            let text = if *is_text {
                values.as_string::<i32>().value(row).as_bytes()
            } else {
                values.as_binary::<i32>().value(row)
            };
            out.push(tag);
            write_text(out, text)?;
        }
        Source::Booleans(_) | Source::Texts(..) => {
            out.push(MISSING);
            return Ok(true);
        }
    }
    Ok(false)
}

fn number<T: ArrowPrimitiveType, const N: usize>(
    out: &mut Vec<u8>,
    tag: u8,
    values: &PrimitiveArray<T>,
    row: usize,
    bytes: impl Fn(T::Native) -> [u8; N],
) -> bool {
    if values.is_null(row) {
        out.push(MISSING);
        return true;
    }
    out.push(tag);
    out.extend(bytes(values.value(row)));
    false
}

fn flip(value: i32) -> u32 {
    (value ^ i32::MIN).cast_unsigned()
}

fn flip_long(value: i64) -> u64 {
    (value ^ i64::MIN).cast_unsigned()
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) -> Result<(), OnlineError> {
    if text.len() > LONGEST {
        return Err(OnlineError::Large { column: "a key".to_owned(), bytes: text.len(), most: LONGEST });
    }
    for byte in text {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend([0, 0]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
    use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices};
    use proptest::prelude::*;

    use super::{Keys, encode};

    type Row = (Option<i64>, Option<f64>, Option<String>);

    fn columns(rows: &[Row]) -> Vec<ArrayRef> {
        vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|row| row.2.clone()).collect::<StringArray>()),
        ]
    }

    fn row() -> impl Strategy<Value = Row> {
        let float = prop_oneof![any::<f64>(), Just(0.0), Just(-0.0), Just(f64::NAN)];
        let text = prop::collection::vec(prop_oneof![Just('\0'), Just('a'), Just('\u{7f}'), Just('é')], 0..4);
        let text = text.prop_map(String::from_iter);
        (prop::option::of(-2_i64..3), prop::option::of(float), prop::option::of(text))
    }

    proptest! {
        /// Bytes are in the order of Arrow's sorts, and equal only where rows are.
        #[test]
        fn bytes_compare_as_rows_do(rows in prop::collection::vec(row(), 1..40)) {
            let columns = columns(&rows);
            let types: Vec<_> = columns.iter().map(|column| column.data_type().clone()).collect();
            let codes = encode(&types, &columns, rows.len(), "order", None).unwrap();
            let options = Some(SortOptions { descending: false, nulls_first: true });
            let sorts: Vec<SortColumn> =
                columns.iter().map(|values| SortColumn { values: Arc::clone(values), options }).collect();
            let order = lexsort_to_indices(&sorts, None).unwrap();
            for pair in order.values().windows(2) {
                let (one, next) = (pair[0] as usize, pair[1] as usize);
                prop_assert!(codes.get(one) <= codes.get(next));
                let bits = |row: &Row| (row.0, row.1.map(f64::to_bits), row.2.clone());
                prop_assert_eq!(codes.get(one) == codes.get(next), bits(&rows[one]) == bits(&rows[next]));
            }
        }
    }

    #[test]
    fn a_key_with_a_missing_part_is_nobodys() {
        let columns = columns(&[(Some(1), Some(0.5), None), (Some(1), Some(0.5), Some(String::new()))]);
        let types: Vec<_> = columns.iter().map(|column| column.data_type().clone()).collect();
        let keys = Keys::new(&types, &columns).unwrap();
        assert_eq!((keys.get(0).is_none(), keys.get(1).is_some()), (true, true));
        assert!(Keys::new(&types[..2], &columns).is_err());
    }
}
