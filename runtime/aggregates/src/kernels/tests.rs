//! Every kernel over windows of a small column, and the rules that hold for all of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::array::{BinaryArray, Date32Array, DurationMicrosecondArray, Float32Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, DurationMicrosecondType, Float64Type, Int64Type};

mod golden;
mod properties;
mod specials;

use super::{by_name, kernels};
use crate::error::AggregateError;
use crate::input::{Input, Parameter, Parameters};
use crate::kernel::Algebra;
use crate::measures::{Measure, Measures};
use crate::ranges::RangeBuffer;

/// Constants with which every kernel can be asked for.
fn parameters() -> Parameters {
    Parameters::from_iter([
        ("q", Parameter::Number(0.5)),
        ("k", Parameter::Integer(2)),
        ("n", Parameter::Integer(2)),
        ("most", Parameter::Integer(3)),
        ("half_life", Parameter::Duration(1_000_000)),
    ])
}

fn measure(name: &str, argument: Option<usize>) -> Measure {
    Measure { kernel: by_name(name).unwrap(), argument, parameters: parameters(), window: 0 }
}

/// A window of two seconds.
const WINDOWS: [Option<i64>; 1] = [Some(2_000_000)];

/// One kernel over one column that arrives in batches of two rows, one each second.
fn slide(name: &str, column: &ArrayRef, ranges: &[(usize, usize)]) -> Result<ArrayRef, AggregateError> {
    let measure = measure(name, Some(0));
    let kernel = measure.kernel;
    let mut measures = Measures::new(&[measure], &[column.data_type().clone()], &WINDOWS)?;
    let times: Vec<i64> = (0..column.len()).map(|row| row as i64 * 1_000_000).collect();
    for start in (0..column.len()).step_by(2) {
        let length = 2.min(column.len() - start);
        measures.append(&[column.slice(start, length)], &times[start..start + length])?;
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

fn integers(name: &str, column: &ArrayRef, ranges: &[(usize, usize)]) -> Vec<i64> {
    slide(name, column, ranges).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn texts(name: &str, column: &ArrayRef, ranges: &[(usize, usize)]) -> Vec<Option<String>> {
    let result = slide(name, column, ranges).unwrap();
    result.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn bools(name: &str, column: &ArrayRef, ranges: &[(usize, usize)]) -> Vec<Option<bool>> {
    slide(name, column, ranges).unwrap().as_boolean().iter().collect()
}

#[test]
fn the_list_is_sorted_and_names_and_tags_are_unique() {
    let names: Vec<&str> = kernels().iter().map(|kernel| kernel.name()).collect();
    assert!(names.is_sorted_by(|one, next| one < next));
    assert_eq!(names.len(), 23);
    let mut tags: Vec<u8> = kernels().iter().map(|kernel| kernel.tag()).collect();
    tags.sort_unstable();
    assert_eq!(tags, (1..=23).collect::<Vec<u8>>());
    assert!(by_name("average").is_none());
}

#[test]
fn algebras() {
    let algebra = |name: &str| by_name(name).unwrap().algebra();
    assert_eq!(algebra("count"), Algebra::Group);
    assert_eq!(algebra("sum"), Algebra::Monoid);
    assert_eq!(algebra("last"), Algebra::Ordered);
    assert_eq!(algebra("count_distinct"), Algebra::Holistic);
}

#[test]
fn an_empty_window_and_a_window_of_nulls() {
    let values = [Some(1.0), None, None];
    let ranges = [(0, 0), (1, 3)];
    assert_eq!(floats("sum", &values, &ranges), [Some(0.0), Some(0.0)]);
    for name in ["mean", "min", "max", "first", "last", "stddev", "variance"] {
        assert_eq!(floats(name, &values, &ranges), [None, None], "{name}");
    }
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, None]));
    assert_eq!(bools("any", &flags, &ranges), [None, None]);
    assert_eq!(bools("all", &flags, &ranges), [None, None]);
    for name in ["count", "count_distinct"] {
        assert_eq!(integers(name, &flags, &ranges), [0, 0], "{name}");
    }
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
fn spreads_of_samples() {
    let values = [Some(2.0), None, Some(4.0), Some(4.0), Some(10.0)];
    let ranges = [(0, 1), (0, 3), (1, 4), (2, 4), (2, 5), (4, 5)];
    assert_eq!(floats("variance", &values, &ranges), [None, Some(2.0), Some(0.0), Some(0.0), Some(12.0), None]);
    assert_eq!(floats("stddev", &values, &ranges)[3..5], [Some(0.0), Some(12_f64.sqrt())]);
    // Squares of these values differ from each other by less than their rounding.
    let large = [1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0].map(Some);
    assert_eq!(floats("variance", &large, &[(0, 3)]), [Some(1.0)]);
}

#[test]
fn a_spread_forgets_what_left_the_window() {
    let values = [1e300, -1e300, f64::INFINITY, f64::NAN, 0.1, 0.3, 0.5].map(Some);
    let ranges = [(0, 2), (1, 3), (2, 3), (2, 5), (3, 6), (4, 6), (4, 7), (5, 7)];
    let found = floats("variance", &values, &ranges);
    assert_eq!((found[0], found[2]), (Some(f64::INFINITY), None));
    assert!([found[1], found[3], found[4]].iter().all(|value| value.unwrap().is_nan()));
    for (value, expected) in found[5..].iter().zip([0.02, 0.04, 0.02]) {
        assert!((value.unwrap() - expected).abs() < 1e-16, "{value:?}");
    }
}

#[test]
fn different_values_of_every_type_are_counted() {
    let ranges = [(0, 1), (0, 3), (1, 4), (2, 5), (5, 5)];
    let expected = [1, 2, 3, 3, 0];
    let columns: [ArrayRef; 9] = [
        Arc::new(Int64Array::from(vec![i64::MIN, i64::MIN, 0, i64::MAX, -1])),
        Arc::new(Int32Array::from(vec![7, 7, 0, i32::MIN, -7])),
        Arc::new(Float64Array::from(vec![f64::NAN, -f64::NAN, 0.0, 1.0, f64::INFINITY])),
        Arc::new(Float32Array::from(vec![f32::NAN, -f32::NAN, 0.0, 1.0, f32::INFINITY])),
        Arc::new(StringArray::from(vec!["a", "a", "", "ab", "b"])),
        Arc::new(BinaryArray::from(vec![&b"a"[..], b"a", b"", b"ab", b"\0"])),
        Arc::new(Date32Array::from(vec![1, 1, -1, 0, i32::MIN])),
        Arc::new(TimestampMicrosecondArray::from(vec![1, 1, -1, 0, 5]).with_timezone("UTC")),
        Arc::new(DurationMicrosecondArray::from(vec![1, 1, -1, 0, 5])),
    ];
    for column in columns {
        assert_eq!(integers("count_distinct", &column, &ranges), expected, "{}", column.data_type());
    }
    let zeros: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.0), None, Some(-0.0), Some(0.0), None]));
    assert_eq!(integers("count_distinct", &zeros, &ranges), [1, 1, 1, 1, 0]);
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, true, false]));
    assert_eq!(integers("count_distinct", &flags, &[(0, 2), (1, 3), (2, 3)]), [1, 2, 1]);
}

#[test]
fn different_values_outlive_a_release() {
    let column: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a", "c", "c", "a"]));
    let mut measures = Measures::new(&[measure("count_distinct", Some(0))], &[DataType::Utf8], &WINDOWS).unwrap();
    let mut found = Vec::new();
    for (row, (low, high)) in [(0, 1), (0, 2), (0, 3), (3, 4), (3, 5), (5, 6)].into_iter().enumerate() {
        measures.append(&[column.slice(row, 1)], &[0]).unwrap();
        let mut windows = RangeBuffer::default();
        // The window stands still while rows go that it will never see again.
        measures.release(low);
        windows.push(low, high);
        found.extend_from_slice(measures.slide(&[windows]).unwrap()[0].as_primitive::<Int64Type>().values());
    }
    assert_eq!(found, [1, 2, 2, 1, 1, 1]);
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
    let parameters = parameters();
    let on = |argument| Input { argument, parameters: &parameters, windows: &WINDOWS };
    let undefined = [
        "all",
        "any",
        "approx_quantile",
        "ewma",
        "mean",
        "median",
        "quantile",
        "rate",
        "slope",
        "stddev",
        "sum",
        "variance",
    ];
    for kernel in kernels() {
        let (name, text) = (kernel.name(), Some(&DataType::Utf8));
        let refused = kernel.output(text).is_none();
        assert_eq!(refused, undefined.contains(&name), "{name}");
        assert_eq!(kernel.sliding(&on(text)).is_err(), refused, "{name}");
        assert_eq!(kernel.summary(&on(text)).is_err(), refused, "{name}");
        assert_eq!(kernel.output(None).is_some(), ["count", "rate"].contains(&name), "{name}");
        assert_eq!(kernel.sliding(&on(None)).is_err(), kernel.output(None).is_none(), "{name}");
        assert_eq!(kernel.summary(&on(None)).is_err(), kernel.output(None).is_none(), "{name}");
    }
    let error = by_name("mean").unwrap().sliding(&on(Some(&DataType::Utf8))).err().unwrap();
    assert_eq!(error.to_string(), "`mean` is not defined on Utf8");
}

#[test]
fn parameters_are_checked() {
    let refused = [
        ("approx_quantile", "q", Parameter::Number(f64::NAN), "a number between 0 and 1"),
        ("collect", "most", Parameter::Integer(0), "a whole number of at least 1"),
        ("ewma", "half_life", Parameter::Duration(0), "a duration of at least a microsecond"),
        ("last_n", "n", Parameter::Integer(-1), "a whole number of at least 1"),
        ("quantile", "q", Parameter::Number(1.5), "a number between 0 and 1"),
        ("top_k", "k", Parameter::Number(1.0), "a whole number of at least 1"),
    ];
    for (name, parameter, value, expected) in refused {
        let kernel = by_name(name).unwrap();
        for parameters in [Parameters::default(), parameters().with(parameter, value)] {
            let input = Input { argument: Some(&DataType::Float64), parameters: &parameters, windows: &WINDOWS };
            let message = format!("`{name}` needs a parameter `{parameter}`, {expected}");
            assert_eq!(kernel.sliding(&input).err().unwrap().to_string(), message);
            assert_eq!(kernel.summary(&input).err().unwrap().to_string(), message);
        }
    }
}

#[test]
fn measures_share_what_they_keep_of_a_window() {
    let names = ["sum", "mean", "sum", "variance", "stddev", "median", "quantile", "ewma", "ewma"];
    let mut asked: Vec<Measure> = names.iter().map(|name| measure(name, Some(0))).collect();
    asked[6].parameters = Parameters::new().with("q", Parameter::Number(1.0));
    asked[8].parameters = Parameters::new().with("half_life", Parameter::Duration(1));
    let mut measures = Measures::new(&asked, &[DataType::Float64], &WINDOWS).unwrap();
    let column: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 3.0, 5.0]));
    measures.append(&[column], &[0, 1_000_000, 2_000_000]).unwrap();
    let mut windows = RangeBuffer::default();
    [(0, 1), (1, 3)].into_iter().for_each(|(low, high)| windows.push(low, high));
    let results = measures.slide(&[windows]).unwrap();
    let results: Vec<f64> = results.iter().map(|result| result.as_primitive::<Float64Type>().value(1)).collect();
    assert_eq!(results[..7], [8.0, 4.0, 8.0, 2.0, 2_f64.sqrt(), 4.0, 5.0]);
    assert!((results[7] - 13.0 / 3.0).abs() < 1e-12 && (results[8] - 5.0).abs() < 1e-12, "{results:?}");
    assert_eq!(measures.workers(), 5);
}

#[test]
fn rates_need_a_window_with_a_length() {
    let asked: Vec<Measure> = [0, 1].map(|window| Measure { window, ..measure("rate", None) }).into();
    let mut ranges = RangeBuffer::default();
    [(0, 0), (0, 3), (1, 3)].into_iter().for_each(|(low, high)| ranges.push(low, high));
    let mut measures = Measures::new(&asked[..1], &[], &[Some(2_000_000), None]).unwrap();
    let rates = measures.slide(&[ranges.clone(), ranges.clone()]).unwrap();
    assert_eq!(rates[0].as_primitive::<Float64Type>().values(), &[0.0, 1.5, 1.0]);
    let mut measures = Measures::new(&asked, &[], &[Some(2_000_000), None]).unwrap();
    let error = measures.slide(&[ranges.clone(), ranges]).err().unwrap();
    assert_eq!(error.to_string(), "`rate` needs a window with a length");
}
