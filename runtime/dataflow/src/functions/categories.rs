//! Categories made of other values.

use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::DataType::{Float64, Int64, Utf8};

use super::Function;
use super::columns::{floats, integers, signature, texts};

/// `cross(a, b) -> string`: different pairs give different texts.
pub(super) const CROSS: Function = Function {
    name: "cross",
    arity: 2,
    returns: |args| signature(args, &[Utf8, Utf8], Utf8),
    apply: |args| {
        let pairs = texts(&args[0]).zip(texts(&args[1]));
        Arc::new(pairs.map(|(a, b)| Some(cross(a?, b?))).collect::<StringArray>())
    },
};

/// `bucket_of(x, low, high, count) -> int64?`.
pub(super) const BUCKET_OF: Function = Function {
    name: "bucket_of",
    arity: 4,
    returns: |args| signature(args, &[Float64, Float64, Float64, Int64], Int64),
    apply: |args| {
        let ranges = floats(&args[1]).zip(floats(&args[2]));
        let rows = floats(&args[0]).zip(ranges).zip(integers(&args[3]));
        Arc::new(rows.map(|((x, (low, high)), count)| bucket_of(x?, low?, high?, count?)).collect::<Int64Array>())
    },
};

/// Both texts around a separator that neither holds unescaped.
fn cross(a: &str, b: &str) -> String {
    let escaped = |text: &str| text.replace('\\', r"\\").replace('|', r"\|");
    format!("{}|{}", escaped(a), escaped(b))
}

/// Which of `count` equal parts of `low..high` a number lies in; the outer parts go on for ever.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "what is too large is clipped")]
fn bucket_of(x: f64, low: f64, high: f64, count: i64) -> Option<i64> {
    let share = (x - low) / (high - low);
    let is_defined = count >= 1 && low < high && (high - low).is_finite() && !x.is_nan();
    is_defined.then(|| ((share * count as f64).floor() as i64).clamp(0, count - 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{bucket_of, cross};

    #[test]
    fn different_pairs_give_different_texts() {
        let parts = ["", "|", "\\", "\\|", "||", "a", "a|", "|a", "\\\\", "\u{0}"];
        let pairs = parts.iter().flat_map(|a| parts.iter().map(move |b| cross(a, b)));
        assert_eq!(pairs.collect::<BTreeSet<String>>().len(), parts.len() * parts.len());
    }

    #[test]
    fn parts_are_half_open_and_the_outer_ones_go_on() {
        let part = |x: f64| bucket_of(x, -10.0, 10.0, 4);
        let found = [-10.0, -5.1, -5.0, 9.9, 10.0, f64::INFINITY, f64::NEG_INFINITY].map(part);
        assert_eq!(found, [Some(0), Some(0), Some(1), Some(3), Some(3), Some(3), Some(0)]);
        assert_eq!(bucket_of(f64::INFINITY, 0.0, 1.0, i64::MAX), Some(i64::MAX - 1));
    }

    #[test]
    fn what_is_no_range_has_no_parts() {
        let nan = f64::NAN;
        let ranges = [(1.0, 1.0), (2.0, 1.0), (nan, 1.0), (0.0, nan), (0.0, f64::INFINITY), (f64::MIN, f64::MAX)];
        assert!(ranges.iter().all(|(low, high)| bucket_of(0.5, *low, *high, 4).is_none()));
        assert_eq!([0, -1, i64::MIN].map(|count| bucket_of(0.5, 0.0, 1.0, count)), [None; 3]);
        assert_eq!(bucket_of(nan, 0.0, 1.0, 4), None);
    }
}
