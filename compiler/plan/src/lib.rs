//! The plan: the versioned contract between compiler and runtime, and the only thing the two halves share.
//!
//! A plan is a directed acyclic graph of typed nodes with an expression tree of its own. It holds no Arrow,
//! DataFusion or libtorch type, and no text position is needed to run it; every node carries its [`Origin`]
//! so that a failure at run time can be shown at the user's own line.

mod behaviour;
mod expr;
mod features;
mod fingerprint;
mod model;
mod node;
mod serving;
mod source;
mod test;
mod text;
mod types;
mod value;

pub use behaviour::{Behaviour, Relation};
pub use expr::{BinaryOp, Derived, Expr, ExprKind, Literal, UnaryOp};
pub use features::{Aggregate, EntityKey, Features, Window};
pub use fingerprint::{Fingerprint, fingerprint};
pub use model::{
    Bound, Comparison, Dimension, Gate, Impute, ImputeStrategy, Join, JoinKey, Label, LookAhead, ModelInput, Observe,
    Part, Split, StopEarly, Task, Ticks, TimeSplit, Train, Training, Tune, Tuned, columns,
};
pub use node::{Node, NodeId, Operation, Origin, Plan, PlanError, VERSION};
pub use serving::{
    Ab, AbortRule, Bandit, BlueGreen, Canary, Clock, Deployment, Endpoint, Fallback, Monitor, MonitorCondition,
    MonitorRule, Outcome, RateLimit, Rollout, Scoring, ServingBudget, Stage, Variant,
};
pub use source::{Check, Expectation, Field, KnownAt, OnViolation, Source, TableCheck};
pub use test::{ExpectedFeatures, GivenRows, TestCase};
pub use types::{Type, ValueType};
pub use value::{Call, Value};
