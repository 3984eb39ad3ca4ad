//! The meaning of a point-in-time join, written as simply as possible: for each observation, look at every event.
//!
//! It shares no code with the runtime, neither kernels nor windows.

use std::cmp::Ordering;

/// A value, or none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
}

/// A row of a group's source.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The columns `k1` and `k2`.
    pub(crate) key: [Option<String>; 2],
    pub(crate) at: Option<i64>,
    /// The column `seq`, which orders rows of one instant.
    pub(crate) seq: Option<i64>,
    pub(crate) keep: Option<bool>,
    pub(crate) x: Option<f64>,
    pub(crate) n: Option<i64>,
    pub(crate) s: Option<String>,
    pub(crate) b: Option<bool>,
}

/// A row of the observations.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) key: [Option<String>; 2],
    pub(crate) at: Option<i64>,
}

/// A feature: an aggregate of a column (`rows` counts rows) over a window, of its rows where `b` holds if it is filtered.
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub(crate) function: &'static str,
    pub(crate) column: &'static str,
    pub(crate) is_filtered: bool,
    pub(crate) window: Window,
    /// How far the window is shifted into the past.
    pub(crate) offset: i64,
    /// By how much the far end of a range moves at once.
    pub(crate) step: Option<i64>,
}

/// The rows that a feature sees.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Window {
    All,
    Range(i64),
    Last(u32),
}

impl Event {
    fn value(&self, column: &str) -> Value {
        match column {
            "rows" => Value::Bool(true),
            "x" => self.x.map_or(Value::Null, Value::Float),
            "n" => self.n.map_or(Value::Null, Value::Int),
            "s" => self.s.clone().map_or(Value::Null, Value::Text),
            "b" => self.b.map_or(Value::Null, Value::Bool),
            other => panic!("no column {other}"),
        }
    }
}

impl Feature {
    fn sees(&self, event: &Event, observation: &Observation) -> bool {
        let (Some(at), Some(now)) = (event.at, observation.at) else { return false };
        let same_key = event.key == observation.key && event.key.iter().all(Option::is_some);
        let end = i128::from(now) - i128::from(self.offset);
        let begin = match self.window {
            Window::Range(width) => {
                let (begin, step) = (end - i128::from(width), i128::from(self.step.unwrap_or(1)));
                begin.div_euclid(step) * step
            }
            Window::All | Window::Last(_) => i128::MIN,
        };
        same_key && (begin..end).contains(&i128::from(at)) && event.keep == Some(true)
    }

    /// The feature at an observation. Rows of one instant are ordered by `seq`, then by place.
    pub(crate) fn at(&self, observation: &Observation, events: &[Event]) -> Value {
        let mut seen: Vec<&Event> = events.iter().filter(|event| self.sees(event, observation)).collect();
        seen.sort_by_key(|event| (event.at, event.seq));
        if let Window::Last(rows) = self.window {
            seen.drain(..seen.len().saturating_sub(rows as usize));
        }
        seen.retain(|event| !self.is_filtered || event.b == Some(true));
        seen.retain(|event| event.value(self.column) != Value::Null);
        let values: Vec<Value> = seen.iter().map(|event| event.value(self.column)).collect();
        let times: Vec<i64> = seen.iter().filter_map(|event| event.at).collect();
        match (self.function, self.window) {
            ("rate", Window::Range(width)) => Value::Float(values.len() as f64 * 1e6 / width as f64),
            ("ewma", _) => decayed(&values, &times),
            ("slope", _) => slope(&values, &times),
            _ => aggregate(self.function, &values, self.column),
        }
    }
}

fn aggregate(function: &str, values: &[Value], column: &str) -> Value {
    let any = |wanted: bool| values.contains(&Value::Bool(wanted));
    match function {
        "count" => Value::Int(i64::try_from(values.len()).unwrap()),
        "sum" if column == "n" => Value::Int(values.iter().map(integer).sum()),
        "sum" => Value::Float(values.iter().map(number).sum()),
        "count_distinct" | "approx_distinct" => Value::Int(i64::try_from(different(values)).unwrap()),
        "variance" | "stddev" if values.len() < 2 => Value::Null,
        "variance" => Value::Float(variance(values)),
        "stddev" => Value::Float(variance(values).sqrt()),
        _ if values.is_empty() => Value::Null,
        "mean" => Value::Float(values.iter().map(number).sum::<f64>() / values.len() as f64),
        "min" => values.iter().cloned().reduce(|a, b| if order(&b, &a).is_lt() { b } else { a }).unwrap(),
        "max" => values.iter().cloned().reduce(|a, b| if order(&b, &a).is_gt() { b } else { a }).unwrap(),
        "first" => values[0].clone(),
        "last" => values[values.len() - 1].clone(),
        "median" | "approx_quantile" => quantile(values, 0.5),
        "quantile" => quantile(values, QUANTILE),
        "mode" => ranked(values)[0].clone(),
        "top_k" => Value::List(ranked(values).into_iter().take(LISTED).collect()),
        "last_n" | "collect" => Value::List(values[values.len().saturating_sub(LISTED)..].to_vec()),
        "any" => Value::Bool(any(true)),
        "all" => Value::Bool(!any(false)),
        other => panic!("no aggregate {other}"),
    }
}

/// The share of values below the quantile that is asked for.
pub(crate) const QUANTILE: f64 = 0.3;
/// How many values a list holds.
pub(crate) const LISTED: usize = 2;
/// The time in which weights halve.
pub(crate) const HALF_LIFE: i64 = 3;

/// Hyndman and Fan's type 7: linear between the two values around the place.
fn quantile(values: &[Value], share: f64) -> Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(order);
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (number(&sorted[place.floor() as usize]), number(&sorted[place.ceil() as usize]));
    let part = place - place.floor();
    // Between an infinite value and a finite one everything is infinite.
    Value::Float(match (low.is_infinite(), high.is_infinite()) {
        _ if part == 0.0 || low == high => low,
        (true, false) if !high.is_nan() => low,
        (false, true) if !low.is_nan() => high,
        _ => low + (high - low) * part,
    })
}

/// The different values, the most frequent first; of several the smallest. Zero has no sign.
fn ranked(values: &[Value]) -> Vec<Value> {
    let unsigned = |value: &Value| match value {
        Value::Float(value) => Value::Float(value + 0.0),
        other => other.clone(),
    };
    let mut sorted: Vec<Value> = values.iter().map(unsigned).collect();
    sorted.sort_by(order);
    let mut counted: Vec<(usize, Value)> = Vec::new();
    for value in sorted {
        match counted.last_mut() {
            Some((count, last)) if order(last, &value).is_eq() => *count += 1,
            _ => counted.push((1, value)),
        }
    }
    counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    counted.into_iter().map(|(_, value)| value).collect()
}

/// The weighted mean, by its definition; the last value has the weight one.
fn decayed(values: &[Value], times: &[i64]) -> Value {
    let Some(last) = times.last() else { return Value::Null };
    let weight = |time: &i64| (-((i128::from(*last) - i128::from(*time)) as f64) / HALF_LIFE as f64).exp2();
    // However little an infinite value weighs, it decides.
    let special: f64 = values.iter().map(number).filter(|value| !value.is_finite()).sum();
    if special != 0.0 {
        return Value::Float(special);
    }
    let total: f64 = times.iter().map(weight).sum();
    Value::Float(values.iter().zip(times).map(|(value, time)| number(value) * weight(time)).sum::<f64>() / total)
}

/// The least-squares line through values over seconds.
fn slope(values: &[Value], times: &[i64]) -> Value {
    if times.windows(2).all(|pair| pair[0] == pair[1]) {
        return Value::Null;
    }
    let seconds: Vec<f64> = times.iter().map(|time| (i128::from(*time) - i128::from(times[0])) as f64 / 1e6).collect();
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let values: Vec<f64> = values.iter().map(number).collect();
    let (t, x) = (mean(&seconds), mean(&values));
    let top: f64 = seconds.iter().zip(&values).map(|(second, value)| (second - t) * (value - x)).sum();
    Value::Float(top / seconds.iter().map(|second| (second - t).powi(2)).sum::<f64>())
}

/// How many values differ from all before them; NaN is like NaN, and zero has no sign.
fn different(values: &[Value]) -> usize {
    let is_like = |left: &Value, right: &Value| match (left, right) {
        (Value::Float(left), Value::Float(right)) => left == right || (left.is_nan() && right.is_nan()),
        (left, right) => left == right,
    };
    (0..values.len()).filter(|index| !values[..*index].iter().any(|value| is_like(value, &values[*index]))).count()
}

/// The definition, in two passes.
fn variance(values: &[Value]) -> f64 {
    let mean = values.iter().map(number).sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (number(value) - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(value) => *value,
        other => panic!("{other:?} is not an integer"),
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        other => panic!("{other:?} is not a number"),
    }
}

/// NaN is greater than every number.
fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Int(left), Value::Int(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Float(left), Value::Float(right)) => match (left.is_nan(), right.is_nan()) {
            (false, false) => left.total_cmp(right),
            (left, right) => left.cmp(&right),
        },
        _ => panic!("{left:?} and {right:?} have different types"),
    }
}

/// Whether two values are the same: floats up to rounding relative to `scale`, everything else exactly.
pub(crate) fn same(found: &Value, expected: &Value, scale: f64) -> bool {
    match (found, expected) {
        (Value::Float(found), Value::Float(expected)) => {
            found == expected || (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= 1e-9 * scale
        }
        (Value::List(found), Value::List(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(left, right)| same(left, right, scale))
        }
        _ => found == expected,
    }
}
