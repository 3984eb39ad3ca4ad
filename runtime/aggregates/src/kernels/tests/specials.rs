//! Special values, states of nested types, states that do not fit together, and the errors of the approximate kernels.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Date32Array, FixedSizeListArray, Float64Array, Int32Array, Int64Array,
    ListArray, StringArray, StructArray,
};
use arrow::datatypes::{DataType, Field, Fields, Float32Type, Float64Type, Int32Type, Int64Type};

use super::{by_name, floats, parameters, slide};
use crate::error::AggregateError;
use crate::input::{Input, Parameter, Parameters};
use crate::summary::Summary;

fn summary(name: &str, column: &ArrayRef, parameters: &Parameters, times: &[i64]) -> Box<dyn Summary> {
    let input = Input { argument: Some(column.data_type()), parameters, windows: &[] };
    let mut summary = by_name(name).unwrap().summary(&input).unwrap();
    summary.update(column, times).unwrap();
    summary
}

fn float_column(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn number(summary: &dyn Summary) -> Option<f64> {
    summary.finish(None).unwrap().as_primitive::<Float64Type>().iter().next().flatten()
}

/// The one float that a kernel makes of values at times.
fn at_times(name: &str, values: &[f64], times: &[i64]) -> Option<f64> {
    number(summary(name, &float_column(values), &parameters(), times).as_ref())
}

#[test]
fn quantiles_between_infinite_values() {
    let values = [f64::NEG_INFINITY, f64::INFINITY, 1.0, 2.0, f64::NAN].map(Some);
    let found = floats("median", &values, &[(0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (2, 5), (3, 5)]);
    assert_eq!(found[0], Some(f64::NEG_INFINITY));
    assert!(found[1].unwrap().is_nan() && found[6].unwrap().is_nan());
    assert_eq!(found[2..6], [Some(f64::INFINITY), Some(f64::INFINITY), Some(1.5), Some(2.0)]);
    let low = [f64::NEG_INFINITY, 1.0, f64::MIN, f64::MAX].map(Some);
    assert_eq!(floats("median", &low, &[(0, 2), (2, 4)]), [Some(f64::NEG_INFINITY), Some(0.0)]);
}

#[test]
fn approximate_quantiles_of_special_values_are_exact() {
    let values = [f64::NEG_INFINITY, -0.0, f64::INFINITY, f64::NAN].map(Some);
    let found = floats("approx_quantile", &values, &[(0, 0), (0, 1), (1, 2), (2, 3), (3, 4)]);
    assert_eq!(found[..4], [None, Some(f64::NEG_INFINITY), Some(0.0), Some(f64::INFINITY)]);
    assert!(found[4].unwrap().is_nan());
}

#[test]
fn weights_halve_with_every_half_life() {
    // The half-life is a second, and so is the time between rows: weights are 1/4, 1/2 and 1.
    let values = [4.0, 8.0, 1.0].map(Some);
    let found = floats("ewma", &values, &[(0, 0), (0, 1), (0, 3), (1, 3), (2, 3)]);
    assert_eq!(found, [None, Some(4.0), Some(6.0 / 1.75), Some(5.0 / 1.5), Some(1.0)]);
}

#[test]
fn an_infinite_value_counts_until_it_leaves_however_little_it_weighs() {
    let far = 2_000_000_000;
    assert_eq!(at_times("ewma", &[f64::INFINITY, 1.0], &[0, far]), Some(f64::INFINITY));
    assert_eq!(at_times("ewma", &[1e300, 1.0], &[0, far]), Some(1.0));
    assert!(at_times("ewma", &[f64::INFINITY, f64::NEG_INFINITY], &[0, far]).unwrap().is_nan());
    assert!(at_times("ewma", &[f64::NAN, 1.0], &[0, far]).unwrap().is_nan());
    let values = [f64::NAN, f64::INFINITY, 1.0, 2.0].map(Some);
    for name in ["ewma", "slope"] {
        let found = floats(name, &values, &[(0, 3), (1, 4), (2, 4)]);
        assert!(
            found[0].unwrap().is_nan() && !found[1].unwrap().is_finite() && found[2].unwrap().is_finite(),
            "{name}"
        );
    }
}

#[test]
fn weights_do_not_depend_on_which_summary_comes_first() {
    let part = |value: f64, time: i64| summary("ewma", &float_column(&[value]), &parameters(), &[time]);
    let (mut one, mut other) = (part(4.0, 0), part(1.0, 1_000_000));
    one.merge(other.as_ref()).unwrap();
    other.merge(part(4.0, 0).as_ref()).unwrap();
    assert_eq!((number(one.as_ref()), number(other.as_ref())), (Some(2.0), Some(2.0)));
}

#[test]
fn slopes_of_lines_at_any_time() {
    for origin in [0, 1_700_000_000_123_457, -62_135_596_800_000_000] {
        // Values rise by 3 a microsecond, far from zero.
        let times: Vec<i64> = (0..100).map(|step| origin + step * step).collect();
        let values: Vec<f64> = (0..100).map(|step| 1e6 + 3.0 * f64::from(step * step)).collect();
        let slope = at_times("slope", &values, &times).unwrap();
        assert!((slope / 3e6 - 1.0).abs() < 1e-12, "{slope}");
    }
    assert_eq!(at_times("slope", &[1.0, 2.0], &[5, 5]), None);
    assert_eq!(at_times("slope", &[1.0], &[5]), None);
    assert_eq!(at_times("slope", &[2.0, 2.0], &[5, 6]), Some(0.0));
    assert!(at_times("slope", &[f64::INFINITY, 2.0], &[5, 6]).unwrap().is_nan());
    assert_eq!(at_times("slope", &[1.0, 0.0], &[i64::MIN, i64::MAX]).map(|slope| slope < 0.0), Some(true));
}

#[test]
fn kernels_that_read_time_need_one_for_every_row() {
    let column = float_column(&[1.0, 2.0]);
    let parameters = parameters();
    let input = Input { argument: Some(&DataType::Float64), parameters: &parameters, windows: &[] };
    for name in ["ewma", "slope"] {
        let kernel = by_name(name).unwrap();
        assert!(kernel.reads_time());
        for times in [&[][..], &[1]] {
            let error = kernel.summary(&input).unwrap().update(&column, times).unwrap_err();
            assert!(matches!(error, AggregateError::Times { rows: 2, .. }), "{error}");
            assert!(kernel.sliding(&input).unwrap().append(&column, times).is_err());
        }
    }
}

#[test]
fn the_most_frequent_values_come_first() {
    let column: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "b", "c", "a", "d", "d", "d"]));
    let ranges = [(0, 0), (0, 2), (0, 3), (0, 5), (3, 8)];
    let lists = slide("top_k", &column, &ranges).unwrap();
    let lists: Vec<Option<Vec<String>>> = lists
        .as_list::<i32>()
        .iter()
        .map(|list| list.map(|list| list.as_string::<i32>().iter().flatten().map(str::to_owned).collect()))
        .collect();
    let expected = [None, Some(vec!["a", "b"]), Some(vec!["b", "a"]), Some(vec!["a", "b"]), Some(vec!["d", "a"])];
    let expected: Vec<Option<Vec<String>>> =
        expected.map(|list| list.map(|list| list.into_iter().map(str::to_owned).collect())).into();
    assert_eq!(lists, expected);
    let numbers = [f64::NAN, -0.0, 0.0, -f64::NAN, 1.0].map(Some);
    assert_eq!(floats("mode", &numbers, &[(1, 4), (0, 4), (2, 5), (4, 5)])[..2], [Some(0.0), Some(0.0)]);
    assert!(floats("mode", &numbers, &[(3, 4)])[0].unwrap().is_nan());
}

#[test]
fn later_summaries_have_later_rows() {
    let parts = [[1, 2], [3, 4], [5, 6]].map(|part| Arc::new(Int64Array::from(part.to_vec())) as ArrayRef);
    let expected = [("first", vec![1]), ("last", vec![6]), ("last_n", vec![5, 6]), ("collect", vec![4, 5, 6])];
    for (name, expected) in expected {
        let mut whole = summary(name, &parts[0], &parameters(), &[]);
        for part in &parts[1..] {
            whole.merge(summary(name, part, &parameters(), &[]).as_ref()).unwrap();
        }
        let found = whole.finish(None).unwrap();
        let found = if expected.len() > 1 { found.as_list::<i32>().value(0) } else { found };
        assert_eq!(found.as_primitive::<Int64Type>().values(), &expected[..], "{name}");
    }
}

#[test]
fn many_updates_keep_only_what_is_asked_for() {
    let mut whole = summary("collect", &float_column(&[]), &parameters(), &[]);
    let mut most = 0;
    for step in 0..1000 {
        let values: Vec<f64> = (0..step % 7).map(|value| f64::from(step * 10 + value)).collect();
        whole.update(&float_column(&values), &[]).unwrap();
        most = most.max(whole.bytes());
    }
    let found = whole.finish(None).unwrap();
    let found = found.as_list::<i32>().value(0);
    assert_eq!(found.as_primitive::<Float64Type>().values(), &[9992.0, 9993.0, 9994.0]);
    assert!(most < 4096, "{most}");
}

#[test]
fn states_that_do_not_fit_together_are_refused() {
    let column = float_column(&[1.0]);
    let with = |name: &str, parameters: &Parameters| summary(name, &column, parameters, &[0]);
    let mut sum = with("sum", &parameters());
    let error = sum.merge(with("mean", &parameters()).as_ref()).unwrap_err();
    assert_eq!(error.to_string(), "this is no state of `sum`: it has another aggregate, argument type or parameter");
    let integers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    assert!(with("max", &parameters()).merge(summary("max", &integers, &parameters(), &[]).as_ref()).is_err());
    let other = parameters().with("half_life", Parameter::Duration(7)).with("n", Parameter::Integer(9));
    for (name, same) in [("ewma", false), ("last_n", false), ("quantile", true)] {
        assert_eq!(with(name, &parameters()).merge(with(name, &other).as_ref()).is_ok(), same, "{name}");
        let mut bytes = Vec::new();
        with(name, &other).write(&mut bytes);
        let parameters = parameters();
        let input = Input { argument: Some(&DataType::Float64), parameters: &parameters, windows: &[] };
        assert_eq!(by_name(name).unwrap().read(&input, &bytes).is_ok(), same, "{name}");
    }
}

/// Columns of nested types with missing parts.
fn nested() -> Vec<ArrayRef> {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
        Some(vec![Some(3)]),
    ]);
    let vectors = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
        (0..4_u8).map(|row| Some(vec![Some(f32::from(row)), None])),
        2,
    );
    let fields = Fields::from(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("lists", lists.data_type().clone(), true),
    ]);
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("é"), None, Some(""), Some("x")]));
    let structs = StructArray::new(fields, vec![names, Arc::new(lists.clone())], None);
    vec![
        Arc::new(lists),
        Arc::new(vectors),
        Arc::new(structs),
        Arc::new(BinaryArray::from(vec![&b"\xff"[..], b"", b"\0", b"a"])),
        Arc::new(Date32Array::from(vec![1, -1, i32::MAX, 0])),
        Arc::new(Int32Array::from(vec![Some(1), None, Some(3), Some(4)])),
    ]
}

#[test]
fn values_of_nested_types_are_kept() {
    let parameters = parameters().with("n", Parameter::Integer(3));
    for column in nested() {
        for name in ["first", "last", "last_n"] {
            let kernel = by_name(name).unwrap();
            let input = Input { argument: Some(column.data_type()), parameters: &parameters, windows: &[] };
            // A slice, so that offsets do not begin at zero.
            let before = summary(name, &column.slice(1, 3), &parameters, &[]);
            let mut bytes = Vec::new();
            before.write(&mut bytes);
            let after = kernel.read(&input, &bytes).unwrap();
            assert_eq!(&after.finish(None).unwrap(), &before.finish(None).unwrap(), "{name} {}", column.data_type());
            for length in 0..bytes.len() {
                assert!(kernel.read(&input, &bytes[..length]).is_err());
            }
            for place in 3..bytes.len() {
                for flip in [1, 0x80, 0xff] {
                    let mut bytes = bytes.clone();
                    bytes[place] ^= flip;
                    let _ = kernel.read(&input, &bytes).map(|summary| summary.finish(None));
                }
            }
        }
    }
}

#[test]
fn numbers_of_different_values_are_within_four_standard_errors() {
    let standard_error = 1.04 / 64.0;
    for count in [10_i64, 100, 1_000, 4_000, 8_000, 12_000, 16_000, 30_000, 100_000, 1_000_000] {
        for stride in [1, 1 << 20, 12_345] {
            let column: ArrayRef = Arc::new(Int64Array::from_iter_values((0..count).map(|value| value * stride)));
            let mut summary = summary("approx_distinct", &column, &Parameters::new(), &[]);
            let once = summary.finish(None).unwrap();
            summary.update(&column, &[]).unwrap();
            assert_eq!(&summary.finish(None).unwrap(), &once, "values that were seen add nothing");
            let found = once.as_primitive::<Int64Type>().value(0);
            let error = (found - count) as f64 / count as f64;
            assert!(error.abs() <= 4.0 * standard_error, "{found} for {count}");
        }
    }
}

#[test]
fn many_registers_slide_and_are_stored() {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20_000));
    let ranges = [(0, 10), (0, 20_000), (10_000, 20_000), (19_999, 20_000), (20_000, 20_000)];
    let found = slide("approx_distinct", &column, &ranges).unwrap();
    let input = Input { argument: Some(&DataType::Int64), parameters: &Parameters::new(), windows: &[] };
    for (row, (low, high)) in ranges.into_iter().enumerate() {
        let mut bytes = Vec::new();
        summary("approx_distinct", &column.slice(low, high - low), &Parameters::new(), &[]).write(&mut bytes);
        let stored = by_name("approx_distinct").unwrap().read(&input, &bytes).unwrap();
        assert_eq!(&stored.finish(None).unwrap(), &found.slice(row, 1));
        assert!(bytes.len() < 4200);
    }
    assert_eq!(found.as_primitive::<Int64Type>().values()[3..], [1, 0]);
}

#[test]
fn different_values_are_hashed_alike_on_every_machine() {
    let columns: [ArrayRef; 3] = [
        Arc::new(Int64Array::from_iter_values(0..1000)),
        Arc::new(Float64Array::from_iter_values((0..1000).map(f64::from))),
        Arc::new(StringArray::from_iter_values((0..1000).map(|value: i32| value.to_string()))),
    ];
    let found = columns.map(|column| {
        let result = summary("approx_distinct", &column, &Parameters::new(), &[]).finish(None).unwrap();
        result.as_primitive::<Int64Type>().value(0)
    });
    assert_eq!(found, [1016, 1002, 1012]);
}

#[test]
fn approximate_quantiles_are_within_one_percent() {
    // Magnitudes from 1e-9 to 1e9 with both signs, from a fixed sequence.
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let values: Vec<f64> =
        (0..50_000).map(|_| 10_f64.powf(uniform() * 18.0 - 9.0) * if uniform() < 0.3 { -1.0 } else { 1.0 }).collect();
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    for share in [0.0, 0.001, 0.25, 0.3, 0.5, 0.9, 0.99, 0.999, 1.0] {
        let parameters = Parameters::new().with("q", Parameter::Number(share));
        let found = number(summary("approx_quantile", &float_column(&values), &parameters, &[]).as_ref()).unwrap();
        let exact = sorted[(share * (values.len() - 1) as f64) as usize];
        assert!((found - exact).abs() <= 0.010_000_001 * exact.abs(), "{found} for {exact}");
    }
}
