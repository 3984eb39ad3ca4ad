//! The plan: the versioned contract between compiler and runtime, and the only thing the two halves share.
//!
//! A plan is a directed acyclic graph of typed nodes with an expression tree of its own. It holds no Arrow,
//! DataFusion or libtorch type, and no text position is needed to run it; every node carries its [`Origin`]
//! so that a failure at run time can be shown at the user's own line.

mod expr;
mod features;
mod fingerprint;
mod model;
mod node;
mod serving;
mod source;
mod text;
mod training;
mod types;
mod value;

pub use expr::{BinaryOp, Derived, Expr, ExprKind, Literal, UnaryOp};
pub use features::{Aggregate, EntityKey, Features, Window};
pub use fingerprint::{Fingerprint, fingerprint};
pub use model::{
    Comparison, Gate, Impute, ImputeStrategy, Join, JoinKey, Label, Metric, ModelInput, Observe, Part, StopEarly, Task,
    TimeSplit, Train, Training, columns,
};
pub use node::{Node, NodeId, Operation, Origin, Plan, PlanError, VERSION};
pub use serving::{AbortRule, Canary, Deployment, Endpoint, Monitor, MonitorRule, ServingBudget};
pub use source::{Expectation, Field, KnownAt, OnViolation, Source};
pub use training::{
    EpochReport, InputReport, PartReport, SliceReport, TrainEvent, TrainJob, TrainReport, VersionMetrics,
};
pub use types::{Type, ValueType};
pub use value::{Call, Value};
