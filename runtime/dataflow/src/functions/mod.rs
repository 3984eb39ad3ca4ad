//! Row functions: those of the language by name, and the operators that DataFusion's own do not match exactly.
//!
//! Adding a function is one file and one line in [`functions`].

mod calendar;
mod floats;
mod integers;
mod times;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// The functions that a program can call, by their names in the language.
pub(crate) fn functions() -> [Function; 4] {
    [calendar::DAY_OF_WEEK, calendar::HOUR_OF_DAY, calendar::IS_WEEKEND, calendar::MINUTE_OF_DAY]
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
    use super::functions;

    #[test]
    fn the_list_is_sorted_by_unique_names() {
        assert!(functions().map(|function| function.name).is_sorted_by(|left, right| left < right));
    }
}
