//! Models: observations, joined features, training and gates.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::expr::{Derived, Expr};
use crate::types::ValueType;
use crate::value::Call;

/// Names of the columns that an [`Observe`] node writes besides the model's own inputs.
pub mod columns {
    /// The observation's instant, a timestamp.
    pub const AT: &str = "__at";
    /// The label, as declared.
    pub const LABEL: &str = "__label";
    /// When the label became known, a timestamp that may be missing.
    pub const LABEL_KNOWN_AT: &str = "__label_known_at";
    /// Which part the example belongs to: the text of a [`super::Part`], or [`LEFT_OUT`].
    pub const PART: &str = "__part";
    /// The value of [`PART`] for an example whose label was not known in time.
    pub const LEFT_OUT: &str = "left_out";
    /// Prefix of a column that holds an entity key of the observation.
    pub const KEY: &str = "__key.";
    /// Prefix of a column by which metrics are sliced.
    pub const SLICE: &str = "__slice.";
}

/// The examples of a model: one row per observation, in the source's order.
///
/// Writes the columns of [`columns`] and the row inputs. An example whose time lies in a part but whose label was
/// not known before the part's end is marked left out: splits are honest replays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observe {
    /// The model's name.
    pub model: String,
    /// The observed source's name.
    pub source: String,
    /// The observation's instant.
    pub at: Expr,
    /// Which rows are examples; a null result leaves the row out.
    pub filter: Option<Expr>,
    /// What is predicted.
    pub label: Label,
    /// Entity keys of the observation by column name, written as `__key.NAME`.
    pub keys: Vec<Derived>,
    /// Columns by which metrics are sliced, written as `__slice.NAME`.
    pub slices: Vec<Derived>,
    /// Inputs computed from the observed row itself.
    pub inputs: Vec<Derived>,
    /// How examples are divided.
    pub split: TimeSplit,
}

/// What a model predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The label's name.
    pub name: String,
    /// The label's value.
    pub expr: Expr,
    /// When the label becomes known.
    pub known_at: Expr,
}

/// Boundaries in time, in microseconds since 1970. Training examples lie before `validate` (or before `test` when
/// there is no validation part), validation examples before `test`, test examples before `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSplit {
    /// Examples before this instant are not used.
    pub from: Option<i64>,
    /// Where the validation part begins.
    pub validate: Option<i64>,
    /// Where the test part begins.
    pub test: i64,
    /// Examples at or after this instant are not used.
    pub until: Option<i64>,
}

/// A part of the examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What the model learns from.
    Train,
    /// What early stopping and search look at.
    Validate,
    /// What the gates look at.
    Test,
}

impl Part {
    /// All parts, in order of time.
    pub const ALL: [Part; 3] = [Part::Train, Part::Validate, Part::Test];

    /// How the part is written in a program and in [`columns::PART`].
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validate => "validate",
            Part::Test => "test",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A group's features at every observation of a model: the point-in-time join.
///
/// Writes one column per feature, named `GROUP.FEATURE`, one row per observation in the observations' order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// The model's name.
    pub model: String,
    /// The group's name.
    pub group: String,
    /// Which observation column plays which key of the entity.
    pub keys: Vec<JoinKey>,
    /// The features that the model uses, in the model's order.
    pub features: Vec<String>,
}

/// The observation's column for a key of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinKey {
    /// The key's name in the entity.
    pub key: String,
    /// The column among the observation's keys, without its prefix.
    pub column: String,
}

/// The training of a model on its examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    /// The model's name.
    pub model: String,
    /// What kind of prediction is learnt.
    pub task: Task,
    /// The label's name.
    pub label: String,
    /// The inputs, in declared order; each is a column of the observations or of a join.
    pub inputs: Vec<ModelInput>,
    /// What fills a missing input.
    pub impute: Option<Impute>,
    /// The learner, such as `mlp(hidden: [128, 64], dropout: 0.1)`.
    pub learner: Call,
    /// How it is trained.
    pub training: Training,
    /// What a version must reach to be registered.
    pub gates: Vec<Gate>,
}

/// What kind of prediction a model makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The probability that a truth value holds.
    Binary,
}

impl Task {
    /// The task's name in messages and in the standard library.
    pub fn name(self) -> &'static str {
        match self {
            Task::Binary => "binary",
        }
    }
}

/// An input of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInput {
    /// The input's name, which is also its column's.
    pub name: String,
    /// The input's type.
    #[serde(flatten)]
    pub ty: ValueType,
}

/// What fills a missing input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Impute {
    /// How the filling is found.
    pub strategy: ImputeStrategy,
    /// Whether a further input says that the value was missing.
    pub indicator: bool,
}

/// How the filling for a missing input is found; fitted on the training part only.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImputeStrategy {
    /// The median of the values that are present.
    Median,
    /// The mean of the values that are present.
    Mean,
    /// A number given in the program.
    Constant(f64),
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// The optimiser, such as `adam(lr: 0.001)`.
    pub optimizer: Call,
    /// The largest number of passes over the training part.
    pub epochs: u32,
    /// Examples per step.
    pub batch: u32,
    /// When to stop before the last epoch.
    pub stop_early: Option<StopEarly>,
    /// The seed of every random choice.
    pub seed: u64,
}

/// Stops when a metric has not become better for a number of epochs; the best epoch's weights are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopEarly {
    /// Epochs without improvement before training stops.
    pub patience: u32,
    /// The part the metric is read on.
    pub part: Part,
    /// The metric.
    pub metric: Metric,
}

/// A number that says how good predictions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Area under the ROC curve, ties counted half (Mann-Whitney).
    Auc,
    /// Average precision: the step-wise area under the precision-recall curve.
    AveragePrecision,
    /// Mean negative log likelihood, natural logarithm.
    LogLoss,
    /// Share of examples whose class is right at a threshold of one half.
    Accuracy,
    /// Mean squared error of the probability.
    Brier,
}

impl Metric {
    /// Every metric, in the order they are reported.
    pub const ALL: [Metric; 5] =
        [Metric::Auc, Metric::AveragePrecision, Metric::LogLoss, Metric::Accuracy, Metric::Brier];

    /// How the metric is written in a program.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Auc => "auc",
            Metric::AveragePrecision => "average_precision",
            Metric::LogLoss => "log_loss",
            Metric::Accuracy => "accuracy",
            Metric::Brier => "brier",
        }
    }

    /// The metric of that name, if there is one.
    pub fn by_name(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Whether larger values are better.
    pub fn larger_is_better(self) -> bool {
        matches!(self, Metric::Auc | Metric::AveragePrecision | Metric::Accuracy)
    }
}

/// A condition that a version must meet to be registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The part the metric is read on.
    pub part: Part,
    /// The metric.
    pub metric: Metric,
    /// How metric and bound are compared.
    pub comparison: Comparison,
    /// The bound.
    pub bound: f64,
    /// Judge every slice of this column instead of the whole part.
    pub by: Option<String>,
    /// Slices with fewer rows are reported but not judged.
    pub min_rows: u64,
    /// The line of the clause, for messages; not part of the meaning.
    pub line: u32,
}

/// An order between two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// How the comparison is written in a program.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    /// Whether `left` stands in this order to `right`; never true of a NaN.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.part, self.metric.name())?;
        if let Some(column) = &self.by {
            write!(f, " by {column}")?;
        }
        write!(f, " {} {}", self.comparison.symbol(), self.bound)
    }
}
