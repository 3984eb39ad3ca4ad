//! The language's types as Arrow types, and the schemas that plan nodes read and write.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, FixedSizeListArray};
use arrow::compute;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use mlsys_plan::{Literal, Source, Type, ValueType};
pub(crate) use mlsys_rows::arrow_type;

use crate::error::DataError;

/// The Arrow type of a timestamp: microseconds in UTC.
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A column of a stored table. It is nullable in Arrow's eyes whatever the declaration says: the declaration is
/// checked when data is read, and DataFusion must not conclude anything from it that an overflow could make false.
pub(crate) fn column(name: &str, ty: &ValueType) -> Field {
    Field::new(name, arrow_type(&ty.ty), true)
}

/// A column as values of a type; one that has it already stays where it is.
///
/// # Errors
/// Its values cannot be converted.
pub(crate) fn typed(column: &ArrayRef, ty: &DataType) -> Result<ArrayRef, ArrowError> {
    if column.data_type() == ty { Ok(Arc::clone(column)) } else { compute::cast(column, ty) }
}

/// The columns that a source node writes: the declared ones, then the derived ones.
pub(crate) fn source_schema(source: &Source) -> SchemaRef {
    schema(source.columns())
}

/// Declared columns.
pub(crate) fn declared_schema(fields: &[mlsys_plan::Field]) -> SchemaRef {
    schema(fields.iter().map(|field| (field.name.as_str(), &field.ty)))
}

fn schema<'a>(columns: impl IntoIterator<Item = (&'a str, &'a ValueType)>) -> SchemaRef {
    Arc::new(Schema::new(columns.into_iter().map(|(name, ty)| column(name, ty)).collect::<Vec<_>>()))
}

/// A constant of the plan as a value of DataFusion.
///
/// # Errors
/// E0999 if the constant is not a value of the type that the plan gives it.
pub(crate) fn scalar(value: &Literal, ty: &Type) -> Result<ScalarValue, DataError> {
    let mismatch = || DataError::internal(format!("the plan gives the constant {value} the type {ty}"));
    Ok(match (value, ty) {
        (Literal::Null, ty) => ScalarValue::try_from(&arrow_type(ty))?,
        (Literal::Bool(value), Type::Bool) => ScalarValue::Boolean(Some(*value)),
        (Literal::Int(value), Type::Int32) => ScalarValue::Int32(Some(i32::try_from(*value).map_err(|_| mismatch())?)),
        (Literal::Int(value), Type::Int64) => ScalarValue::Int64(Some(*value)),
        #[expect(clippy::cast_precision_loss, reason = "the compiler widened the constant")]
        (Literal::Int(value), Type::Float64) => ScalarValue::Float64(Some(*value as f64)),
        #[expect(clippy::cast_precision_loss, reason = "the compiler widened the constant")]
        (Literal::Int(value), Type::Float32) => ScalarValue::Float32(Some(*value as f32)),
        (Literal::Float(value), Type::Float64) => ScalarValue::Float64(Some(*value)),
        #[expect(clippy::cast_possible_truncation, reason = "the compiler gave the constant this type")]
        (Literal::Float(value), Type::Float32) => ScalarValue::Float32(Some(*value as f32)),
        (Literal::String(text), Type::String | Type::Enum(_)) => ScalarValue::Utf8(Some(text.clone())),
        (Literal::Timestamp(micros), Type::Timestamp) => {
            ScalarValue::TimestampMicrosecond(Some(*micros), Some("UTC".into()))
        }
        (Literal::Date(days), Type::Date) => ScalarValue::Date32(Some(*days)),
        (Literal::Duration(micros), Type::Duration) => ScalarValue::DurationMicrosecond(Some(*micros)),
        (Literal::List(items), Type::List(item)) => {
            let items: Vec<ScalarValue> = items.iter().map(|each| scalar(each, item)).collect::<Result<_, _>>()?;
            ScalarValue::List(ScalarValue::new_list_nullable(&items, &arrow_type(item)))
        }
        (Literal::List(items), Type::Vector(length)) if items.len() == *length as usize => vector(items, *length)?,
        _ => return Err(mismatch()),
    })
}

fn vector(items: &[Literal], length: u32) -> Result<ScalarValue, DataError> {
    let numbers: Vec<ScalarValue> = items.iter().map(|each| scalar(each, &Type::Float32)).collect::<Result<_, _>>()?;
    let numbers = ScalarValue::iter_to_array(numbers)?;
    let item = Arc::new(Field::new_list_field(DataType::Float32, true));
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    Ok(ScalarValue::FixedSizeList(Arc::new(FixedSizeListArray::try_new(item, length, numbers, None)?)))
}

/// An instant as a constant.
pub(crate) fn instant(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
}
