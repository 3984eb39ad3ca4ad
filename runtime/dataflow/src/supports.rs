//! What this runtime can do, asked before anything runs.

use mlsys_plan::{Aggregate, Derived, Expr, Features, Node, NodeId, Observe, Operation, Plan, Source};

use crate::error::{Code, DataError};
use crate::expr::lower;
use crate::join::kernel;
use crate::observe::{Division, aggregate};
use crate::source::{MEASURES, supports_check};
use crate::sources::connector;

/// What the standard library declares and this runtime does not implement yet: kind and name, such as
/// `("connector", "csv")`. A plan that uses one of them is refused before it runs.
pub const NOT_YET: &[(&str, &str)] = &[("connector", "delta"), ("connector", "postgres")];

/// What this runtime implements of the standard library: kind and name, ordered.
pub fn implemented() -> Vec<(&'static str, &'static str)> {
    let kernels = mlsys_aggregates::kernels().iter().map(|kernel| ("aggregate", kernel.name()));
    let connectors = crate::sources::connector_names().map(|name| ("connector", name));
    let functions = crate::functions::function_names().map(|name| ("fn", name));
    let measures = MEASURES.into_iter().map(|name| ("quality", name));
    kernels
        .chain(connectors)
        .chain(functions)
        .chain(measures)
        .chain([("split", "folds"), ("split", "group"), ("split", "random"), ("split", "time")])
        .collect()
}

/// Refuses a plan of which this runtime cannot do some part that concerns rows, features or examples.
///
/// # Errors
/// One E0910 for each such use, with its name and line, and what can be used instead if there is something.
pub fn supports(plan: &Plan) -> Result<(), Vec<DataError>> {
    let mut errors: Vec<DataError> = plan.nodes.iter().flat_map(|node| supports_node(plan, node)).collect();
    errors.dedup();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// What of one node of a plan this runtime cannot do.
pub fn supports_node(plan: &Plan, node: &Node) -> Vec<DataError> {
    let line = node.origin.line;
    let looked_up = without_time(plan, node);
    let errors = match &node.operation {
        Operation::Source(source) => check_source(source),
        Operation::Features(features) => check_features(features),
        Operation::Observe(observe) => check_observe(observe),
        Operation::Join(_) | Operation::Train(_) | Operation::Deployment(_) | Operation::Monitor(_) => Vec::new(),
    };
    looked_up.into_iter().chain(errors).map(|error| error.at_line(line)).collect()
}

/// Lookups as of the time of rows that have none.
fn without_time(plan: &Plan, node: &Node) -> Vec<DataError> {
    let time = match &node.operation {
        Operation::Source(source) => &source.time,
        Operation::Features(features) => &features.time,
        Operation::Observe(observe) => &observe.time,
        _ => return Vec::new(),
    };
    if time.is_some() {
        return Vec::new();
    }
    let is_static = |table: &&str| {
        let found = plan.node(&NodeId::new("source", table)).map(|node| &node.operation);
        matches!(found, Some(Operation::Source(source)) if source.time.is_none())
    };
    let refusal = |table: &str| {
        let message = format!("`{table}` is looked up as of the time of a row, and these rows have none");
        DataError::new(Code::Unsupported, message).with_help("give the source that asks a `time`")
    };
    node.operation.lookups().into_iter().filter(|table| !is_static(table)).map(refusal).collect()
}

fn check_source(source: &Source) -> Vec<DataError> {
    let mut errors = Vec::new();
    let connected =
        connector(&source.connector).and_then(|connector| connector.check(&source.connector, &source.schema));
    errors.extend(connected.err());
    errors.extend(check_derived(&source.derived));
    errors.extend(source.known_at.iter().filter_map(|known| check_expr(&known.at)));
    for expectation in &source.expectations {
        errors.extend(check_expr(&expectation.predicate).map(|error| error.at_line(expectation.line)));
    }
    errors.extend(source.checks.iter().filter_map(|check| supports_check(source, check).err()));
    errors
}

fn check_features(features: &Features) -> Vec<DataError> {
    let mut errors: Vec<DataError> = check_expr(&features.at).into_iter().collect();
    errors.extend(features.filter.as_ref().and_then(check_expr));
    for aggregate in &features.aggregates {
        errors.extend(check_aggregate(aggregate).into_iter().map(|error| error.at_line(aggregate.line)));
    }
    errors.extend(check_derived(&features.derived));
    errors
}

fn check_aggregate(aggregate: &Aggregate) -> Vec<DataError> {
    let mut errors: Vec<DataError> = kernel(aggregate).err().into_iter().collect();
    errors.extend(aggregate.argument.iter().chain(&aggregate.filter).filter_map(check_expr));
    errors
}

fn check_observe(observe: &Observe) -> Vec<DataError> {
    let mut errors: Vec<DataError> = Division::of(observe).err().into_iter().collect();
    if let Some(label) = &observe.label {
        errors.extend(label.looks.iter().flat_map(|look| check_aggregate(&aggregate(look))));
        errors.extend([&label.expr, &label.known_at].into_iter().filter_map(check_expr));
    }
    errors.extend([&observe.group, &observe.debias].into_iter().flatten().filter_map(|one| check_expr(&one.expr)));
    errors
        .extend([&observe.at].into_iter().chain(&observe.filter).chain(&observe.feature_filter).filter_map(check_expr));
    for derived in [&observe.keys, &observe.slices, &observe.inputs] {
        errors.extend(check_derived(derived));
    }
    errors
}

fn check_derived(derived: &[Derived]) -> Vec<DataError> {
    derived.iter().filter_map(|derived| check_expr(&derived.expr)).collect()
}

fn check_expr(expr: &Expr) -> Option<DataError> {
    lower(expr).err()
}
