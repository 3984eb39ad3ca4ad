//! Deployments and monitors.

use mlsys_diagnostics::Span;

use super::{Allow, Argument, Call, Expr, Name, Spanned};

/// A deployment.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Deployment {
    /// Its name.
    pub name: Name,
    /// `model name`
    pub model: Vec<Name>,
    /// `stage name keep n`
    pub stages: Vec<Stage>,
    /// `serve transport(…)`
    pub serve: Vec<Call>,
    /// `score …`
    pub score: Vec<Score>,
    /// `export format(…)`
    pub export: Vec<Call>,
    /// `budget p99 20ms`
    pub budget: Vec<(Name, Spanned<i64>)>,
    /// `fresh within 1h`
    pub fresh: Vec<Spanned<i64>>,
    /// `cache 60s`
    pub cache: Vec<Spanned<i64>>,
    /// `batch(max: 64)`: the keyword and the arguments
    pub batch: Vec<(Name, Vec<Argument>)>,
    /// `fallback value`
    pub fallback: Vec<Expr>,
    /// `limit 2000/s`
    pub limit: Vec<Spanned<Rate>>,
    /// `auth api_key(…)`
    pub auth: Vec<Expr>,
    /// `explain shap(…)`
    pub explain: Vec<Expr>,
    /// `expect condition`
    pub expect: Vec<Expr>,
    /// `shadow model@alias`
    pub shadow: Vec<Variant>,
    /// `canary { … }`, `ab { … }`, `bandit { … }`, `blue_green { … }`
    pub rollouts: Vec<Rollout>,
    /// `log predictions sample 10%`
    pub log: Vec<Log>,
    /// `allow pii because "…"`
    pub allow: Vec<Allow>,
}

/// `stage model keep n`
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The model.
    pub model: Name,
    /// How many candidates it hands on.
    pub keep: Spanned<i64>,
}

/// `score source every 1d at monday 02:00 into parquet(…) where condition`
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The source whose rows are scored; none for the model's own observations.
    pub source: Option<Name>,
    /// Whether rows are scored as they come.
    pub stream: bool,
    /// The time between two runs, in microseconds.
    pub every: Option<Spanned<i64>>,
    /// When a run begins.
    pub at: Option<Clock>,
    /// Where predictions go.
    pub into: Option<Call>,
    /// Which predictions are written.
    pub filter: Option<Expr>,
    /// The whole clause.
    pub span: Span,
}

/// `monday 06:00`
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// The day of the week.
    pub day: Option<Name>,
    /// Minutes since midnight, UTC; none if there is no such time of day.
    pub minute: Option<i64>,
    /// The time of day as it is written.
    pub span: Span,
}

/// `2000/s`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: i64,
    /// In how many microseconds.
    pub per: i64,
}

/// `model@alias`
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The model.
    pub model: Name,
    /// The alias of the version; none for the production version.
    pub alias: Option<Name>,
    /// All of it.
    pub span: Span,
}

/// How a new version takes over, or versions share requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Which form.
    pub kind: RolloutKind,
    /// The keyword.
    pub span: Span,
    /// `steps […]`
    pub steps: Vec<Expr>,
    /// `hold d`
    pub hold: Vec<Spanned<i64>>,
    /// `abort when …`
    pub abort: Vec<Expr>,
    /// `arms […]`: the keyword and the arms
    pub arms: Vec<(Span, Vec<Arm>)>,
    /// `by column`
    pub by: Vec<Name>,
    /// `reward column`
    pub reward: Vec<Name>,
    /// `policy call`
    pub policy: Vec<Call>,
}

/// The forms of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutKind {
    /// A growing share of requests.
    Canary,
    /// Fixed shares, compared.
    Ab,
    /// Shares that follow a reward.
    Bandit,
    /// All requests at once, the old version kept for a while.
    BlueGreen,
}

/// `model@alias: 50%`
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// The version.
    pub variant: Variant,
    /// Its share of requests.
    pub share: Option<Expr>,
}

/// `log predictions sample 10%`
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// What is logged.
    pub what: Name,
    /// The share that is kept.
    pub sample: Option<Expr>,
}

/// A monitor.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Monitor {
    /// Its name.
    pub name: Name,
    /// `watch deployment`
    pub watch: Vec<Name>,
    /// `outcome source where condition`
    pub outcome: Vec<Outcome>,
    /// `when condition over window then action`
    pub when: Vec<When>,
}

/// `outcome source where condition`
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The source whose rows bring the label.
    pub source: Name,
    /// Which of its rows do.
    pub filter: Option<Expr>,
}

/// `when condition over window for n windows then action`
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// The condition.
    pub condition: Expr,
    /// The window in microseconds.
    pub over: Option<Spanned<i64>>,
    /// For how many windows in a row the condition must hold.
    pub windows: Option<Spanned<i64>>,
    /// The action's name.
    pub action: Name,
    /// What the action is done to: a declaration or a call.
    pub target: Expr,
    /// The whole clause.
    pub span: Span,
}

impl RolloutKind {
    /// The keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            RolloutKind::Canary => "canary",
            RolloutKind::Ab => "ab",
            RolloutKind::Bandit => "bandit",
            RolloutKind::BlueGreen => "blue_green",
        }
    }
}
