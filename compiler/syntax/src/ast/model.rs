//! Models.

use mlsys_diagnostics::Span;

use super::{Argument, BinaryOp, Call, Definition, Expr, Name, Spanned};

/// A model.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Model {
    /// Its name.
    pub name: Name,
    /// `observe …`
    pub observe: Vec<Observe>,
    /// `label name = expr`
    pub label: Vec<Label>,
    /// The members of `inputs`.
    pub inputs: Vec<Input>,
    /// The span of the `inputs` keyword, if the block is there.
    pub inputs_span: Option<Span>,
    /// `group column`
    pub group: Vec<Name>,
    /// `debias column`
    pub debias: Vec<Name>,
    /// `impute strategy with indicator`
    pub impute: Vec<Impute>,
    /// `encode input, group.* with encoder(…)`
    pub encode: Vec<Encode>,
    /// `split time(…)`
    pub split: Vec<Call>,
    /// `learn learner(…)`
    pub learn: Vec<Call>,
    /// The members of `train`.
    pub train: Vec<Setting>,
    /// `tune n trials …`
    pub tune: Vec<Tune>,
    /// `calibrate method`
    pub calibrate: Vec<Expr>,
    /// `require metric op bound`
    pub require: Vec<Require>,
}

/// `observe source at time where filter`, `observe every d for entity in source where filter`
#[derive(Clone, Debug, PartialEq)]
pub struct Observe {
    /// What is observed.
    pub observed: Observed,
    /// The source.
    pub source: Name,
    /// Which rows are observed.
    pub filter: Option<Expr>,
}

/// What an example stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// A row, as of a time; its own if none is written.
    Rows(Option<Expr>),
    /// An entity at every tick.
    Ticks {
        /// The time between two ticks, in microseconds.
        every: Spanned<i64>,
        /// The entity.
        entity: Name,
    },
}

/// `label name = expr`
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The label's name, where it is given.
    pub name: Option<Name>,
    /// The label's value.
    pub value: Expr,
}

/// A member of `inputs`.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// `name = expr`
    Definition(Definition, Option<Allow>),
    /// A column of the observed row.
    Column(Name, Option<Allow>),
    /// Features of a group.
    Group(GroupInput),
    /// Something that could not be read.
    Broken(Name),
}

/// `group[key].{a, b} as name`
#[derive(Clone, Debug, PartialEq)]
pub struct GroupInput {
    /// The group.
    pub group: Name,
    /// The entity's keys, where they are not the columns of the same names.
    pub keys: Vec<Expr>,
    /// The features; none for all of them.
    pub features: Option<Vec<Name>>,
    /// The name under which the features enter.
    pub alias: Option<Name>,
    /// Leave to use personal data.
    pub allow: Option<Allow>,
    /// The whole member.
    pub span: Span,
}

/// `allow pii because "reason"`
#[derive(Clone, Debug, PartialEq)]
pub struct Allow {
    /// The reason as it is written.
    pub reason: String,
    /// The whole clause.
    pub span: Span,
}

/// `impute strategy with indicator`
#[derive(Clone, Debug, PartialEq)]
pub struct Impute {
    /// A strategy's name or a number.
    pub strategy: Expr,
    /// Whether missing values are marked.
    pub indicator: bool,
}

/// `encode input, group.* with encoder(…)`
#[derive(Clone, Debug, PartialEq)]
pub struct Encode {
    /// The inputs.
    pub inputs: Vec<Encoded>,
    /// The encoder, a name or a call.
    pub encoder: Expr,
}

/// An input of an `encode` clause: `amount`, `spend.total`, `spend.*`.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// The input, or the group.
    pub name: Name,
    /// Which features of the group; none for an input of its own.
    pub of_group: Option<OfGroup>,
    /// The whole path.
    pub span: Span,
}

/// Which features of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum OfGroup {
    /// `.*`
    Every,
    /// `.name`
    One(Name),
}

/// A setting of `train`: `epochs 20`, `optimizer adam(…)`, `stop_early(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The setting's name.
    pub name: Name,
    /// Its value.
    pub value: SettingValue,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// One value.
    Value(Expr),
    /// Named arguments.
    Arguments(Vec<Argument>),
}

/// `tune n trials with search maximizing part.metric { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Tune {
    /// The number of trials.
    pub trials: Spanned<i64>,
    /// How trials are chosen.
    pub search: Option<Expr>,
    /// Whether the metric is to become large.
    pub maximize: bool,
    /// What is made large or small.
    pub metric: Metric,
    /// What is searched.
    pub members: Vec<TuneMember>,
    /// The whole clause.
    pub span: Span,
}

/// `x in space`
#[derive(Clone, Debug, PartialEq)]
pub struct TuneMember {
    /// The argument or setting.
    pub name: Name,
    /// The values it may take.
    pub space: Expr,
}

/// `part.metric(arguments) per d`
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The part of the examples.
    pub part: Name,
    /// The metric.
    pub name: Name,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// The length of time it is counted per, in microseconds.
    pub per: Option<Spanned<i64>>,
    /// All of it.
    pub span: Span,
}

/// `require metric by column min n op bound`
#[derive(Clone, Debug, PartialEq)]
pub struct Require {
    /// What is measured.
    pub metric: Metric,
    /// The column of the slices.
    pub by: Option<Name>,
    /// The smallest slice that is judged.
    pub min: Option<i64>,
    /// What it must reach.
    pub bound: Bound,
    /// The whole clause.
    pub span: Span,
}

/// What a metric is held against.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// `>= bound`
    Compare(BinaryOp, Expr),
    /// `between low and high`
    Between(Expr, Expr),
}
