//! What there is to a text: its length, its parts, its words.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use arrow::datatypes::DataType::{self, Boolean, Int64, Utf8};

use super::Function;
use super::columns::{integers, signature, texts};

/// `length(text) -> int64`: characters.
pub(super) const LENGTH: Function = Function {
    name: "length",
    arity: 1,
    returns: |args| signature(args, &[Utf8], Int64),
    apply: |args| measure(args, |text| text.chars().count()),
};

/// `word_count(text) -> int64`: runs of characters other than white space.
pub(super) const WORD_COUNT: Function = Function {
    name: "word_count",
    arity: 1,
    returns: |args| signature(args, &[Utf8], Int64),
    apply: |args| measure(args, |text| text.split_whitespace().count()),
};

/// `lower(text) -> string`.
pub(super) const LOWER: Function = Function {
    name: "lower",
    arity: 1,
    returns: one_text,
    apply: |args| Arc::new(texts(&args[0]).map(|text| Some(text?.to_lowercase())).collect::<StringArray>()),
};

/// `upper(text) -> string`.
pub(super) const UPPER: Function = Function {
    name: "upper",
    arity: 1,
    returns: one_text,
    apply: |args| Arc::new(texts(&args[0]).map(|text| Some(text?.to_uppercase())).collect::<StringArray>()),
};

/// `trim(text) -> string`: Unicode's white space.
pub(super) const TRIM: Function = Function {
    name: "trim",
    arity: 1,
    returns: one_text,
    apply: |args| Arc::new(texts(&args[0]).map(|text| Some(text?.trim())).collect::<StringArray>()),
};

/// `contains(text, part) -> bool`.
pub(super) const CONTAINS: Function = Function {
    name: "contains",
    arity: 2,
    returns: |args| signature(args, &[Utf8, Utf8], Boolean),
    apply: |args| test(args, |text, part| text.contains(part)),
};

/// `starts_with(text, part) -> bool`.
pub(super) const STARTS_WITH: Function = Function {
    name: "starts_with",
    arity: 2,
    returns: |args| signature(args, &[Utf8, Utf8], Boolean),
    apply: |args| test(args, |text, part| text.starts_with(part)),
};

/// `ends_with(text, part) -> bool`.
pub(super) const ENDS_WITH: Function = Function {
    name: "ends_with",
    arity: 2,
    returns: |args| signature(args, &[Utf8, Utf8], Boolean),
    apply: |args| test(args, |text, part| text.ends_with(part)),
};

/// `before(text, mark) -> string?`: null without the mark.
pub(super) const BEFORE: Function = Function {
    name: "before",
    arity: 2,
    returns: |args| signature(args, &[Utf8, Utf8], Utf8),
    apply: |args| divide(args, |(before, _)| before),
};

/// `after(text, mark) -> string?`: null without the mark.
pub(super) const AFTER: Function = Function {
    name: "after",
    arity: 2,
    returns: |args| signature(args, &[Utf8, Utf8], Utf8),
    apply: |args| divide(args, |(_, after)| after),
};

/// `replace(text, from, to) -> string`.
pub(super) const REPLACE: Function = Function {
    name: "replace",
    arity: 3,
    returns: |args| signature(args, &[Utf8, Utf8, Utf8], Utf8),
    apply: |args| {
        let rows = texts(&args[0]).zip(texts(&args[1])).zip(texts(&args[2]));
        Arc::new(rows.map(|((text, from), to)| Some(replace(text?, from?, to?))).collect::<StringArray>())
    },
};

/// `substring(text, start, count) -> string`.
pub(super) const SUBSTRING: Function = Function {
    name: "substring",
    arity: 3,
    returns: |args| signature(args, &[Utf8, Int64, Int64], Utf8),
    apply: |args| {
        let rows = texts(&args[0]).zip(integers(&args[1])).zip(integers(&args[2]));
        Arc::new(rows.map(|((text, start), count)| Some(substring(text?, start?, count?))).collect::<StringArray>())
    },
};

/// `edit_distance(text, text) -> int64`.
pub(super) const EDIT_DISTANCE: Function = Function {
    name: "edit_distance",
    arity: 2,
    returns: |args| signature(args, &[Utf8, Utf8], Int64),
    apply: |args| {
        let pairs = texts(&args[0]).zip(texts(&args[1]));
        Arc::new(pairs.map(|(a, b)| Some(strsim::levenshtein(a?, b?) as i64)).collect::<Int64Array>())
    },
};

fn one_text(arguments: &[DataType]) -> Option<DataType> {
    signature(arguments, &[Utf8], Utf8)
}

fn measure(args: &[ArrayRef], size: fn(&str) -> usize) -> ArrayRef {
    Arc::new(texts(&args[0]).map(|text| Some(size(text?) as i64)).collect::<Int64Array>())
}

fn test(args: &[ArrayRef], holds: fn(&str, &str) -> bool) -> ArrayRef {
    let pairs = texts(&args[0]).zip(texts(&args[1]));
    Arc::new(pairs.map(|(text, part)| Some(holds(text?, part?))).collect::<BooleanArray>())
}

fn divide<'a>(args: &'a [ArrayRef], pick: fn((&'a str, &'a str)) -> &'a str) -> ArrayRef {
    let pairs = texts(&args[0]).zip(texts(&args[1]));
    Arc::new(pairs.map(|(text, mark)| text?.split_once(mark?).map(pick)).collect::<StringArray>())
}

/// An empty `from` occurs everywhere and nowhere: the text is left as it is.
fn replace(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() { text.to_owned() } else { text.replace(from, to) }
}

/// The characters at the positions from `start` up to `start + count`; a negative start takes in positions before the
/// text, which hold nothing.
fn substring(text: &str, start: i64, count: i64) -> String {
    let end = start.saturating_add(count.max(0));
    let position = |place: i64| usize::try_from(place.max(0)).unwrap_or(usize::MAX);
    text.chars().take(position(end)).skip(position(start)).collect()
}

#[cfg(test)]
mod tests {
    use super::{replace, substring};

    #[test]
    fn substrings_count_characters_and_never_fail() {
        assert_eq!(substring("Zürich", 1, 3), "üri");
        assert_eq!(substring("abc", -1, 3), "ab");
        assert_eq!(substring("abc", 0, i64::MAX), "abc");
        assert_eq!(substring("abc", 2, i64::MAX), "c");
        for (start, count) in [(i64::MAX, i64::MAX), (i64::MIN, i64::MAX), (i64::MIN, i64::MIN), (1, -1), (3, 1)] {
            assert_eq!(substring("abc", start, count), "", "{start} {count}");
        }
        assert_eq!(substring("", 0, 1), "");
    }

    #[test]
    fn nothing_is_replaced_by_nothing() {
        assert_eq!(replace("abc", "", "x"), "abc");
        assert_eq!(replace("aaa", "aa", "b"), "ba");
        assert_eq!(replace("", "a", "b"), "");
    }
}
