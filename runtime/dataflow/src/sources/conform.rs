//! Columns as a file has them against columns as they are declared.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use mlsys_plan::{Field, Type};

use super::InputFile;
use crate::error::{Code, DataError};
use crate::names;
use crate::types::{arrow_type, scalar, timestamp};

/// Where each declared column stands in a file, by name.
///
/// # Errors
/// E0902 if a column is missing, or if the file has two of that name.
pub(crate) fn positions(file: &InputFile, found: &[String], declared: &[Field]) -> Result<Vec<usize>, DataError> {
    declared.iter().map(|field| position(file, found, field)).collect()
}

fn position(file: &InputFile, found: &[String], field: &Field) -> Result<usize, DataError> {
    let mut places = found.iter().enumerate().filter(|(_, name)| **name == field.name).map(|(index, _)| index);
    match (places.next(), places.next()) {
        (Some(index), None) => Ok(index),
        (Some(_), Some(_)) => {
            let message =
                format!("`{}` has two columns `{}`, so it is not clear which is meant", file.name, field.name);
            Err(DataError::new(Code::ColumnMissing, message).at_line(field.line))
        }
        (None, _) => Err(missing_column(file, found, field)),
    }
}

fn missing_column(file: &InputFile, found: &[String], field: &Field) -> DataError {
    let message = format!("`{}` has no column `{}`", file.name, field.name);
    let columns = names::list(found.iter().map(String::as_str));
    let help = match names::nearest(&field.name, found.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? Its columns are {columns}"),
        None => format!("its columns are {columns}"),
    };
    DataError::new(Code::ColumnMissing, message).with_help(help).at_line(field.line)
}

/// Refuses a column whose values cannot become values of the declared type without loss.
///
/// # Errors
/// E0903, with both types.
pub(crate) fn check_type(file: &InputFile, field: &Field, found: &DataType) -> Result<(), DataError> {
    if widens(found, &field.ty.ty) {
        return Ok(());
    }
    let message = format!(
        "column `{}` of `{}` holds {}, but it is declared `{}`",
        field.name,
        file.name,
        describe(found),
        field.ty
    );
    Err(DataError::new(Code::WrongType, message).at_line(field.line))
}

/// Whether every value of the found type is one of the declared type: integers become wider integers and floats,
/// `float32` becomes `float64`; timestamps of any unit are taken as UTC when they name no zone.
fn widens(found: &DataType, declared: &Type) -> bool {
    use DataType as D;
    match (declared, found) {
        (_, D::Null) => true,
        (declared, D::Dictionary(_, values)) => widens(values, declared),
        (Type::Bool, D::Boolean) | (Type::Date, D::Date32 | D::Date64) => true,
        (Type::Int32 | Type::Float32, D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16) => true,
        (Type::Int64 | Type::Float64, D::Int8 | D::Int16 | D::Int32 | D::Int64) => true,
        (Type::Int64 | Type::Float64, D::UInt8 | D::UInt16 | D::UInt32) => true,
        (Type::Float32, D::Float16 | D::Float32) | (Type::Float64, D::Float16 | D::Float32 | D::Float64) => true,
        (Type::String | Type::Enum(_), D::Utf8 | D::LargeUtf8 | D::Utf8View) => true,
        (Type::Bytes, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_)) => true,
        (Type::Timestamp, D::Timestamp(_, _)) | (Type::Duration, D::Duration(_)) => true,
        (Type::List(item), D::List(field) | D::LargeList(field)) => widens(field.data_type(), item),
        (Type::Vector(_), D::List(field) | D::LargeList(field)) => widens(field.data_type(), &Type::Float32),
        (Type::Vector(length), D::FixedSizeList(field, found)) => {
            i64::from(*length) == i64::from(*found) && widens(field.data_type(), &Type::Float32)
        }
        _ => false,
    }
}

/// A column with the declared type, and no value missing where the declaration does not allow it.
///
/// # Errors
/// E0903 if a value is outside the declared type, E0905 if one is missing; with the row in the file.
pub(crate) fn convert(
    file: &InputFile,
    field: &Field,
    column: &ArrayRef,
    first_row: u64,
) -> Result<ArrayRef, DataError> {
    let wanted = arrow_type(&field.ty.ty);
    let converted = match column.data_type() {
        DataType::Timestamp(unit, _) => instants(column, *unit)?,
        found if *found == wanted => ArrayRef::clone(column),
        _ => compute::cast(column, &wanted)?,
    };
    if let Some(row) = first_lost(column, &converted) {
        let message = format!(
            "{} has a value in column `{}` that is outside the range of `{}`",
            place(file, first_row + row as u64),
            field.name,
            field.ty.ty
        );
        return Err(DataError::new(Code::WrongType, message).at_line(field.line));
    }
    finish(file, field, converted, first_row)
}

/// A column of the declared type with its default in the place of missing values, where it has one.
///
/// # Errors
/// E0903 if an enum has no such name, E0905 if a value is missing that must be there; with the row in the file.
pub(crate) fn finish(file: &InputFile, field: &Field, column: ArrayRef, first_row: u64) -> Result<ArrayRef, DataError> {
    let filled = match &field.default {
        Some(default) if column.null_count() > 0 => {
            let default = scalar(default, &field.ty.ty)?.to_scalar()?;
            zip(&compute::is_null(&column)?, &default, &column)?
        }
        _ => column,
    };
    check_values(file, field, &filled, first_row)?;
    Ok(filled)
}

/// Checks that no value is missing in a column declared without `?`, and that names of an enum are declared.
///
/// # Errors
/// E0903, E0905; with the row in the file.
fn check_values(file: &InputFile, field: &Field, column: &ArrayRef, first_row: u64) -> Result<(), DataError> {
    if !field.ty.nullable && column.null_count() > 0 {
        let row = column.nulls().and_then(|nulls| nulls.iter().position(|present| !present)).unwrap_or(0);
        let message = format!(
            "{} has no value in column `{}`, which is declared `{}` without `?`",
            place(file, first_row + row as u64),
            field.name,
            field.ty.ty
        );
        let help = format!("write `{}: {}?` if the value may be missing", field.name, field.ty.ty);
        return Err(DataError::new(Code::ValueMissing, message).with_help(help).at_line(field.line));
    }
    let Type::Enum(names) = &field.ty.ty else { return Ok(()) };
    let texts = column.as_string::<i32>();
    let unknown = |(_, text): &(usize, Option<&str>)| text.is_some_and(|text| !names.iter().any(|name| name == text));
    match texts.iter().enumerate().find(unknown) {
        Some((row, Some(text))) => Err(wrong_value(file, field, first_row + row as u64, text)),
        _ => Ok(()),
    }
}

/// The failure for a value that is not one of the declared type.
pub(crate) fn wrong_value(file: &InputFile, field: &Field, row: u64, text: &str) -> DataError {
    let message =
        format!("{} has {text:?} in column `{}`, which is declared `{}`", place(file, row), field.name, field.ty);
    DataError::new(Code::WrongType, message).at_line(field.line)
}

/// How messages name a row of a file; rows are counted from 1, without the header.
pub(crate) fn place(file: &InputFile, row: u64) -> String {
    format!("row {row} of `{}`", file.name)
}

/// The first row whose value was lost in a conversion.
fn first_lost(before: &ArrayRef, after: &ArrayRef) -> Option<usize> {
    if after.null_count() == before.logical_null_count() {
        return None;
    }
    let present = before.logical_nulls();
    (0..after.len()).find(|row| after.is_null(*row) && present.as_ref().is_none_or(|nulls| nulls.is_valid(*row)))
}

/// Timestamps of any unit as microseconds; what is finer is rounded down, so that order is kept before 1970 too.
fn instants(column: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef, DataError> {
    let scale = |factor: i64| move |value: i64| value.checked_mul(factor);
    let micros = match unit {
        TimeUnit::Second => rescale::<TimestampSecondType>(column, scale(1_000_000)),
        TimeUnit::Millisecond => rescale::<TimestampMillisecondType>(column, scale(1_000)),
        TimeUnit::Microsecond => rescale::<TimestampMicrosecondType>(column, Some),
        TimeUnit::Nanosecond => rescale::<TimestampNanosecondType>(column, |value| Some(value.div_euclid(1_000))),
    };
    let instants: PrimitiveArray<TimestampMicrosecondType> = micros.reinterpret_cast();
    Ok(Arc::new(instants.with_data_type(timestamp())))
}

fn rescale<T: ArrowPrimitiveType<Native = i64>>(
    column: &ArrayRef,
    scale: impl Fn(i64) -> Option<i64>,
) -> PrimitiveArray<Int64Type> {
    column.as_primitive::<T>().unary_opt::<_, Int64Type>(scale)
}

/// An Arrow type in the language's words, where it has one.
fn describe(found: &DataType) -> String {
    let name = match found {
        DataType::Boolean => "bool",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::Float32 => "float32",
        DataType::Float64 => "float64",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes",
        DataType::Timestamp(_, _) => "timestamp",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Duration(_) => "duration",
        DataType::Dictionary(_, values) => return describe(values),
        other => return format!("`{other}`"),
    };
    format!("`{name}`")
}
