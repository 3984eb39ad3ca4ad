//! Heads: what a model's outputs mean, by the task. Fitted on the training part, stored with the model.

use std::collections::BTreeSet;

use mlsys_plan::{Call, Task, Train, Value};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::TrainError;
use crate::examples::Examples;
use crate::labels::{self, Labels};

/// The most classes of a label.
const MOST_CLASSES: usize = 10_000;

/// What the outputs of a model are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub(crate) enum Head {
    /// The logit that the label holds.
    Binary,
    /// A logit for each class.
    Multiclass { classes: Vec<String> },
    /// A standardised number.
    Regression { mean: f64, deviation: f64 },
    /// A standardised number for each quantile, in their order.
    Quantile { quantiles: Vec<f64>, mean: f64, deviation: f64 },
    /// How far up a row belongs among those of its group: a logit, or a grade.
    Ranking { graded: bool },
    /// The factors of a query, then those of a candidate.
    Retrieval,
    /// How badly a row is restored; rows above the threshold are alarms.
    Anomaly { threshold: f64 },
}

impl Head {
    /// The head of a training, fitted on the rows of its training part.
    pub(crate) fn fit(train: &Train, examples: &Examples, rows: &[usize]) -> Result<Self, TrainError> {
        Ok(match train.task {
            Task::Binary => Head::Binary,
            Task::Multiclass => Head::Multiclass { classes: classes(examples, rows)? },
            Task::Regression => {
                let (mean, deviation) = spread(&labels::numbers(examples, rows)?);
                Head::Regression { mean, deviation }
            }
            Task::Quantile => {
                let (mean, deviation) = spread(&labels::numbers(examples, rows)?);
                Head::Quantile { quantiles: quantiles(train.training.loss.as_ref())?, mean, deviation }
            }
            Task::Ranking => {
                let graded = labels::numbers(examples, rows)?.iter().any(|grade| *grade != 0.0 && *grade != 1.0);
                Head::Ranking { graded }
            }
            Task::Retrieval => Head::Retrieval,
            Task::Anomaly => Head::Anomaly { threshold: f64::INFINITY },
        })
    }

    /// The same head for what answers in the label's own unit: nothing is standardised.
    pub(crate) fn in_own_unit(self) -> Self {
        match self {
            Head::Regression { .. } => Head::Regression { mean: 0.0, deviation: 1.0 },
            Head::Quantile { quantiles, .. } => Head::Quantile { quantiles, mean: 0.0, deviation: 1.0 },
            other => other,
        }
    }

    /// How many numbers a network puts out for a row.
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Head::Binary | Head::Regression { .. } | Head::Ranking { .. } | Head::Anomaly { .. } => 1,
            Head::Multiclass { classes } => classes.len(),
            Head::Quantile { quantiles, .. } => quantiles.len(),
            Head::Retrieval => 2,
        }
    }

    /// How many numbers a judge is told of a row: what was predicted, or how many candidates stand above a row's own one and
    /// beside it.
    pub(crate) fn width(&self) -> usize {
        match self {
            Head::Retrieval => 2,
            head => head.outputs(),
        }
    }

    /// The task.
    pub(crate) fn task(&self) -> Task {
        match self {
            Head::Binary => Task::Binary,
            Head::Multiclass { .. } => Task::Multiclass,
            Head::Regression { .. } => Task::Regression,
            Head::Quantile { .. } => Task::Quantile,
            Head::Ranking { .. } => Task::Ranking,
            Head::Retrieval => Task::Retrieval,
            Head::Anomaly { .. } => Task::Anomaly,
        }
    }

    /// Whether examples have a label.
    pub(crate) fn is_labelled(&self) -> bool {
        is_labelled(self.task())
    }

    /// The loss where the program names none.
    pub(crate) fn usual_loss(&self) -> Call {
        let name = match self {
            Head::Binary | Head::Ranking { graded: false } => "binary_cross_entropy",
            Head::Multiclass { .. } => "cross_entropy",
            Head::Regression { .. } | Head::Ranking { graded: true } => "squared_error",
            Head::Quantile { .. } => "pinball",
            Head::Retrieval => "sampled_softmax",
            Head::Anomaly { .. } => "reconstruction",
        };
        Call { name: name.to_owned(), ..Call::default() }
    }

    /// The labels of some rows.
    pub(crate) fn labels(&self, examples: &Examples, rows: &[usize]) -> Result<Labels, TrainError> {
        match self {
            Head::Binary => labels::truths(examples, rows),
            Head::Multiclass { classes } => labels::classes(examples, rows, classes),
            Head::Regression { .. } | Head::Quantile { .. } => Ok(Labels::Numbers(labels::numbers(examples, rows)?)),
            Head::Ranking { .. } => Ok(Labels::Grades(labels::numbers(examples, rows)?)),
            Head::Retrieval | Head::Anomaly { .. } => Ok(Labels::None(rows.len())),
        }
    }

    /// What a network's outputs are held against: labels, standardised where outputs are.
    pub(crate) fn targets(&self, labels: &Labels) -> Result<Tensor, TrainError> {
        let numbers = Tensor::f_from_slice(&labels.numbers())?;
        Ok(match self {
            Head::Regression { mean, deviation } | Head::Quantile { mean, deviation, .. } => {
                (numbers - *mean) / *deviation
            }
            Head::Multiclass { .. } => numbers.to_kind(Kind::Int64),
            _ => numbers,
        })
    }

    /// Predictions from outputs, `rows × width`: probabilities, numbers, scores.
    pub(crate) fn predictions(&self, outputs: &Tensor) -> Result<Vec<f64>, TrainError> {
        let outputs = outputs.to_kind(Kind::Double);
        let predictions = match self {
            Head::Binary | Head::Ranking { graded: false } => outputs.sigmoid(),
            Head::Multiclass { .. } => outputs.softmax(1, Kind::Double),
            Head::Regression { mean, deviation } => outputs * *deviation + *mean,
            // Quantiles that cross are put in order: no other rearrangement is farther from the true ones
            // (Chernozhukov, Fernandez-Val and Galichon, 2010).
            Head::Quantile { mean, deviation, .. } => (outputs * *deviation + *mean).sort(1, false).0,
            Head::Ranking { graded: true } | Head::Anomaly { .. } => outputs,
            Head::Retrieval => {
                let half = outputs.size()[1] / 2;
                (outputs.narrow(1, 0, half) * outputs.narrow(1, half, half)).sum_dim_intlist(1, false, Kind::Double)
            }
        };
        Ok(Vec::<f64>::try_from(predictions.contiguous().view(-1))?)
    }
}

/// Whether examples of a task have a label.
pub(crate) fn is_labelled(task: Task) -> bool {
    !matches!(task, Task::Retrieval | Task::Anomaly)
}

/// The classes of the training part, ordered by name.
fn classes(examples: &Examples, rows: &[usize]) -> Result<Vec<String>, TrainError> {
    let texts = examples.texts(mlsys_plan::columns::LABEL)?;
    let found: BTreeSet<&str> = rows.iter().map(|&row| texts.value(row)).collect();
    if found.len() > MOST_CLASSES {
        let message = format!("the label has {} classes, at most {MOST_CLASSES} can be learnt", found.len());
        return Err(TrainError::NothingToLearn(message));
    }
    Ok(found.into_iter().map(str::to_owned).collect())
}

/// The quantiles that the loss names.
fn quantiles(loss: Option<&Call>) -> Result<Vec<f64>, TrainError> {
    let named = loss.and_then(|loss| loss.list("quantiles")).unwrap_or_default();
    let number = |value: &Value| match value {
        Value::Float(value) => Some(*value),
        _ => None,
    };
    let mut quantiles: Vec<f64> = named.iter().filter_map(number).collect();
    quantiles.sort_by(f64::total_cmp);
    quantiles.dedup();
    if quantiles.is_empty() || quantiles.iter().any(|quantile| !(*quantile > 0.0 && *quantile < 1.0)) {
        let message = "the quantiles of `pinball` must lie between 0 and 1, such as `[0.1, 0.5, 0.9]`";
        return Err(TrainError::Unsupported(message.to_owned()));
    }
    Ok(quantiles)
}

/// Mean and standard deviation; a deviation of one where all values are equal.
fn spread(values: &[f64]) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, if variance > 0.0 && variance.is_finite() { variance.sqrt() } else { 1.0 })
}
