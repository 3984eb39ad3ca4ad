//! Values of DataFusion as constants of the plan: what a test is shown.

use arrow::array::ArrayRef;
use datafusion::common::ScalarValue;
use mlsys_plan::Literal;

use crate::error::DataError;

/// The value of a column's row.
///
/// # Errors
/// E0999 if the language has no constants of the column's type.
pub(crate) fn literal(column: &ArrayRef, row: usize) -> Result<Literal, DataError> {
    of_scalar(&ScalarValue::try_from_array(column, row)?)
}

fn of_scalar(value: &ScalarValue) -> Result<Literal, DataError> {
    if value.is_null() {
        return Ok(Literal::Null);
    }
    Ok(match value {
        ScalarValue::Boolean(Some(value)) => Literal::Bool(*value),
        ScalarValue::Int32(Some(value)) => Literal::Int(i64::from(*value)),
        ScalarValue::Int64(Some(value)) => Literal::Int(*value),
        ScalarValue::Float32(Some(value)) => Literal::Float(f64::from(*value)),
        ScalarValue::Float64(Some(value)) => Literal::Float(*value),
        ScalarValue::Utf8(Some(text)) => Literal::String(text.clone()),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => Literal::Timestamp(*micros),
        ScalarValue::Date32(Some(days)) => Literal::Date(*days),
        ScalarValue::DurationMicrosecond(Some(micros)) => Literal::Duration(*micros),
        ScalarValue::List(list) => items(&list.value(0))?,
        ScalarValue::FixedSizeList(list) => items(&list.value(0))?,
        other => return Err(DataError::internal(format!("the language has no constants of `{}`", other.data_type()))),
    })
}

fn items(values: &ArrayRef) -> Result<Literal, DataError> {
    Ok(Literal::List((0..values.len()).map(|row| literal(values, row)).collect::<Result<_, _>>()?))
}
