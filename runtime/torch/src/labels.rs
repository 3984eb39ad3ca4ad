//! Labels: what is predicted, as it stands in the examples.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use mlsys_metrics::Truth;
use mlsys_plan::columns;

use crate::error::TrainError;
use crate::examples::Examples;

/// The labels of some rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Labels {
    /// Truth values.
    Truths(Vec<bool>),
    /// Indices into classes; a class that training did not see has none.
    Classes { indices: Vec<u32>, count: usize },
    /// Numbers.
    Numbers(Vec<f64>),
    /// How relevant each row is to its group.
    Grades(Vec<f64>),
    /// No labels, for so many rows.
    None(usize),
}

impl Labels {
    pub(crate) fn len(&self) -> usize {
        match self {
            Labels::Truths(values) => values.len(),
            Labels::Classes { indices, .. } => indices.len(),
            Labels::Numbers(values) | Labels::Grades(values) => values.len(),
            Labels::None(rows) => *rows,
        }
    }

    /// How many rows hold, where labels are truth values.
    pub(crate) fn positives(&self) -> Option<usize> {
        match self {
            Labels::Truths(values) => Some(values.iter().filter(|holds| **holds).count()),
            Labels::Grades(values) => Some(values.iter().filter(|grade| **grade > 0.0).count()),
            _ => None,
        }
    }

    /// Whether they tell rows from each other.
    pub(crate) fn differ(&self) -> bool {
        fn some<T: PartialEq>(values: &[T]) -> bool {
            values.windows(2).any(|pair| pair[0] != pair[1])
        }
        match self {
            Labels::Truths(values) => some(values),
            Labels::Classes { indices, .. } => some(indices),
            Labels::Numbers(values) | Labels::Grades(values) => some(values),
            Labels::None(_) => true,
        }
    }

    /// As numbers that a network is held against.
    #[expect(clippy::cast_possible_truncation, reason = "networks compute in single precision")]
    pub(crate) fn numbers(&self) -> Vec<f32> {
        match self {
            Labels::Truths(values) => values.iter().map(|holds| f32::from(u8::from(*holds))).collect(),
            #[expect(clippy::cast_precision_loss, reason = "classes are few")]
            Labels::Classes { indices, .. } => indices.iter().map(|index| *index as f32).collect(),
            Labels::Numbers(values) | Labels::Grades(values) => values.iter().map(|value| *value as f32).collect(),
            Labels::None(rows) => vec![0.0; *rows],
        }
    }

    /// As metrics are held against them.
    pub(crate) fn truth(&self) -> Truth<'_> {
        match self {
            Labels::Truths(values) => Truth::Binary(values),
            Labels::Classes { indices, count } => Truth::Classes { labels: indices, count: *count },
            Labels::Numbers(values) => Truth::Numbers(values),
            Labels::Grades(values) => Truth::Grades(values),
            Labels::None(_) => Truth::None,
        }
    }

    /// The labels at some of the places.
    pub(crate) fn at(&self, places: &[usize]) -> Labels {
        fn of<T: Copy>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().map(|&place| values[place]).collect()
        }
        match self {
            Labels::Truths(values) => Labels::Truths(of(values, places)),
            Labels::Classes { indices, count } => Labels::Classes { indices: of(indices, places), count: *count },
            Labels::Numbers(values) => Labels::Numbers(of(values, places)),
            Labels::Grades(values) => Labels::Grades(of(values, places)),
            Labels::None(_) => Labels::None(places.len()),
        }
    }
}

/// The label column as truth values.
pub(crate) fn truths(examples: &Examples, rows: &[usize]) -> Result<Labels, TrainError> {
    let column = examples.column(columns::LABEL)?;
    let values = column.as_boolean_opt().ok_or_else(|| wrong(column, "a bool"))?;
    Ok(Labels::Truths(rows.iter().map(|&row| values.value(row)).collect()))
}

/// The label column as numbers, all of which single precision holds: nothing is learnt from others.
pub(crate) fn numbers(examples: &Examples, rows: &[usize]) -> Result<Vec<f64>, TrainError> {
    let column = examples.column(columns::LABEL)?;
    let values = cast(column, &DataType::Float64).map_err(|_| wrong(column, "a number"))?;
    let values = values.as_primitive::<Float64Type>();
    rows.iter().map(|&row| held(row, values.value(row))).collect()
}

/// The label column as indices into classes. A class that is not among them gets the index one beyond the last.
pub(crate) fn classes(examples: &Examples, rows: &[usize], classes: &[String]) -> Result<Labels, TrainError> {
    let texts = examples.texts(columns::LABEL)?;
    let beyond = u32::try_from(classes.len()).unwrap_or(u32::MAX);
    let known: BTreeMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let indices = rows.iter().map(|&row| known.get(texts.value(row)).copied().unwrap_or(beyond));
    Ok(Labels::Classes { indices: indices.collect(), count: classes.len() })
}

/// Which rows belong together, as a number for each; rows of one group have the same one.
pub(crate) fn groups(examples: &Examples, rows: &[usize]) -> Result<Option<Vec<u64>>, TrainError> {
    if examples.optional(columns::GROUP).is_none() {
        return Ok(None);
    }
    let texts = examples.texts(columns::GROUP)?;
    let mut known: BTreeMap<&str, u64> = BTreeMap::new();
    let number = |&row: &usize| {
        let next = known.len() as u64;
        *known.entry(texts.value(row)).or_insert(next)
    };
    Ok(Some(rows.iter().map(number).collect()))
}

/// A label, if single precision holds it.
#[expect(clippy::cast_possible_truncation, reason = "it is asked what is lost")]
fn held(row: usize, value: f64) -> Result<f64, TrainError> {
    if (value as f32).is_finite() {
        return Ok(value);
    }
    Err(TrainError::NothingToLearn(format!(
        "the label of row {} of the examples is {value:e}, which single precision does not hold: leave such rows out with \
         `expect`",
        row + 1
    )))
}

fn wrong(column: &ArrayRef, expected: &str) -> TrainError {
    let reason = format!("the label is a {}, expected {expected}", column.data_type());
    TrainError::Column { name: columns::LABEL.to_owned(), reason }
}
