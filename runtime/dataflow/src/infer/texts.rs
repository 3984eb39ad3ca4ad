//! The type of a column of text: the narrowest one whose values the connectors read from such text.

use std::collections::BTreeMap;

use arrow::array::StringArray;
use mlsys_plan::Type;

use crate::sources::parse_text;

/// The most names of an enum.
const MOST_NAMES: usize = 12;

/// The longest name of an enum, in characters.
const LONGEST_NAME: usize = 32;

/// How many rows must have been looked at to call their few texts an enum.
const ENOUGH_ROWS: usize = 100;

/// The type of fields of a text file.
pub(super) fn of_fields(values: &[Option<String>]) -> Type {
    if values.iter().flatten().next().is_none() {
        return Type::String;
    }
    let is_word = |text: &String| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    if values.iter().flatten().all(is_word) {
        return Type::Bool;
    }
    let fits = [Type::Int32, Type::Int64, Type::Float64].into_iter().find(|ty| reads(values, ty));
    fits.unwrap_or_else(|| of_words(values))
}

/// The type of text that is no number.
pub(super) fn of_words(values: &[Option<String>]) -> Type {
    if values.iter().flatten().next().is_none() {
        return Type::String;
    }
    let are_days = values.iter().flatten().all(|text| text.trim().len() == "2013-09-01".len());
    if are_days && reads(values, &Type::Date) {
        return Type::Date;
    }
    if reads(values, &Type::Timestamp) {
        return Type::Timestamp;
    }
    names(values).map_or(Type::String, Type::Enum)
}

/// The names of an enum, if the texts are few, short, and each occurs twice at least.
pub(super) fn names(values: &[Option<String>]) -> Option<Vec<String>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in values.iter().flatten() {
        *counts.entry(text).or_default() += 1;
        if counts.len() > MOST_NAMES {
            return None;
        }
    }
    let short = counts.keys().all(|name| !name.is_empty() && name.chars().count() <= LONGEST_NAME);
    let often = counts.values().all(|count| *count >= 2);
    let fits = values.len() >= ENOUGH_ROWS && !counts.is_empty() && short && often;
    fits.then(|| counts.into_keys().map(str::to_owned).collect())
}

fn reads(values: &[Option<String>], ty: &Type) -> bool {
    let texts: StringArray = values.iter().map(|text| Some(text.as_deref().unwrap_or_default())).collect();
    parse_text(&texts, ty, None).is_ok()
}
