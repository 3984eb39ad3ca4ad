//! Values as keys that are equal where the values are, and ordered as `min` and `max` order them.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowNativeType, DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use crate::bytes::{Reader, write_count, write_signed};
use crate::error::AggregateError;

/// A value of some type as something that can be compared and counted.
pub(crate) trait Key: Clone + Eq + Hash + Ord + Send + 'static {
    /// The keys of present values.
    fn of(values: &ArrayRef) -> Result<Vec<Self>, AggregateError>;

    /// The column of a type whose values have these keys.
    fn column(keys: impl Iterator<Item = Self>, ty: &DataType) -> Result<ArrayRef, AggregateError>;

    /// Appends the byte form.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes what was written.
    fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError>;

    /// Bytes that are held behind a pointer.
    fn bytes(&self) -> usize;
}

/// Whether the keys are those of values of a type.
pub(crate) fn are_of_type<K: Key>(keys: &[K], ty: &DataType) -> bool {
    let column = K::column(keys.iter().cloned(), ty);
    column.and_then(|column| K::of(&column)).is_ok_and(|found| found == keys)
}

/// The key of text and bytes: the bytes.
pub(crate) type Text = Arc<[u8]>;

/// Whether the keys of a type are [`Text`]; all others are `i64`.
pub(crate) fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Binary)
}

/// The key of a float. It orders NaN, all of which are one, above every other number, and `-0.0` is `0.0`.
pub(crate) fn float_key(value: f64) -> i64 {
    let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
    in_order(value.to_bits().cast_signed())
}

/// The float with that key.
pub(crate) fn key_float(key: i64) -> f64 {
    f64::from_bits(in_order(key).cast_unsigned())
}

/// Bits of negative floats grow with their magnitude, so all but the sign is flipped; twice is back again.
fn in_order(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Numbers, times and truth values.
impl Key for i64 {
    fn of(values: &ArrayRef) -> Result<Vec<i64>, AggregateError> {
        Ok(match values.data_type() {
            DataType::Float64 => values.as_primitive::<Float64Type>().values().iter().copied().map(float_key).collect(),
            DataType::Float32 => {
                let values = values.as_primitive::<Float32Type>().values();
                values.iter().map(|value| float_key((*value).into())).collect()
            }
            _ => cast(values, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec(),
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "the keys of a float32 column are exactly its values")]
    fn column(keys: impl Iterator<Item = i64>, ty: &DataType) -> Result<ArrayRef, AggregateError> {
        let small = |key: i64| i32::try_from(key).unwrap_or_default();
        Ok(match ty {
            DataType::Boolean => Arc::new(keys.map(|key| Some(key != 0)).collect::<BooleanArray>()),
            DataType::Float64 => Arc::new(Float64Array::from_iter_values(keys.map(key_float))),
            DataType::Float32 => Arc::new(Float32Array::from_iter_values(keys.map(|key| key_float(key) as f32))),
            DataType::Int32 => Arc::new(Int32Array::from_iter_values(keys.map(small))),
            DataType::Date32 => {
                Arc::new(Int32Array::from_iter_values(keys.map(small)).reinterpret_cast::<Date32Type>())
            }
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(keys)),
            DataType::Timestamp(..) => {
                let times = Int64Array::from_iter_values(keys).reinterpret_cast::<TimestampMicrosecondType>();
                Arc::new(times.with_data_type(ty.clone()))
            }
            DataType::Duration(_) => {
                Arc::new(Int64Array::from_iter_values(keys).reinterpret_cast::<DurationMicrosecondType>())
            }
            other => return Err(AggregateError::unexpected("a type with an order", other)),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_signed(out, *self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<i64, AggregateError> {
        reader.signed()
    }

    fn bytes(&self) -> usize {
        0
    }
}

impl Key for Text {
    fn of(values: &ArrayRef) -> Result<Vec<Text>, AggregateError> {
        Ok(texts(values)?.map(Text::from).collect())
    }

    fn column(keys: impl Iterator<Item = Text>, ty: &DataType) -> Result<ArrayRef, AggregateError> {
        let keys: Vec<Text> = keys.collect();
        let size = keys.iter().map(|key| key.len()).sum();
        i32::try_from(size).map_err(|_| ArrowError::OffsetOverflowError(size))?;
        let bytes = BinaryArray::from_iter_values(keys);
        match ty {
            DataType::Utf8 => Ok(Arc::new(StringArray::try_from_binary(bytes)?)),
            _ => Ok(Arc::new(bytes)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.len() as u64);
        out.extend_from_slice(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Text, AggregateError> {
        let length = reader.items()?;
        Ok(Text::from(reader.take(length)?))
    }

    fn bytes(&self) -> usize {
        self.len()
    }
}

/// The bytes of present texts.
pub(crate) fn texts(values: &ArrayRef) -> Result<impl Iterator<Item = &[u8]>, AggregateError> {
    let (offsets, bytes) = match values.data_type() {
        DataType::Utf8 => {
            let values = values.as_string::<i32>();
            (values.value_offsets(), values.value_data())
        }
        DataType::Binary => {
            let values = values.as_binary::<i32>();
            (values.value_offsets(), values.value_data())
        }
        other => return Err(AggregateError::unexpected("text or bytes", other)),
    };
    Ok(offsets.windows(2).map(|ends| &bytes[ends[0].as_usize()..ends[1].as_usize()]))
}

#[cfg(test)]
mod tests {
    use super::{float_key, key_float};

    #[test]
    fn keys_order_floats() {
        let ordered = [f64::NEG_INFINITY, f64::MIN, -1.0, -5e-324, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY, f64::NAN];
        let keys = ordered.map(float_key);
        assert!(keys.is_sorted_by(|one, next| one < next));
        assert_eq!(keys.map(|key| key_float(key).to_bits()), ordered.map(f64::to_bits));
        assert_eq!((float_key(-0.0), float_key(-f64::NAN)), (float_key(0.0), float_key(f64::NAN)));
    }
}
