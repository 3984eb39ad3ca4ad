//! `count_distinct`: how many different values there are; 0 where there is none.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::bags::{self, Gathered, Outcome};
use crate::states::extreme;
use crate::states::keys::{self, Key, Text};
use crate::states::tally::Tally;
use crate::summary::{self, Summary};

/// The kernel `count_distinct`, exact. NaN is one value whatever its sign and bits, and `-0.0` is `0.0`.
pub(super) struct CountDistinct;

impl Kernel for CountDistinct {
    fn name(&self) -> &'static str {
        "count_distinct"
    }

    fn tag(&self) -> u8 {
        4
    }

    fn algebra(&self) -> Algebra {
        Algebra::Holistic
    }

    /// Values that have an order can also be told apart.
    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        extreme::output(argument).map(|_| DataType::Int64)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        let (ty, windows) = (input.defined(self)?, input.windows.len());
        Ok(if keys::is_text(ty) {
            bags::sliding::<Tally<Text>, _>(ty, Key::of, windows, Number)
        } else {
            bags::sliding::<Tally<i64>, _>(ty, Key::of, windows, Number)
        })
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        let ty = input.defined(self)?;
        Ok(if keys::is_text(ty) {
            summary::boxed(self, input, Gathered::<Tally<Text>, _>::new(ty, Key::of, Number))
        } else {
            summary::boxed(self, input, Gathered::<Tally<i64>, _>::new(ty, Key::of, Number))
        })
    }
}

/// The number of different values.
#[derive(Clone, Copy, Debug)]
struct Number;

impl<K: Key> Outcome<Tally<K>> for Number {
    type Value = i64;

    fn value(&self, bag: &Tally<K>) -> i64 {
        bag.len() as i64
    }

    fn column(&self, _ty: &DataType, values: Vec<i64>) -> Result<ArrayRef, AggregateError> {
        Ok(Arc::new(Int64Array::from(values)))
    }
}
