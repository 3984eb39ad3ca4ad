//! What row functions share: signatures, and columns as values one a row.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

/// The result's type if the arguments have exactly the expected ones.
pub(super) fn signature(arguments: &[DataType], expected: &[DataType], result: DataType) -> Option<DataType> {
    (arguments == expected).then_some(result)
}

/// The signature of functions of floats that give a float.
pub(super) fn float(arguments: &[DataType]) -> Option<DataType> {
    arguments.iter().all(|ty| *ty == DataType::Float64).then_some(DataType::Float64)
}

/// The values of a column of text.
pub(super) fn texts(column: &ArrayRef) -> impl Iterator<Item = Option<&str>> {
    column.as_string::<i32>().iter()
}

/// The values of a column of `float64`.
pub(super) fn floats(column: &ArrayRef) -> impl Iterator<Item = Option<f64>> {
    column.as_primitive::<Float64Type>().iter()
}

/// The values of a column of `int64`.
pub(super) fn integers(column: &ArrayRef) -> impl Iterator<Item = Option<i64>> {
    column.as_primitive::<Int64Type>().iter()
}

/// A function applied to every value of its only column.
pub(super) fn of_one(args: &[ArrayRef], apply: impl Fn(f64) -> f64) -> ArrayRef {
    Arc::new(args[0].as_primitive::<Float64Type>().unary::<_, Float64Type>(apply))
}

/// A function applied to every pair of values of its two columns.
pub(super) fn of_two(args: &[ArrayRef], apply: impl Fn(f64, f64) -> f64) -> ArrayRef {
    let pairs = floats(&args[0]).zip(floats(&args[1]));
    let results = pairs.map(|(left, right)| Some(apply(left?, right?)));
    Arc::new(results.collect::<arrow::array::Float64Array>())
}
