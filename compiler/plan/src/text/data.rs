//! Sources and features as text.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::duration;
use crate::expr::Expr;
use crate::features::{Aggregate, Features};
use crate::source::{Check, Source};
use crate::value::Value;

pub(super) fn write_source(out: &mut String, source: &Source) -> fmt::Result {
    writeln!(out, "  from {}", source.connector)?;
    if let Some(stream) = &source.stream {
        writeln!(out, "  stream {stream}")?;
    }
    for field in &source.schema {
        let pii = if field.pii { " pii" } else { "" };
        let default = field.default.as_ref().map(|value| format!(" = {value}")).unwrap_or_default();
        writeln!(out, "  column {}: {}{pii}{default}", field.name, field.ty)?;
    }
    for derived in &source.derived {
        writeln!(out, "  derive {}: {} = {}", derived.name, derived.expr.ty, derived.expr)?;
    }
    if let Some(time) = &source.time {
        let lateness = source.lateness.map(|late| format!(" lateness {}", duration(late))).unwrap_or_default();
        writeln!(out, "  time {time}{lateness}")?;
    }
    if !source.key.is_empty() {
        writeln!(out, "  key {}", source.key.join(", "))?;
    }
    if let Some(retention) = source.retention {
        writeln!(out, "  retention {}", duration(retention))?;
    }
    for known in &source.known_at {
        writeln!(out, "  known {} at {}", known.column, known.at)?;
    }
    for expectation in &source.expectations {
        writeln!(out, "  expect {} else {}", expectation.predicate, expectation.on_violation.name())?;
    }
    for check in &source.checks {
        writeln!(out, "  expect {} else {}", check_text(&check.check), check.on_violation.name())?;
    }
    Ok(())
}

fn check_text(check: &Check) -> String {
    match check {
        Check::Unique(columns) => format!("unique({})", columns.join(", ")),
        Check::Fresh(within) => format!("fresh within {}", duration(*within)),
        Check::Rows(low, high) => format!("rows between {low} and {high}"),
        Check::Measure { measure, column, comparison, bound, over } => {
            let over = over.map(|over| format!(" over {}", duration(over))).unwrap_or_default();
            format!("{measure}({column}) {} {bound}{over}", comparison.symbol())
        }
    }
}

pub(super) fn write_features(out: &mut String, features: &Features) -> fmt::Result {
    let keys: Vec<String> = features.keys.iter().map(|key| format!("{}: {}", key.name, key.column)).collect();
    writeln!(out, "  for {} ({})", features.entity, keys.join(", "))?;
    writeln!(out, "  at {}", features.at)?;
    if let Some(filter) = &features.filter {
        writeln!(out, "  where {filter}")?;
    }
    if !features.order.is_empty() {
        writeln!(out, "  order {}", features.order.join(", "))?;
    }
    for aggregate in &features.aggregates {
        writeln!(out, "  {}: {} = {}", aggregate.name, aggregate.ty, aggregate_text(aggregate))?;
    }
    for derived in &features.derived {
        writeln!(out, "  {}: {} = {}", derived.name, derived.expr.ty, derived.expr)?;
    }
    if let Some(refresh) = features.refresh {
        writeln!(out, "  refresh every {}", duration(refresh))?;
    }
    Ok(())
}

fn aggregate_text(aggregate: &Aggregate) -> String {
    let arguments = call_arguments(aggregate.argument.as_ref(), &aggregate.args);
    let filter = aggregate.filter.as_ref().map(|filter| format!(" where {filter}")).unwrap_or_default();
    let step = aggregate.step.map(|step| format!(" step {}", duration(step))).unwrap_or_default();
    let offset = match aggregate.offset {
        0 => String::new(),
        offset => format!(" offset {}", duration(offset)),
    };
    format!("{}({arguments}){filter} over {}{step}{offset}", aggregate.function, aggregate.window)
}

/// What stands between an aggregate's brackets.
pub(super) fn call_arguments(argument: Option<&Expr>, args: &BTreeMap<String, Value>) -> String {
    let argument = argument.map(ToString::to_string);
    let named = args.iter().map(|(name, value)| format!("{name}: {value}"));
    argument.into_iter().chain(named).collect::<Vec<_>>().join(", ")
}
