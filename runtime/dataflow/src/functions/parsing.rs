//! Texts that are read: numbers in them, and patterns that they match.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::DataType::{Boolean, Float64, Int64, Utf8};
use regex::Regex;

use super::Function;
use super::columns::{signature, texts};

/// `parse_int(text) -> int64?`: null for text that is no integer, white space around it left out.
pub(super) const PARSE_INT: Function = Function {
    name: "parse_int",
    arity: 1,
    returns: |args| signature(args, &[Utf8], Int64),
    apply: |args| Arc::new(texts(&args[0]).map(|text| text?.trim().parse().ok()).collect::<Int64Array>()),
};

/// `parse_float(text) -> float64?`: null for text that is no number, white space around it left out.
pub(super) const PARSE_FLOAT: Function = Function {
    name: "parse_float",
    arity: 1,
    returns: |args| signature(args, &[Utf8], Float64),
    apply: |args| Arc::new(texts(&args[0]).map(|text| text?.trim().parse().ok()).collect::<Float64Array>()),
};

/// `matches(text, pattern) -> bool?`: null for a pattern that is none.
pub(super) const MATCHES: Function =
    Function { name: "matches", arity: 2, returns: |args| signature(args, &[Utf8, Utf8], Boolean), apply: matches };

/// A pattern is compiled once for the rows that follow each other with it: for a literal, once a batch.
fn matches(args: &[ArrayRef]) -> ArrayRef {
    let mut known: Option<(&str, Option<Regex>)> = None;
    let pairs = texts(&args[0]).zip(texts(&args[1]));
    let results = pairs.map(|(text, pattern)| {
        let (text, pattern) = (text?, pattern?);
        if known.as_ref().is_none_or(|(last, _)| *last != pattern) {
            known = Some((pattern, Regex::new(pattern).ok()));
        }
        let (_, regex) = known.as_ref()?;
        Some(regex.as_ref()?.is_match(text))
    });
    Arc::new(results.collect::<BooleanArray>())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, StringArray};
    use arrow::datatypes::{Float64Type, Int64Type};

    use super::{MATCHES, PARSE_FLOAT, PARSE_INT};

    fn column(texts: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(texts.to_vec()))
    }

    #[test]
    fn integers_at_the_ends_of_their_range() {
        let texts = ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "+7", "", "-", "0x1", "٣"];
        let found = (PARSE_INT.apply)(&[column(&texts.map(Some))]);
        let found: Vec<Option<i64>> = found.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(found, [Some(i64::MAX), None, Some(i64::MIN), Some(7), None, None, None, None]);
    }

    #[test]
    fn floats_may_be_infinite_and_too_many_digits_are_rounded() {
        let texts = ["-inf", "1e400", "0.1000000000000000055511151231257827", "1_000", "1e", " .5 "];
        let found = (PARSE_FLOAT.apply)(&[column(&texts.map(Some))]);
        let found: Vec<Option<f64>> = found.as_primitive::<Float64Type>().iter().collect();
        assert_eq!(found, [Some(f64::NEG_INFINITY), Some(f64::INFINITY), Some(0.1), None, None, Some(0.5)]);
        let nan = (PARSE_FLOAT.apply)(&[column(&[Some("NaN")])]);
        assert!(nan.as_primitive::<Float64Type>().value(0).is_nan());
    }

    #[test]
    fn patterns_may_change_from_row_to_row() {
        let texts = column(&[Some("abc"), Some("abc"), Some("abc"), None, Some(""), Some("ä")]);
        let patterns = column(&[Some("b"), Some("^b"), Some("["), Some("b"), Some(""), Some("^.$")]);
        let found: Vec<Option<bool>> = (MATCHES.apply)(&[texts, patterns]).as_boolean().iter().collect();
        assert_eq!(found, [Some(true), Some(false), None, None, Some(true), Some(true)]);
    }
}
