//! The language's types as Arrow types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use mlsys_plan::{Field, Type};

/// The Arrow type that holds values of a type of the language.
pub fn arrow_type(ty: &Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int32 => DataType::Int32,
        Type::Int64 => DataType::Int64,
        Type::Float32 => DataType::Float32,
        Type::Float64 => DataType::Float64,
        Type::String | Type::Enum(_) => DataType::Utf8,
        Type::Bytes => DataType::Binary,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Date => DataType::Date32,
        Type::Duration => DataType::Duration(TimeUnit::Microsecond),
        Type::List(item) => DataType::new_list(arrow_type(item), true),
        Type::Vector(length) => {
            let item = ArrowField::new_list_field(DataType::Float32, true);
            DataType::FixedSizeList(Arc::new(item), i32::try_from(*length).unwrap_or(i32::MAX))
        }
    }
}

/// A column of rows. It is nullable in Arrow's eyes whatever the declaration says: the declaration is checked when rows
/// are read, and nobody may conclude anything from it that an overflow could make false.
pub fn arrow_field(field: &Field) -> ArrowField {
    ArrowField::new(&field.name, arrow_type(&field.ty.ty), true)
}

/// The columns of rows with these fields, in their order.
pub fn arrow_schema(fields: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(fields.iter().map(arrow_field).collect::<Vec<_>>()))
}
