//! Comparisons of floats as IEEE 754 has them: every comparison with NaN is false, except `!=`, which is true; `-0.0`
//! equals `0.0`.
//!
//! DataFusion's own comparisons order floats by their bits: NaN would equal itself and lie above (or, with a sign,
//! below) every number, and `-0.0` would be less than `0.0`. Dividing zero by zero gives a NaN with a sign on some
//! processors and without on others, so the same program would give different rows on different machines.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use super::Function;

macro_rules! comparison {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $operator:tt) => {
        $(#[$doc])*
        pub(crate) const $constant: Function = Function {
            name: $name,
            arity: 2,
            returns,
            apply: |args| match args[0].data_type() {
                DataType::Float32 => compare::<Float32Type>(args, |left, right| left $operator right),
                _ => compare::<Float64Type>(args, |left, right| left $operator right),
            },
        };
    };
}

comparison!(/// `a == b`; false where either is NaN.
    EQUAL, "float_equal", ==);
comparison!(/// `a != b`; true where either is NaN.
    NOT_EQUAL, "float_not_equal", !=);
comparison!(/// `a < b`; false where either is NaN.
    LESS, "float_less", <);
comparison!(/// `a <= b`; false where either is NaN.
    LESS_OR_EQUAL, "float_less_or_equal", <=);
comparison!(/// `a > b`; false where either is NaN.
    GREATER, "float_greater", >);
comparison!(/// `a >= b`; false where either is NaN.
    GREATER_OR_EQUAL, "float_greater_or_equal", >=);

fn returns(arguments: &[DataType]) -> Option<DataType> {
    let floats = matches!(arguments, [DataType::Float32, DataType::Float32] | [DataType::Float64, DataType::Float64]);
    floats.then_some(DataType::Boolean)
}

fn compare<T: ArrowPrimitiveType>(args: &[ArrayRef], holds: impl Fn(T::Native, T::Native) -> bool) -> ArrayRef {
    let (left, right) = (args[0].as_primitive::<T>(), args[1].as_primitive::<T>());
    let (lefts, rights) = (left.values(), right.values());
    let results = BooleanBuffer::collect_bool(lefts.len(), |row| holds(lefts[row], rights[row]));
    Arc::new(BooleanArray::new(results, NullBuffer::union(left.nulls(), right.nulls())))
}
