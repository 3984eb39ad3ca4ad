//! Models as text.

use std::fmt::{self, Write};

use super::data::call_arguments;
use super::{duration, instant};
use crate::model::{Impute, ImputeStrategy, Join, Label, LookAhead, Observe, Split, TimeSplit, Train, Tune};

pub(super) fn write_observe(out: &mut String, observe: &Observe) -> fmt::Result {
    writeln!(out, "  at {}", observe.at)?;
    if let Some(ticks) = &observe.every {
        let keys = ticks.keys.join(", ");
        writeln!(out, "  every {} for {} ({keys})", duration(ticks.interval), ticks.entity)?;
    }
    if let Some(filter) = &observe.filter {
        writeln!(out, "  where {filter}")?;
    }
    if let Some(filter) = &observe.feature_filter {
        writeln!(out, "  where features {filter}")?;
    }
    if let Some(label) = &observe.label {
        write_label(out, label)?;
    }
    for (word, column) in [("group", &observe.group), ("debias", &observe.debias)] {
        if let Some(column) = column {
            writeln!(out, "  {word} {}: {} = {}", column.name, column.expr.ty, column.expr)?;
        }
    }
    for key in &observe.keys {
        writeln!(out, "  key {}: {} = {}", key.name, key.expr.ty, key.expr)?;
    }
    for slice in &observe.slices {
        writeln!(out, "  slice {}: {} = {}", slice.name, slice.expr.ty, slice.expr)?;
    }
    for input in &observe.inputs {
        writeln!(out, "  input {}: {} = {}", input.name, input.expr.ty, input.expr)?;
    }
    writeln!(out, "  split {}", observe.split)
}

fn write_label(out: &mut String, label: &Label) -> fmt::Result {
    writeln!(out, "  label {}: {} = {} known at {}", label.name, label.expr.ty, label.expr, label.known_at)?;
    for look in &label.looks {
        writeln!(out, "  look ahead {}: {} = {}", look.name, look.ty, look_text(look))?;
    }
    Ok(())
}

fn look_text(look: &LookAhead) -> String {
    let arguments = call_arguments(look.argument.as_ref(), &look.args);
    let keys: Vec<String> = look.keys.iter().map(|key| format!("{}: {}", key.name, key.column)).collect();
    let filter = look.filter.as_ref().map(|filter| format!(" where {filter}")).unwrap_or_default();
    let (source, keys, width) = (&look.source, keys.join(", "), duration(look.width));
    format!("{}({arguments}) from {source} on ({keys}){filter} over next {width}", look.function)
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Split::Time(split) => f.write_str(&time_split_text(split)),
            Split::Other(call) => write!(f, "{call}"),
        }
    }
}

impl fmt::Display for Impute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.strategy {
            ImputeStrategy::Median => f.write_str("median")?,
            ImputeStrategy::Mean => f.write_str("mean")?,
            ImputeStrategy::Constant(value) => write!(f, "{value}")?,
        }
        f.write_str(if self.indicator { " with indicator" } else { "" })
    }
}

fn time_split_text(split: &TimeSplit) -> String {
    let named =
        [("from", split.from), ("validate", split.validate), ("test", Some(split.test)), ("until", split.until)];
    let parts: Vec<String> =
        named.into_iter().filter_map(|(name, at)| at.map(|at| format!("{name}: {}", instant(at)))).collect();
    format!("time({})", parts.join(", "))
}

pub(super) fn write_join(out: &mut String, join: &Join) -> fmt::Result {
    let keys: Vec<String> = join.keys.iter().map(|key| format!("{}: {}", key.key, key.column)).collect();
    let alias = join.alias.as_ref().map(|alias| format!(" as {alias}")).unwrap_or_default();
    writeln!(out, "  group {} on ({}){alias}", join.group, keys.join(", "))?;
    writeln!(out, "  features {}", join.features.join(", "))
}

pub(super) fn write_train(out: &mut String, train: &Train) -> fmt::Result {
    match &train.label {
        Some(label) => writeln!(out, "  task {} of {label}", train.task.name())?,
        None => writeln!(out, "  task {}", train.task.name())?,
    }
    for input in &train.inputs {
        let encoder = input.encoder.as_ref().map(|encoder| format!(" with {encoder}")).unwrap_or_default();
        writeln!(out, "  input {}: {}{encoder}", input.name, input.ty)?;
    }
    if let Some(impute) = &train.impute {
        writeln!(out, "  impute {impute}")?;
    }
    writeln!(out, "  learn {}", train.learner)?;
    write_training(out, train)?;
    if let Some(tune) = &train.tune {
        write_tune(out, tune)?;
    }
    if let Some(calibration) = &train.calibrate {
        writeln!(out, "  calibrate {calibration}")?;
    }
    for gate in &train.gates {
        writeln!(out, "  require {gate} (slices of at least {} rows)", gate.min_rows)?;
    }
    for behaviour in &train.behaviours {
        let hidden = if behaviour.hidden { ", values are not shown" } else { "" };
        writeln!(out, "  expect {behaviour} ({:?}{hidden})", behaviour.test)?;
    }
    Ok(())
}

fn write_training(out: &mut String, train: &Train) -> fmt::Result {
    let training = &train.training;
    writeln!(out, "  optimizer {}", training.optimizer)?;
    writeln!(out, "  epochs {} batch {} seed {}", training.epochs, training.batch, training.seed)?;
    if let Some(loss) = &training.loss {
        writeln!(out, "  loss {loss}")?;
    }
    for setting in &training.settings {
        writeln!(out, "  set {setting}")?;
    }
    if let Some(stop) = &training.stop_early {
        writeln!(out, "  stop_early patience {} on {}.{}", stop.patience, stop.part, stop.metric)?;
    }
    Ok(())
}

fn write_tune(out: &mut String, tune: &Tune) -> fmt::Result {
    let goal = if tune.maximize { "maximizing" } else { "minimizing" };
    writeln!(out, "  tune {} trials with {} {goal} {}.{}", tune.trials, tune.search, tune.part, tune.metric)?;
    for dimension in &tune.space {
        writeln!(out, "    {} in {}", dimension.name, dimension.space)?;
    }
    Ok(())
}
