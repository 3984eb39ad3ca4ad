//! What a profile says, in numbers for people: what is stored as JSON and shown on a terminal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the rows of a source are like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileReport {
    /// The source's name.
    pub source: String,
    /// What it was found from.
    pub from: ProfileFrom,
    /// How many rows there are.
    pub rows: u64,
    /// Every column, declared ones first.
    pub columns: Vec<ColumnReport>,
}

/// What a profile was found from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileFrom {
    /// Every row was looked at.
    Rows,
    /// The files' own statistics alone: there are counts and extremes, as far as these know them.
    Footers,
}

/// What the values of a column are like. Instants are texts as the language writes them, durations are numbers of seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// The column's name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether its values are kept out because they are or may be personal data: there are only counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pii: bool,
    /// How many rows have no value; none if that is not known.
    pub nulls: Option<u64>,
    /// About how many different values there are, with a standard error of 1.63 percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// The least value; of floats the least finite one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Value>,
    /// The greatest value; of floats the greatest finite one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Value>,
    /// The mean; of truth values the share of those that are true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Value>,
    /// The standard deviation of a sample; of instants in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stddev: Option<f64>,
    /// About the values at some ranks, by names such as `p95`: of numbers within one percent, of instants within 1/4,094 of
    /// the distance from the first to the last one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantiles: BTreeMap<String, Value>,
    /// How many values lie about where, in ranges of equal length.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histogram: Vec<Bar>,
    /// Floats that are no finite numbers, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specials: Option<Specials>,
    /// The most frequent values, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<TopValue>,
    /// How long texts are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Lengths>,
}

/// A range of a histogram: values from `from` on and below `to`; the last one's `to` belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Its beginning.
    pub from: Value,
    /// Its end.
    pub to: Value,
    /// About how many values lie in it. All ranges together have all values.
    pub count: u64,
}

/// Floats that are no finite numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Specials {
    /// How many are no number.
    pub nan: u64,
    /// How many are infinite.
    pub infinite: u64,
    /// How many are negative and infinite.
    pub negative_infinite: u64,
}

/// A frequent value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopValue {
    /// The value.
    pub value: String,
    /// How many rows have it, at least.
    pub count: u64,
    /// How many rows have it, at most; none where the count is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
}

/// How long texts are, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    /// The shortest.
    pub min: u64,
    /// The longest.
    pub max: u64,
    /// The mean.
    pub mean: f64,
}
