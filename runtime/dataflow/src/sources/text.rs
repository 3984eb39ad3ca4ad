//! Text fields as values of the declared types.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::{
    Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use mlsys_plan::Type;

use crate::types::timestamp;

/// Why fields do not become a column: the first row that cannot be read, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadField(pub(crate) usize);

/// Whether text can be read as values of a type.
pub(crate) fn is_readable(ty: &Type) -> bool {
    !matches!(ty, Type::Bytes | Type::List(_) | Type::Vector(_))
}

/// Reads a column of fields as values of a type. A field that equals `missing` is missing, and so is an empty one
/// unless the type is text; empty text is missing only if `missing` is empty. Spaces around anything but text do not
/// count.
///
/// Timestamps are ISO 8601 (`2013-01-01T10:00:00Z`, `2013-01-01 10:00:00.5+02:00`, `2013-01-01`); without a zone they
/// are UTC, and digits after the microseconds are dropped. Truth values are `true`, `false`, `1`, `0` in any case.
/// Durations are written as in the language, such as `15m`.
pub(crate) fn parse(fields: &StringArray, ty: &Type, missing: Option<&str>) -> Result<ArrayRef, BadField> {
    let fields = Fields { texts: fields, missing };
    match ty {
        Type::Bool => booleans(&fields),
        Type::Int32 => column(numbers::<Int32Type>(&fields, |text| text.parse().ok())),
        Type::Int64 => column(numbers::<Int64Type>(&fields, |text| text.parse().ok())),
        Type::Float32 => column(numbers::<Float32Type>(&fields, |text| text.parse().ok())),
        Type::Float64 => column(numbers::<Float64Type>(&fields, |text| text.parse().ok())),
        Type::Timestamp => {
            let utc = Tz::from_str("+00:00").map_err(|_| BadField(0))?;
            let column = numbers::<TimestampMicrosecondType>(&fields, |text| instant(&utc, text))?;
            Ok(Arc::new(column.with_data_type(timestamp())))
        }
        Type::Date => column(numbers::<Date32Type>(&fields, Date32Type::parse)),
        Type::Duration => column(numbers::<DurationMicrosecondType>(&fields, duration)),
        // Text as it is; `is_readable` has refused the types that have no text form.
        _ => Ok(Arc::new(fields.into_text())),
    }
}

/// As [`parse`], of a column that knows by itself which values are missing.
pub(crate) fn parse_present(texts: &StringArray, ty: &Type) -> Result<ArrayRef, BadField> {
    // Empty text stands for a missing value: what is missing already becomes empty.
    let filled: StringArray = texts.iter().map(|text| Some(text.unwrap_or_default())).collect();
    parse(&filled, ty, None)
}

/// Fields, and which of them are missing whatever their type.
struct Fields<'a> {
    texts: &'a StringArray,
    missing: Option<&'a str>,
}

impl Fields<'_> {
    /// The field's text without spaces around it, if it is not missing.
    fn value(&self, row: usize) -> Option<&str> {
        let text = self.texts.value(row);
        if self.missing == Some(text) {
            return None;
        }
        Some(text.trim_ascii()).filter(|text| !text.is_empty())
    }

    fn len(&self) -> usize {
        self.texts.len()
    }

    /// The reader marks empty fields as missing; for text they are values unless `missing` is empty.
    fn into_text(self) -> StringArray {
        let present = |row: usize| self.missing != Some(self.texts.value(row));
        let nulls: NullBuffer = (0..self.texts.len()).map(present).collect();
        let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
        StringArray::new(self.texts.offsets().clone(), self.texts.values().clone(), nulls)
    }
}

fn column<T: ArrowPrimitiveType>(values: Result<PrimitiveArray<T>, BadField>) -> Result<ArrayRef, BadField> {
    Ok(Arc::new(values?))
}

fn numbers<T: ArrowPrimitiveType>(
    fields: &Fields<'_>,
    read: impl Fn(&str) -> Option<T::Native>,
) -> Result<PrimitiveArray<T>, BadField> {
    let mut builder = PrimitiveArray::<T>::builder(fields.len());
    for row in 0..fields.len() {
        match fields.value(row) {
            None => builder.append_null(),
            Some(text) => builder.append_value(read(text).ok_or(BadField(row))?),
        }
    }
    Ok(builder.finish())
}

fn booleans(fields: &Fields<'_>) -> Result<ArrayRef, BadField> {
    let read = |row: usize| match fields.value(row) {
        None => Ok(None),
        Some("1") => Ok(Some(true)),
        Some("0") => Ok(Some(false)),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(BadField(row)),
    };
    let values: Vec<Option<bool>> = (0..fields.len()).map(read).collect::<Result<_, _>>()?;
    Ok(Arc::new(BooleanArray::from(values)))
}

fn instant(zone: &Tz, text: &str) -> Option<i64> {
    // Digits alone would be read as a date or as seconds, whichever the writer did not mean.
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    string_to_datetime(zone, text).ok().map(|instant| instant.timestamp_micros())
}

/// `250ms`, `1.5h`: a number and a unit of the language.
fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 7] =
        [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7), ("h", 3.6e9), ("d", 8.64e10), ("w", 6.048e11)];
    let split = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let size = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    let micros = number.trim_ascii_end().parse::<f64>().ok()? * size;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    (micros.abs() < 9.2e18).then_some(micros.round_ties_even() as i64)
}
