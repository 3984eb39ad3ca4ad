//! Row functions: those of the language by name, and the operators that DataFusion's own do not match exactly.
//!
//! Adding a function is its constant in the file of its subject and one line in [`FUNCTIONS`].

mod calendar;
mod categories;
mod columns;
mod floats;
mod geo;
mod integers;
mod math;
mod parsing;
mod privacy;
mod rounding;
mod statistics;
mod text;
mod times;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// The functions that a program can call, ordered by their names in the language.
pub(crate) const FUNCTIONS: &[Function] = &[
    math::ABS,
    math::ACOS,
    text::AFTER,
    math::ASIN,
    math::ATAN,
    math::ATAN2,
    text::BEFORE,
    categories::BUCKET_OF,
    math::CEIL,
    text::CONTAINS,
    math::COS,
    categories::CROSS,
    calendar::DATE,
    calendar::DAY_OF_MONTH,
    calendar::DAY_OF_WEEK,
    calendar::DAY_OF_YEAR,
    integers::DIV,
    text::EDIT_DISTANCE,
    text::ENDS_WITH,
    math::EXP,
    math::EXPM1,
    math::FLOOR,
    geo::GEOHASH,
    math::GREATEST,
    privacy::HASH,
    calendar::HOUR_OF_DAY,
    calendar::IS_WEEKEND,
    math::LEAST,
    text::LENGTH,
    math::LN,
    math::LOG10,
    math::LOG1P,
    text::LOWER,
    parsing::MATCHES,
    calendar::MINUTE_OF_DAY,
    integers::MOD,
    calendar::MONTH,
    statistics::NORMAL_CDF,
    parsing::PARSE_FLOAT,
    parsing::PARSE_INT,
    math::POW,
    calendar::QUARTER,
    privacy::REDACT,
    text::REPLACE,
    rounding::ROUND,
    statistics::SAFE_RATIO,
    math::SIGN,
    math::SIN,
    math::SQRT,
    text::STARTS_WITH,
    text::SUBSTRING,
    math::TAN,
    math::TANH,
    calendar::TIMESTAMP_OF,
    text::TRIM,
    text::UPPER,
    calendar::WEEK_OF_YEAR,
    text::WORD_COUNT,
    calendar::YEAR,
];

/// The names of the functions that a program can call, ordered.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

/// The operators with semantics of our own, as [`crate::expr`] uses them.
pub(crate) mod operators {
    pub(crate) use super::floats::{EQUAL, GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL, NOT_EQUAL};
    pub(crate) use super::integers::{ADD, FLOOR_DIVIDE, MULTIPLY, NEGATE, SUBTRACT};
    pub(crate) use super::times::{ADD_TIME, DIVIDE_DURATION, DURATION_RATIO, SCALE_DURATION, SUBTRACT_TIME};
}

/// A row function over whole columns.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    /// The name in plans and, for functions of the language, in programs.
    pub(crate) name: &'static str,
    /// How many arguments it takes.
    pub(crate) arity: usize,
    /// The type of the result, or none if the function is not defined on the arguments' types.
    pub(crate) returns: fn(&[DataType]) -> Option<DataType>,
    /// The function itself; arguments have the checked types and equal lengths.
    pub(crate) apply: fn(&[ArrayRef]) -> ArrayRef,
}

impl Function {
    /// The function as DataFusion sees it.
    pub(crate) fn udf(self) -> Arc<ScalarUDF> {
        let signature = Signature::any(self.arity, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(RowFunction { function: self, signature }))
    }
}

/// A [`Function`] with what DataFusion wants to know of it. Names are unique, so the name stands for the function.
struct RowFunction {
    function: Function,
    signature: Signature,
}

impl std::fmt::Debug for RowFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.function.name)
    }
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        (self.function.returns)(arguments)
            .ok_or_else(|| DataFusionError::Plan(format!("`{}` is not defined on {arguments:?}", self.function.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns: Vec<ArrayRef> =
            args.args.into_iter().map(|argument| argument.into_array(rows)).collect::<Result<_>>()?;
        Ok(ColumnarValue::Array((self.function.apply)(&columns)))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Array, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array,
    };
    use arrow::compute::take;

    use super::*;

    #[test]
    fn the_list_is_sorted_by_unique_names() {
        assert!(function_names().is_sorted_by(|left, right| left < right));
    }

    /// Every function over every combination of awkward arguments.
    #[test]
    fn awkward_arguments_never_fail_and_a_missing_one_gives_null() {
        let edges = edges();
        for function in FUNCTIONS {
            let columns = combinations(&arguments(function, &edges));
            let result = (function.apply)(&columns);
            let types: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
            assert_eq!((function.returns)(&types).as_ref(), Some(result.data_type()), "{}", function.name);
            assert_eq!(result.len(), columns[0].len(), "{}", function.name);
            for row in (0..result.len()).filter(|row| columns.iter().any(|column| column.is_null(*row))) {
                assert!(result.is_null(row), "{} at row {row}", function.name);
            }
        }
    }

    /// A column of awkward values of each type that functions take; the first one is missing.
    fn edges() -> [ArrayRef; 5] {
        let integers = [None, Some(i64::MIN), Some(-1), Some(0), Some(1), Some(i64::MAX)];
        let floats = [f64::NAN, f64::NEG_INFINITY, f64::MIN, -0.0, 0.0, 5e-324, 0.5, f64::MAX, f64::INFINITY];
        let texts =
            [None, Some(""), Some(" "), Some("ß"), Some("👩‍🚀"), Some("İ\u{0}"), Some("("), Some("-9e9"), Some(".*")];
        let instants = TimestampMicrosecondArray::from(integers.to_vec()).with_timezone("UTC");
        [
            Arc::new(Int64Array::from(integers.to_vec())),
            Arc::new([None].into_iter().chain(floats.map(Some)).collect::<Float64Array>()),
            Arc::new(StringArray::from(texts.to_vec())),
            Arc::new(instants),
            Arc::new(Date32Array::from(vec![None, Some(i32::MIN), Some(-1), Some(0), Some(i32::MAX)])),
        ]
    }

    /// The columns of the types on which a function is defined.
    fn arguments(function: &Function, edges: &[ArrayRef]) -> Vec<ArrayRef> {
        let choices = edges.len().pow(u32::try_from(function.arity).unwrap());
        let chosen = |choice: usize| -> Vec<ArrayRef> {
            let places = (0..function.arity).map(|place| choice / edges.len().pow(u32::try_from(place).unwrap()));
            places.map(|place| Arc::clone(&edges[place % edges.len()])).collect()
        };
        let is_defined = |columns: &Vec<ArrayRef>| {
            let types: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
            (function.returns)(&types).is_some()
        };
        (0..choices).map(chosen).find(is_defined).unwrap()
    }

    /// Rows that hold every combination of the columns' values.
    fn combinations(columns: &[ArrayRef]) -> Vec<ArrayRef> {
        let rows: usize = columns.iter().map(|column| column.len()).product();
        let mut repeated = 1;
        let column = |column: &ArrayRef| {
            let picks = (0..rows).map(|row| u32::try_from(row / repeated % column.len()).unwrap());
            let taken = take(column, &UInt32Array::from_iter_values(picks), None).unwrap();
            repeated *= column.len();
            taken
        };
        columns.iter().map(column).collect()
    }
}
