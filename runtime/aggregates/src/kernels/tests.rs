//! Every kernel over windows of a small column, and the rules that hold for all of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::array::{DurationMicrosecondArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, DurationMicrosecondType, Float64Type, Int64Type};

use super::{by_name, kernels};
use crate::kernel::{AggregateError, Algebra};
use crate::measures::{Measure, Measures};
use crate::ranges::RangeBuffer;

/// One kernel over one column that arrives in batches of two rows.
fn slide(name: &str, column: &ArrayRef, ranges: &[(usize, usize)]) -> Result<ArrayRef, AggregateError> {
    let kernel = by_name(name).unwrap();
    let measure = Measure { kernel, argument: Some(0), window: 0 };
    let mut measures = Measures::new(&[measure], &[column.data_type().clone()], 1)?;
    for start in (0..column.len()).step_by(2) {
        measures.append(&[column.slice(start, 2.min(column.len() - start))])?;
    }
    let mut windows = RangeBuffer::default();
    ranges.iter().for_each(|(low, high)| windows.push(*low, *high));
    let result = measures.slide(&[windows])?.remove(0);
    assert_eq!(Some(result.data_type()), kernel.output(Some(column.data_type())).as_ref());
    Ok(result)
}

fn floats(name: &str, values: &[Option<f64>], ranges: &[(usize, usize)]) -> Vec<Option<f64>> {
    let column: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
    slide(name, &column, ranges).unwrap().as_primitive::<Float64Type>().iter().collect()
}

fn texts(name: &str, column: &ArrayRef, ranges: &[(usize, usize)]) -> Vec<Option<String>> {
    let result = slide(name, column, ranges).unwrap();
    result.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn bools(name: &str, column: &ArrayRef, ranges: &[(usize, usize)]) -> Vec<Option<bool>> {
    slide(name, column, ranges).unwrap().as_boolean().iter().collect()
}

#[test]
fn the_list_is_sorted_and_names_are_unique() {
    let names: Vec<&str> = kernels().iter().map(|kernel| kernel.name()).collect();
    assert!(names.is_sorted());
    assert_eq!(names, ["all", "any", "count", "first", "last", "max", "mean", "min", "sum"]);
    assert!(by_name("median").is_none());
}

#[test]
fn algebras() {
    let algebra = |name: &str| by_name(name).unwrap().algebra();
    assert_eq!(algebra("count"), Algebra::Group);
    assert_eq!(algebra("sum"), Algebra::Monoid);
    assert_eq!(algebra("last"), Algebra::Ordered);
}

#[test]
fn an_empty_window_and_a_window_of_nulls() {
    let values = [Some(1.0), None, None];
    let ranges = [(0, 0), (1, 3)];
    assert_eq!(floats("sum", &values, &ranges), [Some(0.0), Some(0.0)]);
    for name in ["mean", "min", "max", "first", "last"] {
        assert_eq!(floats(name, &values, &ranges), [None, None], "{name}");
    }
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, None]));
    assert_eq!(bools("any", &flags, &ranges), [None, None]);
    assert_eq!(bools("all", &flags, &ranges), [None, None]);
    let counted = slide("count", &flags, &ranges).unwrap();
    assert_eq!(counted.as_primitive::<Int64Type>().values(), &[0, 0]);
}

#[test]
fn what_left_the_window_leaves_no_error() {
    let values = [Some(1e300), Some(f64::INFINITY), Some(f64::NAN), Some(0.1), Some(0.2)];
    let ranges = [(0, 1), (0, 2), (0, 3), (2, 4), (3, 4), (3, 5), (4, 5)];
    let sums = floats("sum", &values, &ranges);
    assert_eq!(sums[..2], [Some(1e300), Some(f64::INFINITY)]);
    assert!(sums[2].unwrap().is_nan() && sums[3].unwrap().is_nan());
    assert_eq!(sums[4..], [Some(0.1), Some(0.1 + 0.2), Some(0.2)]);
}

#[test]
fn nan_is_the_greatest_number_whatever_its_sign() {
    let values = [Some(-f64::NAN), Some(f64::INFINITY), Some(-1.0), Some(-f64::NAN)];
    assert_eq!(floats("min", &values, &[(0, 3), (1, 3)]), [Some(-1.0), Some(-1.0)]);
    assert!(floats("min", &values, &[(0, 1)])[0].unwrap().is_nan());
    assert!(floats("max", &values, &[(0, 3)])[0].unwrap().is_nan());
    assert_eq!(floats("max", &values, &[(1, 3)]), [Some(f64::INFINITY)]);
}

#[test]
fn integer_sums_are_exact_and_never_wrap() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, 1, -1, i64::MIN]));
    let sums = slide("sum", &column, &[(0, 1), (0, 3), (0, 4)]).unwrap();
    assert_eq!(sums.as_primitive::<Int64Type>().values(), &[i64::MAX, i64::MAX, -1]);
    let error = slide("sum", &column, &[(0, 2)]).unwrap_err();
    assert_eq!(error.to_string(), "`sum` over a window is 9223372036854775808, which does not fit int64");
    assert!(matches!(error, AggregateError::Overflow { .. }));
}

#[test]
fn means_of_integers_truth_values_and_durations() {
    let column: ArrayRef = Arc::new(Int32Array::from(vec![i32::MAX, i32::MAX, 2]));
    let means = slide("mean", &column, &[(0, 2), (1, 3)]).unwrap();
    assert_eq!(means.as_primitive::<Float64Type>().values(), &[2_147_483_647.0, 1_073_741_824.5]);
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(false)]));
    let shares = slide("mean", &flags, &[(0, 3), (0, 4)]).unwrap();
    assert_eq!(shares.as_primitive::<Float64Type>().values(), &[0.5, 1.0 / 3.0]);
    let durations: ArrayRef = Arc::new(DurationMicrosecondArray::from(vec![1, 2, -5, 0]));
    let means = slide("mean", &durations, &[(0, 2), (1, 2), (2, 4)]).unwrap();
    assert_eq!(means.as_primitive::<DurationMicrosecondType>().values(), &[2, 2, -2]);
}

#[test]
fn extremes_and_ends_of_other_types() {
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some(""), Some("a"), Some("c")]));
    let ranges = [(0, 2), (0, 4), (1, 4), (3, 5)];
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(texts("min", &names, &ranges), [some("b"), some(""), some(""), some("a")]);
    assert_eq!(texts("max", &names, &ranges), [some("b"), some("b"), some("a"), some("c")]);
    assert_eq!(texts("first", &names, &ranges), [some("b"), some("b"), some(""), some("a")]);
    assert_eq!(texts("last", &names, &ranges), [some("b"), some("a"), some("a"), some("c")]);
    assert_eq!(texts("last", &names, &[(1, 2)]), [None]);
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true]));
    assert_eq!(bools("min", &flags, &[(0, 1), (0, 2), (2, 3)]), [Some(true), Some(false), Some(true)]);
    assert_eq!(bools("max", &flags, &[(0, 1), (1, 2), (1, 3)]), [Some(true), Some(false), Some(true)]);
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-5, 7]).with_timezone("UTC"));
    assert_eq!(slide("max", &times, &[(0, 2)]).unwrap().as_ref(), &times.slice(1, 1));
}

#[test]
fn undefined_arguments_are_refused_by_name() {
    let text = Some(&DataType::Utf8);
    let undefined = ["all", "any", "mean", "sum"];
    for kernel in kernels() {
        let refused = kernel.output(text).is_none();
        assert_eq!(refused, undefined.contains(&kernel.name()), "{}", kernel.name());
        assert_eq!(kernel.sliding(text, 1).is_err(), refused, "{}", kernel.name());
        assert_eq!(kernel.sliding(None, 1).is_err(), kernel.name() != "count", "{}", kernel.name());
    }
    let error = by_name("mean").unwrap().sliding(text, 1).err().unwrap();
    assert_eq!(error.to_string(), "`mean` is not defined on Utf8");
}

#[test]
fn equal_measures_share_one_window() {
    let measure = Measure { kernel: by_name("sum").unwrap(), argument: Some(0), window: 0 };
    let mut measures = Measures::new(&[measure, measure], &[DataType::Float64], 1).unwrap();
    measures.append(&[Arc::new(Float64Array::from(vec![1.0, 2.0, 4.0])) as ArrayRef]).unwrap();
    let mut windows = RangeBuffer::default();
    [(0, 1), (1, 3)].into_iter().for_each(|(low, high)| windows.push(low, high));
    let results = measures.slide(&[windows]).unwrap();
    assert_eq!(results[0].as_primitive::<Float64Type>().values(), &[1.0, 6.0]);
    assert_eq!(results[0].as_ref(), results[1].as_ref());
}
