//! What stands beside the inputs of some examples: labels, groups, slices, and inputs that are taken as the prediction.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use mlsys_plan::{Call, Part, Train, columns};

use crate::error::TrainError;
use crate::examples::{Examples, Parts};
use crate::heads::Head;
use crate::labels::{self, Labels};

/// What predictions on some examples are held against.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    pub(crate) labels: Labels,
    /// Which examples are ranked together.
    pub(crate) groups: Option<Vec<u64>>,
    /// Columns by which metrics are looked at.
    pub(crate) slices: BTreeMap<String, Slices>,
    /// Inputs that are taken as the prediction, by name.
    pub(crate) baselines: BTreeMap<String, Vec<f64>>,
    /// Observation instants in microseconds, where metrics are counted per time.
    pub(crate) instants: Option<Vec<i64>>,
}

/// A column of slices.
#[derive(Clone, Debug)]
pub(crate) struct Slices {
    /// The slice of each example.
    pub(crate) codes: Vec<u32>,
    /// The slices' values; none is the slice of missing values.
    pub(crate) values: Vec<Option<String>>,
}

impl Beside {
    /// What stands beside the examples of each part.
    pub(crate) fn of_parts(
        train: &Train,
        head: &Head,
        examples: &Examples,
        parts: &Parts,
    ) -> Result<BTreeMap<Part, Self>, TrainError> {
        let each = parts.rows.iter().map(|(part, rows)| Ok((*part, Beside::of(train, head, examples, rows)?)));
        each.collect()
    }

    fn of(train: &Train, head: &Head, examples: &Examples, rows: &[usize]) -> Result<Self, TrainError> {
        let sliced = sliced(train).into_iter().map(|column| {
            let slices = slices(examples, &column, rows)?;
            Ok((column, slices))
        });
        let baselines = baselines(train).into_iter().map(|input| {
            let numbers = examples.numbers(&input)?;
            let value = |&row: &usize| if numbers.is_valid(row) { numbers.value(row) } else { f64::NAN };
            Ok((input, rows.iter().map(value).collect()))
        });
        let is_counted = train.gates.iter().any(|gate| gate.per.is_some());
        Ok(Beside {
            labels: head.labels(examples, rows)?,
            groups: labels::groups(examples, rows)?,
            slices: sliced.collect::<Result<_, TrainError>>()?,
            baselines: baselines.collect::<Result<_, TrainError>>()?,
            instants: if is_counted { Some(instants(examples, rows)?) } else { None },
        })
    }

    /// What stands beside the examples at some places of these.
    pub(crate) fn at(&self, places: &[usize]) -> Self {
        fn of<T: Copy>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().map(|&place| values[place]).collect()
        }
        let slices = self.slices.iter().map(|(column, slices)| {
            (column.clone(), Slices { codes: of(&slices.codes, places), values: slices.values.clone() })
        });
        Beside {
            labels: self.labels.at(places),
            groups: self.groups.as_ref().map(|groups| of(groups, places)),
            slices: slices.collect(),
            baselines: self.baselines.iter().map(|(input, values)| (input.clone(), of(values, places))).collect(),
            instants: self.instants.as_ref().map(|instants| of(instants, places)),
        }
    }

    /// The time from the first to the last example in microseconds.
    pub(crate) fn span(&self) -> Option<i64> {
        let instants = self.instants.as_ref()?;
        Some(instants.iter().max()? - instants.iter().min()?)
    }
}

/// The columns that gates slice by, and those that metrics compare groups of.
fn sliced(train: &Train) -> BTreeSet<String> {
    let by = train.gates.iter().filter_map(|gate| gate.by.clone());
    by.chain(train.gates.iter().filter_map(|gate| grouped_by(&gate.metric))).collect()
}

/// The column whose groups a metric compares.
fn grouped_by(metric: &Call) -> Option<String> {
    metric.string("by").map(str::to_owned)
}

/// The inputs that bounds take as the prediction.
fn baselines(train: &Train) -> BTreeSet<String> {
    train.gates.iter().flat_map(|gate| gate.bound.baselines()).map(str::to_owned).collect()
}

fn slices(examples: &Examples, column: &str, rows: &[usize]) -> Result<Slices, TrainError> {
    let texts = examples.texts(&format!("{}{column}", columns::SLICE))?;
    let value = |row: usize| texts.is_valid(row).then(|| texts.value(row));
    let known: BTreeSet<Option<&str>> = rows.iter().map(|&row| value(row)).collect();
    let places: BTreeMap<Option<&str>, u32> = known.iter().copied().zip(0..).collect();
    Ok(Slices {
        codes: rows.iter().map(|&row| places[&value(row)]).collect(),
        values: known.into_iter().map(|value| value.map(str::to_owned)).collect(),
    })
}

fn instants(examples: &Examples, rows: &[usize]) -> Result<Vec<i64>, TrainError> {
    let unusable = |reason: String| TrainError::Column { name: columns::AT.to_owned(), reason };
    let column = cast(examples.column(columns::AT)?, &DataType::Int64).map_err(|error| unusable(error.to_string()))?;
    let column = column.as_primitive::<Int64Type>();
    Ok(rows.iter().map(|&row| column.value(row)).collect())
}
