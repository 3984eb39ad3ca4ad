//! Models: observations, joined features, training and gates.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::expr::{Derived, Expr};
use crate::features::EntityKey;
use crate::types::ValueType;
use crate::value::{Call, Value};

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
    /// The number of the fold that an example is in, from 0, an int64; only where examples are divided into folds.
    pub const FOLD: &str = "__fold";
    /// Prefix of a column that holds an entity key of the observation.
    pub const KEY: &str = "__key.";
    /// Which examples are ranked together.
    pub const GROUP: &str = "__group";
    /// What is learnt with and served without.
    pub const DEBIAS: &str = "__debias";
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
    /// The column that holds the row's own time, as of which other tables are looked up; none where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Observations at regular instants instead of at rows: the latest row of each entity then is the observed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Ticks>,
    /// Which rows are examples; a null result leaves the row out.
    pub filter: Option<Expr>,
    /// Which examples count, on features named `GROUP.FEATURE`; evaluated after the joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_filter: Option<Expr>,
    /// What is predicted; none where nothing is (retrieval, anomalies).
    pub label: Option<Label>,
    /// Which examples are ranked together, written as `__group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Derived>,
    /// What is learnt with and served without, written as `__debias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debias: Option<Derived>,
    /// Entity keys of the observation by column name, written as `__key.NAME`.
    pub keys: Vec<Derived>,
    /// Columns by which metrics are sliced, written as `__slice.NAME`.
    pub slices: Vec<Derived>,
    /// Inputs computed from the observed row itself.
    pub inputs: Vec<Derived>,
    /// How examples are divided.
    pub split: Split,
}

impl Observe {
    /// Every expression of the examples.
    pub fn exprs(&self) -> Vec<&Expr> {
        let label = self.label.iter().flat_map(|label| {
            let looks = label.looks.iter().flat_map(LookAhead::exprs);
            [&label.expr, &label.known_at].into_iter().chain(looks)
        });
        let columns = [&self.keys, &self.slices, &self.inputs].into_iter().flatten();
        let beside = self.group.iter().chain(&self.debias).chain(columns).map(|column| &column.expr);
        let filters = self.filter.iter().chain(&self.feature_filter);
        std::iter::once(&self.at).chain(filters).chain(label).chain(beside).collect()
    }
}

/// Observations of every entity at regular instants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticks {
    /// The time between two instants, in microseconds; instants are whole multiples of it since 1970.
    pub interval: i64,
    /// The entity.
    pub entity: String,
    /// The columns of the source that hold the entity's keys.
    pub keys: Vec<String>,
}

/// What a model predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The label's name.
    pub name: String,
    /// The label's value, on the observed row's columns and on `looks`.
    pub expr: Expr,
    /// When the label becomes known.
    pub known_at: Expr,
    /// Aggregates over what follows the observation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<LookAhead>,
}

/// An aggregate over an entity's rows with `t < time <= t + width`, where `t` is the observation's instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookAhead {
    /// The name under which the label reads it.
    pub name: String,
    /// The source's name.
    pub source: String,
    /// The entity's keys and the source columns that hold them.
    pub keys: Vec<EntityKey>,
    /// The aggregate's name in the language.
    pub function: String,
    /// What is aggregated; none counts rows.
    pub argument: Option<Expr>,
    /// The aggregate's constant arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Value>,
    /// Which rows count; a null result leaves the row out.
    pub filter: Option<Expr>,
    /// How far it looks, in microseconds.
    pub width: i64,
    /// The type of the result.
    #[serde(flatten)]
    pub ty: ValueType,
}

impl LookAhead {
    /// What is looked at of each row, and which rows count.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.argument.iter().chain(&self.filter)
    }
}

/// How examples are divided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// By the observation's instant.
    Time(TimeSplit),
    /// By another rule, such as `random(test: 0.2)`; arguments as the library declares them.
    Other(Call),
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
    /// The name under which the features enter, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
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
    /// The label's name; none where nothing is predicted.
    pub label: Option<String>,
    /// The inputs, in declared order; each is a column of the observations or of a join.
    pub inputs: Vec<ModelInput>,
    /// What fills a missing input.
    pub impute: Option<Impute>,
    /// The learner, such as `mlp(hidden: [128, 64], dropout: 0.1)`.
    pub learner: Call,
    /// How it is trained.
    pub training: Training,
    /// What is searched before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tune: Option<Tune>,
    /// How probabilities are put right on the validation part, such as `isotonic()`; none where they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<Call>,
    /// What a version must reach to be registered.
    pub gates: Vec<Gate>,
    /// How a version must behave to be registered: the expectations of the model's tests, in the program's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behaviours: Vec<Behaviour>,
}

/// What kind of prediction a model makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The probability that a truth value holds.
    Binary,
    /// The probability of each of several classes.
    Multiclass,
    /// A number.
    Regression,
    /// Quantiles of a number.
    Quantile,
    /// The order of the examples of a group.
    Ranking,
    /// Which candidates belong to a query.
    Retrieval,
    /// How unusual an example is.
    Anomaly,
}

impl Task {
    /// The task's name in messages and in the standard library.
    pub fn name(self) -> &'static str {
        match self {
            Task::Binary => "binary",
            Task::Multiclass => "multiclass",
            Task::Regression => "regression",
            Task::Quantile => "quantile",
            Task::Ranking => "ranking",
            Task::Retrieval => "retrieval",
            Task::Anomaly => "anomaly",
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
    /// How it becomes numbers, such as `quantile(landmarks: 1000)`; none for the usual way of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Call>,
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
    /// What is made small, such as `binary_cross_entropy(positive_weight: 1.0)`; none for the task's usual loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Call>,
    /// When to stop before the last epoch.
    pub stop_early: Option<StopEarly>,
    /// The seed of every random choice.
    pub seed: u64,
    /// Further settings by name, each with its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Call>,
}

/// A search over arguments and settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tune {
    /// How many combinations are tried.
    pub trials: u32,
    /// How they are chosen, such as `tpe()`.
    pub search: Call,
    /// Whether the metric is to become large.
    pub maximize: bool,
    /// The part the metric is read on.
    pub part: Part,
    /// The metric.
    pub metric: Call,
    /// What is searched.
    pub space: Vec<Dimension>,
}

/// A value that is searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// The name of the argument or setting.
    pub name: String,
    /// Whose argument it is.
    pub of: Tuned,
    /// The values it may take: `log(low, high)`, `uniform(low, high)`, `integer(low, high)`, or `choice(of: […])`.
    pub space: Call,
}

/// Where a searched value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tuned {
    /// An argument of the learner.
    Learner,
    /// An argument of the optimiser.
    Optimizer,
    /// A setting of `train`.
    Setting,
}

/// Stops when a metric has not become better for a number of epochs; the best epoch's weights are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopEarly {
    /// Epochs without improvement before training stops.
    pub patience: u32,
    /// The part the metric is read on.
    pub part: Part,
    /// The metric.
    pub metric: Call,
}

/// A condition that a version must meet to be registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The part the metric is read on.
    pub part: Part,
    /// The metric with its arguments.
    pub metric: Call,
    /// The length of time the metric is counted per, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<i64>,
    /// How metric and bound are compared.
    pub comparison: Comparison,
    /// The bound.
    pub bound: Bound,
    /// Judge every slice of this column instead of the whole part.
    pub by: Option<String>,
    /// Slices with fewer rows are reported but not judged.
    pub min_rows: u64,
    /// The line of the clause, for messages; not part of the meaning.
    pub line: u32,
}

/// What a metric is held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// A number.
    Number(f64),
    /// The same metric of the production version on the same rows. A gate with it holds while there is none.
    Champion,
    /// The same metric of an input taken as the prediction.
    Baseline(String),
    /// The sum of two bounds.
    Sum(Box<Bound>, Box<Bound>),
    /// The difference of two bounds.
    Difference(Box<Bound>, Box<Bound>),
    /// The product of two bounds.
    Product(Box<Bound>, Box<Bound>),
    /// The ratio of two bounds.
    Ratio(Box<Bound>, Box<Bound>),
}

impl Bound {
    /// The bound as a number; `value` gives the metric of the champion and of baselines, none where there is none.
    pub fn evaluate(&self, value: &impl Fn(&Bound) -> Option<f64>) -> Option<f64> {
        let both = |left: &Bound, right: &Bound| Some((left.evaluate(value)?, right.evaluate(value)?));
        match self {
            Bound::Number(number) => Some(*number),
            Bound::Champion | Bound::Baseline(_) => value(self),
            Bound::Sum(left, right) => both(left, right).map(|(left, right)| left + right),
            Bound::Difference(left, right) => both(left, right).map(|(left, right)| left - right),
            Bound::Product(left, right) => both(left, right).map(|(left, right)| left * right),
            Bound::Ratio(left, right) => both(left, right).map(|(left, right)| left / right),
        }
    }

    /// What it is made of: numbers, the champion and baselines.
    fn parts(&self) -> Vec<&Bound> {
        match self {
            Bound::Number(_) | Bound::Champion | Bound::Baseline(_) => vec![self],
            Bound::Sum(left, right)
            | Bound::Difference(left, right)
            | Bound::Product(left, right)
            | Bound::Ratio(left, right) => [left.parts(), right.parts()].concat(),
        }
    }

    /// Whether the champion is a part of it.
    pub fn names_champion(&self) -> bool {
        self.parts().into_iter().any(|part| matches!(part, Bound::Champion))
    }

    /// The inputs that it takes as the prediction.
    pub fn baselines(&self) -> impl Iterator<Item = &str> {
        self.parts().into_iter().filter_map(|part| match part {
            Bound::Baseline(input) => Some(input.as_str()),
            _ => None,
        })
    }

    /// The number, if the bound is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Bound::Number(number) => Some(*number),
            _ => None,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Number(number) => write!(f, "{number}"),
            Bound::Champion => f.write_str("champion"),
            Bound::Baseline(input) => write!(f, "baseline({input})"),
            Bound::Sum(left, right) => write!(f, "{left} + {right}"),
            Bound::Difference(left, right) => write!(f, "{left} - {right}"),
            Bound::Product(left, right) => write!(f, "{left} * {right}"),
            Bound::Ratio(left, right) => write!(f, "{left} / {right}"),
        }
    }
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

impl Gate {
    /// The metric as it is written: with the length of time that it is counted per.
    pub fn metric_name(&self) -> String {
        match self.per {
            Some(per) => format!("{} per {}", self.metric, crate::text::duration(per)),
            None => self.metric.to_string(),
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.part, self.metric_name())?;
        if let Some(column) = &self.by {
            write!(f, " by {column}")?;
        }
        write!(f, " {} {}", self.comparison.symbol(), self.bound)
    }
}
