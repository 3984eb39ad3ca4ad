//! What this runtime can do, asked before anything runs.

use mlsys_plan::{Derived, Expr, Features, Node, Observe, Operation, Plan, Source};

use crate::error::DataError;
use crate::expr::lower;
use crate::join::kernel;
use crate::sources::connector;

/// What the standard library declares and this runtime does not implement yet: kind and name, such as
/// `("connector", "csv")`. A plan that uses one of them is refused before it runs.
pub const NOT_YET: &[(&str, &str)] = &[];

/// Refuses a plan that uses a connector, aggregate or function which this runtime has no implementation of.
///
/// # Errors
/// One E0910 for each such use, with its name and line.
pub fn supports(plan: &Plan) -> Result<(), Vec<DataError>> {
    let mut errors: Vec<DataError> = plan.nodes.iter().flat_map(check).collect();
    errors.dedup();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn check(node: &Node) -> Vec<DataError> {
    let line = node.origin.line;
    let errors = match &node.operation {
        Operation::Source(source) => check_source(source),
        Operation::Features(features) => check_features(features),
        Operation::Observe(observe) => check_observe(observe),
        Operation::Join(_) | Operation::Train(_) | Operation::Deployment(_) | Operation::Monitor(_) => Vec::new(),
    };
    errors.into_iter().map(|error| error.at_line(line)).collect()
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
    errors
}

fn check_features(features: &Features) -> Vec<DataError> {
    let mut errors: Vec<DataError> = check_expr(&features.at).into_iter().collect();
    errors.extend(features.filter.as_ref().and_then(check_expr));
    for aggregate in &features.aggregates {
        errors.extend(kernel(aggregate).err());
        let parts = aggregate.argument.iter().chain(&aggregate.filter);
        errors.extend(parts.filter_map(check_expr).map(|error| error.at_line(aggregate.line)));
    }
    errors.extend(check_derived(&features.derived));
    errors
}

fn check_observe(observe: &Observe) -> Vec<DataError> {
    let own = [&observe.at, &observe.label.expr, &observe.label.known_at];
    let mut errors: Vec<DataError> = own.into_iter().chain(&observe.filter).filter_map(check_expr).collect();
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
