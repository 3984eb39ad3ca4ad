//! Every kernel over generated columns: sliding windows, and summaries that were split, written, read and merged, against
//! a naive computation that shares nothing with the kernels.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use proptest::prelude::*;

use super::by_name;
use crate::input::{Input, Parameter, Parameters};
use crate::kernel::Kernel;
use crate::measures::{Measure, Measures};
use crate::ranges::RangeBuffer;
use crate::summary::Summary;

/// A value of any type.
#[derive(Clone, Debug)]
enum Value {
    Missing,
    Integer(i64),
    Number(f64),
    Text(String),
    Truth(bool),
    List(Vec<Value>),
}

use Value::{Integer, List, Missing, Number, Text, Truth};

/// Rows of one column with their times, and windows that slide over them.
#[derive(Clone, Debug)]
struct Case {
    rows: Vec<(i64, Value)>,
    ranges: Vec<(usize, usize)>,
    /// Where the rows of a window are split; each is a share of its rows.
    cuts: Vec<f64>,
    /// The lengths of batches, one after the other.
    batch: usize,
    quantile: f64,
    most: i64,
    half_life: i64,
}

const WINDOW: i64 = 3_000_000;

impl Case {
    fn parameters(&self) -> Parameters {
        Parameters::from_iter([
            ("q", Parameter::Number(self.quantile)),
            ("k", Parameter::Integer(self.most)),
            ("n", Parameter::Integer(self.most)),
            ("most", Parameter::Integer(self.most)),
            ("half_life", Parameter::Duration(self.half_life)),
        ])
    }

    fn times(&self) -> Vec<i64> {
        self.rows.iter().map(|(time, _)| *time).collect()
    }

    fn column(&self, ty: &DataType) -> ArrayRef {
        let values = self.rows.iter().map(|(_, value)| value);
        match ty {
            DataType::Int64 => Arc::new(values.map(as_integer).collect::<Int64Array>()),
            DataType::Int32 => {
                Arc::new(values.map(|value| as_integer(value).map(|value| value as i32)).collect::<Int32Array>())
            }
            DataType::Float64 => Arc::new(values.map(as_number).collect::<Float64Array>()),
            DataType::Float32 => {
                Arc::new(values.map(|value| as_number(value).map(|value| value as f32)).collect::<Float32Array>())
            }
            DataType::Boolean => Arc::new(values.map(as_truth).collect::<BooleanArray>()),
            _ => Arc::new(values.map(as_text).collect::<StringArray>()),
        }
    }
}

fn as_integer(value: &Value) -> Option<i64> {
    if let Integer(value) = value { Some(*value) } else { None }
}

fn as_number(value: &Value) -> Option<f64> {
    if let Number(value) = value { Some(*value) } else { None }
}

fn as_truth(value: &Value) -> Option<bool> {
    if let Truth(value) = value { Some(*value) } else { None }
}

fn as_text(value: &Value) -> Option<&str> {
    if let Text(value) = value { Some(value) } else { None }
}

/// The values of a column.
fn values(column: &ArrayRef) -> Vec<Value> {
    (0..column.len()).map(|row| if column.is_null(row) { Missing } else { value(column, row) }).collect()
}

fn value(column: &ArrayRef, row: usize) -> Value {
    match column.data_type() {
        DataType::Int64 => Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Int32 => Integer(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Float64 => Number(column.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => Number(column.as_primitive::<Float32Type>().value(row).into()),
        DataType::Boolean => Truth(column.as_boolean().value(row)),
        DataType::Utf8 => Text(column.as_string::<i32>().value(row).to_owned()),
        _ => List(values(&column.as_list::<i32>().value(row))),
    }
}

/// The order of `min` and `max`, where both zeros are one.
fn order(one: &Value, other: &Value) -> std::cmp::Ordering {
    match (one, other) {
        (Integer(one), Integer(other)) => one.cmp(other),
        (Truth(one), Truth(other)) => one.cmp(other),
        (Text(one), Text(other)) => one.cmp(other),
        (Number(one), Number(other)) => match (one.is_nan(), other.is_nan()) {
            (false, false) => one.partial_cmp(other).unwrap(),
            (one, other) => one.cmp(&other),
        },
        _ => unreachable!("values of one column have one type"),
    }
}

/// The present values in order.
fn sorted(present: &[(i64, Value)]) -> Vec<Value> {
    let mut values: Vec<Value> = present.iter().map(|(_, value)| value.clone()).collect();
    values.sort_by(order);
    values
}

fn numbers(present: &[(i64, Value)]) -> Vec<f64> {
    present.iter().filter_map(|(_, value)| as_number(value)).collect()
}

/// A sum whose small parts do not vanish beside large ones: magnitudes that cancel are added first.
fn sum(numbers: &[f64]) -> f64 {
    if numbers.iter().any(|number| !number.is_finite()) {
        return numbers.iter().sum();
    }
    // Each number is a whole multiple of 2^-20 here, so that sums of these are exact.
    numbers.iter().map(|number| (number * 1_048_576.0) as i128).sum::<i128>() as f64 / 1_048_576.0
}

fn mean(numbers: &[f64]) -> f64 {
    sum(numbers) / numbers.len() as f64
}

/// What a kernel should find in the rows of a window.
fn naive(name: &str, case: &Case, ty: &DataType, rows: &[(i64, Value)]) -> Value {
    let present: Vec<(i64, Value)> = rows.iter().filter(|(_, value)| !matches!(value, Missing)).cloned().collect();
    match name {
        "count" => return Integer(present.len() as i64),
        "count_distinct" => return Integer(frequencies(&present).len() as i64),
        "sum" if is_integer(ty) => return Integer(present.iter().filter_map(|(_, value)| as_integer(value)).sum()),
        "sum" => return Number(sum(&numbers(&present))),
        _ if present.is_empty() => return Missing,
        _ => (),
    }
    match name {
        "min" => sorted(&present).remove(0),
        "max" => sorted(&present).pop().unwrap(),
        "first" => present[0].1.clone(),
        "last" => present[present.len() - 1].1.clone(),
        "any" => Truth(present.iter().any(|(_, value)| as_truth(value).unwrap())),
        "all" => Truth(present.iter().all(|(_, value)| as_truth(value).unwrap())),
        "last_n" | "collect" => {
            let from = present.len().saturating_sub(case.most as usize);
            List(present[from..].iter().map(|(_, value)| value.clone()).collect())
        }
        "mode" => frequencies(&present).remove(0),
        "top_k" => List(frequencies(&present).into_iter().take(case.most as usize).collect()),
        "mean" => naive_mean(ty, &present),
        "variance" => naive_variance(&numbers(&present)).map_or(Missing, Number),
        "stddev" => naive_variance(&numbers(&present)).map_or(Missing, |variance| Number(variance.sqrt())),
        "median" => Number(naive_quantile(&present, 0.5)),
        "quantile" => Number(naive_quantile(&present, case.quantile)),
        "approx_quantile" => {
            let rank = (case.quantile * (present.len() - 1) as f64).floor() as usize;
            sorted(&present).remove(rank)
        }
        "ewma" => Number(naive_ewma(case, &present)),
        "slope" => naive_slope(&present).map_or(Missing, Number),
        other => unreachable!("{other}"),
    }
}

fn is_integer(ty: &DataType) -> bool {
    matches!(ty, DataType::Int32 | DataType::Int64)
}

/// The different values, the most frequent first, the lesser of those that are as frequent first.
fn frequencies(present: &[(i64, Value)]) -> Vec<Value> {
    let mut groups: Vec<(usize, Value)> = Vec::new();
    for value in sorted(present) {
        match groups.last_mut() {
            Some((count, known)) if order(known, &value).is_eq() => *count += 1,
            _ => groups.push((1, value)),
        }
    }
    groups.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    groups.into_iter().map(|(_, value)| value).collect()
}

fn naive_mean(ty: &DataType, present: &[(i64, Value)]) -> Value {
    let number = |value: &Value| match value {
        Truth(truth) => f64::from(*truth),
        Integer(value) => *value as f64,
        Number(value) => *value,
        _ => unreachable!("{ty}"),
    };
    if is_integer(ty) {
        let total: i128 = present.iter().filter_map(|(_, value)| as_integer(value)).map(i128::from).sum();
        return Number(total as f64 / present.len() as f64);
    }
    Number(mean(&present.iter().map(|(_, value)| number(value)).collect::<Vec<_>>()))
}

fn naive_variance(numbers: &[f64]) -> Option<f64> {
    let mean = mean(numbers);
    let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
    (numbers.len() > 1).then(|| if mean.is_finite() { squares / (numbers.len() - 1) as f64 } else { f64::NAN })
}

fn naive_quantile(present: &[(i64, Value)], quantile: f64) -> f64 {
    let sorted: Vec<f64> = sorted(present).iter().filter_map(as_number).collect();
    let place = (sorted.len() - 1) as f64 * quantile;
    let (lower, upper) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    let share = place - place.floor();
    if lower == upper || share == 0.0 { lower } else { (1.0 - share) * lower + share * upper }
}

fn naive_ewma(case: &Case, present: &[(i64, Value)]) -> f64 {
    let values = numbers(present);
    if values.iter().any(|value| !value.is_finite()) {
        return values.iter().filter(|value| !value.is_finite()).sum();
    }
    let last = present.iter().map(|(time, _)| *time).max().unwrap();
    let weights: Vec<f64> =
        present.iter().map(|(time, _)| 0.5_f64.powf((last - time) as f64 / case.half_life as f64)).collect();
    let weighted: f64 = weights.iter().zip(&values).map(|(weight, value)| weight * value).sum();
    weighted / weights.iter().sum::<f64>()
}

fn naive_slope(present: &[(i64, Value)]) -> Option<f64> {
    let values = numbers(present);
    let origin = present[0].0;
    let times: Vec<f64> = present.iter().map(|(time, _)| (time - origin) as f64 / 1e6).collect();
    if times.iter().all(|time| *time == times[0]) {
        return None;
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Some(f64::NAN);
    }
    let (time, value) = (times.iter().sum::<f64>() / times.len() as f64, mean(&values));
    let products: f64 = times.iter().zip(&values).map(|(t, x)| (t - time) * (x - value)).sum();
    let squares: f64 = times.iter().map(|t| (t - time) * (t - time)).sum();
    Some(products / squares)
}

/// Whether two results agree: exactly, except that numbers may differ by so much relative to a scale.
fn agree(found: &Value, expected: &Value, tolerance: f64) -> bool {
    match (found, expected) {
        (Missing, Missing) => true,
        (Number(found), Number(expected)) => {
            (found.is_nan() && expected.is_nan()) || found == expected || (found - expected).abs() <= tolerance
        }
        (List(found), List(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(one, other)| agree(one, other, 0.0))
        }
        (Missing | Number(_) | List(_), _) | (_, Missing | Number(_) | List(_)) => false,
        (found, expected) => order(found, expected).is_eq(),
    }
}

/// By how much a result may differ: not at all unless it is computed from floats; then by 1e-9 of the greatest magnitude
/// that goes into it (of slopes, over the distance of times that carries it; of spreads, its square), since a result near
/// zero of large parts is only as exact as these. An approximate quantile is within one percent of itself.
fn tolerance(name: &str, expected: &Value, rows: &[(i64, Value)]) -> f64 {
    let Number(expected) = expected else { return 0.0 };
    let finite = rows.iter().filter_map(|(_, value)| match value {
        Number(value) if value.is_finite() => Some(value.abs()),
        Integer(value) => Some((*value as f64).abs()),
        _ => None,
    });
    let scale = finite.fold(1.0, f64::max);
    match name {
        "approx_quantile" => expected.abs() * 0.010_000_001,
        "variance" => 1e-9 * scale * scale,
        // The root of an error near zero.
        "stddev" => 1e-6 * scale,
        // Different times are at least a second apart.
        "slope" => 1e-9 * scale * rows.len() as f64,
        "mean" | "median" | "quantile" | "sum" | "ewma" => 1e-9 * scale,
        _ => 0.0,
    }
}

/// Which kernels run over columns of which type.
const FLOATS: [&str; 18] = [
    "approx_quantile",
    "collect",
    "count",
    "count_distinct",
    "ewma",
    "first",
    "last",
    "last_n",
    "max",
    "mean",
    "median",
    "min",
    "mode",
    "quantile",
    "slope",
    "stddev",
    "sum",
    "top_k",
];
const INTEGERS: [&str; 12] =
    ["collect", "count", "count_distinct", "first", "last", "last_n", "max", "mean", "min", "mode", "sum", "top_k"];
const TEXTS: [&str; 10] =
    ["collect", "count", "count_distinct", "first", "last", "last_n", "max", "min", "mode", "top_k"];
const TRUTHS: [&str; 13] = [
    "all",
    "any",
    "collect",
    "count",
    "count_distinct",
    "first",
    "last",
    "last_n",
    "max",
    "mean",
    "min",
    "mode",
    "top_k",
];

fn float() -> impl Strategy<Value = Value> {
    // Whole multiples of 2^-20 below 2^40, many of them equal, and what is special.
    let fine = (-(1_i64 << 59)..1 << 59).prop_map(|value| Number((value >> 6) as f64 / 1_048_576.0));
    let coarse = (-8_i32..8).prop_map(|value| Number(f64::from(value) / 4.0));
    let special = prop::sample::select(vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0]);
    prop_oneof![4 => fine, 6 => coarse, 1 => special.prop_map(Number), 2 => Just(Missing)]
}

fn integer() -> impl Strategy<Value = Value> {
    prop_oneof![4 => any::<i64>().prop_map(|value| Integer(value >> 8)), 6 => (-3_i64..3).prop_map(Integer), 2 => Just(Missing)]
}

fn small_integer() -> impl Strategy<Value = Value> {
    let extreme = prop::sample::select(vec![i32::MIN, i32::MAX, -1]).prop_map(|value| Integer(value.into()));
    prop_oneof![4 => any::<i32>().prop_map(|value| Integer(value.into())), 3 => extreme, 2 => Just(Missing)]
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![6 => "[ab]{0,2}".prop_map(Text), 2 => "\\PC{0,6}".prop_map(Text), 2 => Just(Missing)]
}

fn truth() -> impl Strategy<Value = Value> {
    prop_oneof![4 => any::<bool>().prop_map(Truth), 1 => Just(Missing)]
}

fn case(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Case> {
    let rows = prop::collection::vec((0_i64..3, value), 0..60);
    let steps = prop::collection::vec((0_usize..5, 0_usize..7), 1..30);
    let cuts = prop::collection::vec(0.0..1.0, 0..5);
    let quantile = prop_oneof![Just(0.0), Just(1.0), Just(0.5), 0.0..1.0];
    (rows, steps, cuts, 1_usize..9, quantile, 1_i64..5, 100_000_i64..50_000_000).prop_map(
        |(rows, steps, cuts, batch, quantile, most, half_life)| {
            let mut time = 1_700_000_000_123_456;
            let rows: Vec<(i64, Value)> = rows
                .into_iter()
                .map(|(step, value)| {
                    time += step * 1_000_000;
                    (time, value)
                })
                .collect();
            Case { ranges: ranges(rows.len(), &steps), rows, cuts, batch, quantile, most, half_life }
        },
    )
}

fn ranges(rows: usize, steps: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let (mut low, mut high) = (0, 0);
    steps
        .iter()
        .map(|(forward, length)| {
            low = rows.min(low + forward);
            high = rows.min(high.max(low + length));
            high = high.max(low);
            (low, high)
        })
        .collect()
}

/// The results of sliding windows; rows come in batches and go as soon as no window needs them.
fn slid(kernel: &'static dyn Kernel, case: &Case, ty: &DataType) -> Vec<Value> {
    let measure = Measure { kernel, argument: Some(0), parameters: case.parameters(), window: 0 };
    let mut measures = Measures::new(&[measure], std::slice::from_ref(ty), &[Some(WINDOW)]).unwrap();
    let (column, times) = (case.column(ty), case.times());
    let mut found = Vec::new();
    let mut end = 0;
    for (low, high) in &case.ranges {
        while end < *high {
            let length = case.batch.min(column.len() - end);
            measures.append(&[column.slice(end, length)], &times[end..end + length]).unwrap();
            end += length;
        }
        // What begins after all rows so far has no rows to forget.
        measures.release((*low).min(end));
        let mut windows = RangeBuffer::default();
        windows.push(*low, *high);
        found.extend(values(&measures.slide(&[windows]).unwrap()[0]));
    }
    found
}

/// A summary that is written and read again.
fn stored(kernel: &dyn Kernel, input: &Input<'_>, summary: &dyn Summary) -> Box<dyn Summary> {
    let mut bytes = Vec::new();
    summary.write(&mut bytes);
    let read = kernel.read(input, &bytes).unwrap();
    let mut again = Vec::new();
    read.write(&mut again);
    assert_eq!(bytes, again, "what is read is written as it was");
    read
}

/// The result of summaries of parts of a window's rows, which were stored, merged and stored again.
fn summed(kernel: &dyn Kernel, case: &Case, ty: &DataType, (low, high): (usize, usize)) -> Value {
    let parameters = case.parameters();
    let input = Input { argument: Some(ty), parameters: &parameters, windows: &[] };
    let (column, times) = (case.column(ty), case.times());
    let mut cuts: Vec<usize> = case.cuts.iter().map(|cut| low + (cut * (high - low) as f64) as usize).collect();
    cuts.extend([low, high]);
    cuts.sort_unstable();
    let mut whole = kernel.summary(&input).unwrap();
    for part in cuts.windows(2) {
        let mut summary = kernel.summary(&input).unwrap();
        for start in (part[0]..part[1]).step_by(case.batch) {
            let length = case.batch.min(part[1] - start);
            summary.update(&column.slice(start, length), &times[start..start + length]).unwrap();
        }
        let part = stored(kernel, &input, summary.as_ref());
        whole.merge(part.as_ref()).unwrap();
        whole = stored(kernel, &input, whole.as_ref());
    }
    values(&whole.finish(Some(WINDOW)).unwrap()).remove(0)
}

fn check(names: &[&str], case: &Case, ty: &DataType) -> Result<(), TestCaseError> {
    // Values as the column has them: a float32 is rounded.
    let column = values(&case.column(ty));
    let rows: Vec<(i64, Value)> = case.rows.iter().map(|(time, _)| *time).zip(column).collect();
    for name in names {
        let kernel = by_name(name).unwrap();
        let found = slid(kernel, case, ty);
        for (range, found) in case.ranges.iter().zip(&found) {
            let window = &rows[range.0..range.1];
            let expected = naive(name, case, ty, window);
            let tolerance = tolerance(name, &expected, window);
            prop_assert!(agree(found, &expected, tolerance), "{name} {range:?} {found:?}, naively {expected:?}");
            let merged = summed(kernel, case, ty, *range);
            prop_assert!(
                agree(&merged, &expected, tolerance),
                "{name} {range:?} {merged:?} merged, naively {expected:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn floats(case in case(float())) {
        check(&FLOATS, &case, &DataType::Float64)?;
        check(&["variance"], &case, &DataType::Float64)?;
    }

    #[test]
    fn small_floats(case in case(float())) {
        check(&["approx_quantile", "max", "mode", "quantile", "top_k", "count_distinct"], &case, &DataType::Float32)?;
    }

    #[test]
    fn integers(case in case(integer())) {
        check(&INTEGERS, &case, &DataType::Int64)?;
    }

    #[test]
    fn small_integers(case in case(small_integer())) {
        check(&INTEGERS, &case, &DataType::Int32)?;
    }

    #[test]
    fn texts(case in case(text())) {
        check(&TEXTS, &case, &DataType::Utf8)?;
    }

    #[test]
    fn truths(case in case(truth())) {
        check(&TRUTHS, &case, &DataType::Boolean)?;
    }

    #[test]
    fn numbers_of_different_values_agree_and_are_near(case in case(text())) {
        let kernel = by_name("approx_distinct").unwrap();
        let found = slid(kernel, &case, &DataType::Utf8);
        for (range, found) in case.ranges.iter().zip(found) {
            let (Integer(found), Integer(merged)) = (found, summed(kernel, &case, &DataType::Utf8, *range)) else {
                return Err(TestCaseError::fail("a number"));
            };
            let Integer(exact) = naive("count_distinct", &case, &DataType::Utf8, &case.rows[range.0..range.1]) else {
                return Err(TestCaseError::fail("a number"));
            };
            prop_assert_eq!(found, merged);
            // Linear counting of so few values only errs where two of them share a register.
            prop_assert!((found - exact).abs() <= 1, "{} of {}", found, exact);
        }
    }

    #[test]
    fn rows_are_counted_whether_they_have_a_value(case in case(truth())) {
        let (parameters, column) = (case.parameters(), case.column(&DataType::Boolean));
        for (name, scale) in [("count", 1.0), ("rate", 1.0 / 3.0)] {
            let kernel = by_name(name).unwrap();
            let input = Input { argument: None, parameters: &parameters, windows: &[] };
            let mut summary = kernel.summary(&input).unwrap();
            summary.update(&column, &[]).unwrap();
            let summary = stored(kernel, &input, summary.as_ref());
            let found = match values(&summary.finish(Some(WINDOW)).unwrap()).remove(0) {
                Integer(count) => count as f64,
                Number(rate) => rate,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert!((found - column.len() as f64 * scale).abs() < 1e-9);
        }
    }
}

#[test]
fn every_kernel_has_a_property() {
    let tested: BTreeMap<&str, ()> = [&FLOATS[..], &TRUTHS[..], &["variance", "approx_distinct", "rate"]]
        .concat()
        .into_iter()
        .map(|name| (name, ()))
        .collect();
    let missing: Vec<&str> =
        super::kernels().iter().map(|kernel| kernel.name()).filter(|name| !tested.contains_key(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
