//! The plan as text for people and for golden tests: deterministic, without ids, hashes or absolute paths.

use std::fmt::{self, Write};

use crate::features::{Aggregate, Features};
use crate::model::{ImputeStrategy, Join, Observe, TimeSplit, Train};
use crate::node::{Node, Operation, Plan};
use crate::serving::{Deployment, Monitor};
use crate::source::Source;

impl Plan {
    /// The plan as indented text, one block a node.
    pub fn to_text(&self) -> String {
        let mut out = format!("plan {} (version {})\n", self.program, self.version);
        for node in &self.nodes {
            // Writing to a string cannot fail.
            let _ = write_node(&mut out, node);
        }
        out
    }
}

fn write_node(out: &mut String, node: &Node) -> fmt::Result {
    write!(out, "\n{}", node.id)?;
    if !node.inputs.is_empty() {
        let inputs: Vec<&str> = node.inputs.iter().map(super::node::NodeId::as_str).collect();
        write!(out, " <- {}", inputs.join(", "))?;
    }
    writeln!(out, "    // {}:{}", node.origin.file, node.origin.line)?;
    match &node.operation {
        Operation::Source(source) => write_source(out, source),
        Operation::Features(features) => write_features(out, features),
        Operation::Observe(observe) => write_observe(out, observe),
        Operation::Join(join) => write_join(out, join),
        Operation::Train(train) => write_train(out, train),
        Operation::Deployment(deployment) => write_deployment(out, deployment),
        Operation::Monitor(monitor) => write_monitor(out, monitor),
    }
}

fn write_source(out: &mut String, source: &Source) -> fmt::Result {
    writeln!(out, "  from {}", source.connector)?;
    for field in &source.schema {
        writeln!(out, "  column {}: {}", field.name, field.ty)?;
    }
    for derived in &source.derived {
        writeln!(out, "  derive {}: {} = {}", derived.name, derived.expr.ty, derived.expr)?;
    }
    if let Some(time) = &source.time {
        writeln!(out, "  time {time}")?;
    }
    if !source.key.is_empty() {
        writeln!(out, "  key {}", source.key.join(", "))?;
    }
    for known in &source.known_at {
        writeln!(out, "  known {} at {}", known.column, known.at)?;
    }
    for expectation in &source.expectations {
        writeln!(out, "  expect {} else {}", expectation.predicate, expectation.on_violation.name())?;
    }
    Ok(())
}

fn write_features(out: &mut String, features: &Features) -> fmt::Result {
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
    Ok(())
}

fn aggregate_text(aggregate: &Aggregate) -> String {
    let argument = aggregate.argument.as_ref().map(ToString::to_string).unwrap_or_default();
    let filter = aggregate.filter.as_ref().map(|filter| format!(" where {filter}")).unwrap_or_default();
    format!("{}({argument}){filter} over {}", aggregate.function, aggregate.window)
}

fn write_observe(out: &mut String, observe: &Observe) -> fmt::Result {
    writeln!(out, "  at {}", observe.at)?;
    if let Some(filter) = &observe.filter {
        writeln!(out, "  where {filter}")?;
    }
    let label = &observe.label;
    writeln!(out, "  label {}: {} = {} known at {}", label.name, label.expr.ty, label.expr, label.known_at)?;
    for key in &observe.keys {
        writeln!(out, "  key {}: {} = {}", key.name, key.expr.ty, key.expr)?;
    }
    for slice in &observe.slices {
        writeln!(out, "  slice {}: {} = {}", slice.name, slice.expr.ty, slice.expr)?;
    }
    for input in &observe.inputs {
        writeln!(out, "  input {}: {} = {}", input.name, input.expr.ty, input.expr)?;
    }
    writeln!(out, "  split {}", split_text(&observe.split))
}

fn split_text(split: &TimeSplit) -> String {
    let named =
        [("from", split.from), ("validate", split.validate), ("test", Some(split.test)), ("until", split.until)];
    let parts: Vec<String> =
        named.into_iter().filter_map(|(name, at)| at.map(|at| format!("{name}: {}", instant(at)))).collect();
    format!("time({})", parts.join(", "))
}

fn write_join(out: &mut String, join: &Join) -> fmt::Result {
    let keys: Vec<String> = join.keys.iter().map(|key| format!("{}: {}", key.key, key.column)).collect();
    writeln!(out, "  group {} on ({})", join.group, keys.join(", "))?;
    writeln!(out, "  features {}", join.features.join(", "))
}

fn write_train(out: &mut String, train: &Train) -> fmt::Result {
    writeln!(out, "  task {} of {}", train.task.name(), train.label)?;
    for input in &train.inputs {
        writeln!(out, "  input {}: {}", input.name, input.ty)?;
    }
    if let Some(impute) = &train.impute {
        let strategy = match impute.strategy {
            ImputeStrategy::Median => "median".to_owned(),
            ImputeStrategy::Mean => "mean".to_owned(),
            ImputeStrategy::Constant(value) => value.to_string(),
        };
        writeln!(out, "  impute {strategy}{}", if impute.indicator { " with indicator" } else { "" })?;
    }
    writeln!(out, "  learn {}", train.learner)?;
    let training = &train.training;
    writeln!(out, "  optimizer {}", training.optimizer)?;
    writeln!(out, "  epochs {} batch {} seed {}", training.epochs, training.batch, training.seed)?;
    if let Some(stop) = &training.stop_early {
        writeln!(out, "  stop_early patience {} on {}.{}", stop.patience, stop.part, stop.metric.name())?;
    }
    for gate in &train.gates {
        writeln!(out, "  require {gate} (slices of at least {} rows)", gate.min_rows)?;
    }
    Ok(())
}

fn write_deployment(out: &mut String, deployment: &Deployment) -> fmt::Result {
    writeln!(out, "  model {}", deployment.model)?;
    for endpoint in &deployment.endpoints {
        writeln!(out, "  serve {}", endpoint.transport)?;
    }
    for field in &deployment.request {
        writeln!(out, "  request {}: {}", field.name, field.ty)?;
    }
    if !deployment.groups.is_empty() {
        writeln!(out, "  look up {}", deployment.groups.join(", "))?;
    }
    if let Some(budget) = &deployment.budget {
        writeln!(out, "  budget {} {}", budget.quantile, duration(budget.latency))?;
    }
    if let Some(cache) = deployment.cache {
        writeln!(out, "  cache {}", duration(cache))?;
    }
    if let Some(fallback) = deployment.fallback {
        writeln!(out, "  fallback {fallback}")?;
    }
    if let Some(canary) = &deployment.canary {
        writeln!(out, "  canary steps {:?} hold {}", canary.steps, duration(canary.hold))?;
        for rule in &canary.abort {
            writeln!(out, "  abort when {} {} {}", rule.metric, rule.comparison.symbol(), rule.bound)?;
        }
    }
    if deployment.log_predictions {
        writeln!(out, "  log predictions")?;
    }
    Ok(())
}

fn write_monitor(out: &mut String, monitor: &Monitor) -> fmt::Result {
    writeln!(out, "  watch {}", monitor.deployment)?;
    for rule in &monitor.rules {
        let inputs = if rule.inputs.is_empty() { String::new() } else { format!("({})", rule.inputs.join(", ")) };
        let over = rule.over.map(|over| format!(" over {}", duration(over))).unwrap_or_default();
        let (metric, symbol) = (&rule.metric, rule.comparison.symbol());
        writeln!(out, "  when {metric}{inputs} {symbol} {}{over} then {}", rule.bound, rule.action)?;
    }
    Ok(())
}

/// A duration as the language writes it: the largest unit that divides it.
pub(crate) fn duration(micros: i64) -> String {
    const UNITS: [(&str, i64); 6] =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];
    if micros == 0 {
        return "0s".to_owned();
    }
    let whole = UNITS.iter().find(|(_, size)| micros % size == 0);
    whole.map_or_else(|| format!("{micros}us"), |(unit, size)| format!("{}{unit}", micros / size))
}

/// An instant as the language writes it: `@2013-09-01` at midnight, otherwise with the time of day in UTC.
pub(crate) fn instant(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    let (days, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let date = civil(days);
    if rest == 0 {
        return format!("@{date}");
    }
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("@{date}T{:02}:{:02}:{:02}{fraction}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A day as the language writes it.
pub(crate) fn day(days: i32) -> String {
    format!("@{}", civil(i64::from(days)))
}

/// Days since 1970-01-01 as a date of the proleptic Gregorian calendar
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn civil(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
