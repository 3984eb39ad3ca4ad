//! The summary of a run, for people.

use mlsys_engine::{BehaviourResult, FoldReport, GateResult, ModelOutcome, NodeOutcome, Outcome, Summary};
use mlsys_plan::{Comparison, Part};
use serde_json::Value;

use super::progress::short;
use super::{behaviours, scoring};

/// How many metrics of a part are shown; `mlsysc models show` has all.
const SHOWN: usize = 5;

/// Prints what came of a run.
pub(super) fn print(summary: &Summary) {
    for node in &summary.nodes {
        quality(node);
        explanation(node);
    }
    for model in &summary.models {
        model_outcome(model);
    }
    summary.nodes.iter().for_each(scoring::print);
    if !summary.not_executed.is_empty() {
        println!("not executed by a run: {}", summary.not_executed.join(", "));
    }
    if let Some(warning) = summary.tracking.as_ref().and_then(|tracking| tracking.warning.as_ref()) {
        println!("warning: {warning}");
    }
    let count = |wanted: fn(&Outcome) -> bool| summary.nodes.iter().filter(|node| wanted(&node.outcome)).count();
    let done = count(|outcome| *outcome == Outcome::Done);
    let current = count(|outcome| *outcome == Outcome::Current);
    let fetched = count(|outcome| *outcome == Outcome::Fetched);
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Skipped(_) | Outcome::PassedOver(_)));
    if summary.nothing_to_do() {
        println!("nothing to do: all {current} nodes are current ({:.2} s)", summary.seconds);
    } else {
        let failed = if failed > 0 { format!(", {failed} not done") } else { String::new() };
        let nodes = if done == 1 { "node" } else { "nodes" };
        let fetched = if fetched > 0 { format!(", {fetched} fetched from the store") } else { String::new() };
        println!("{done} {nodes} done{fetched}, {current} were current{failed} ({:.1} s)", summary.seconds);
    }
}

/// What a source's checks found, if they found anything.
fn quality(node: &NodeOutcome) {
    let Some(report) = &node.report else { return };
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
    if node.outcome == Outcome::Done && report.get("rows_read").is_some() {
        let some = |name: &str, what: &str| match number(report, name) {
            0 => String::new(),
            count => format!(", {} {what}", thousands(count)),
        };
        let duplicates = some("duplicates", "replaced by later rows of the same key");
        let versions = some("replaced", "replaced from a later time on");
        let (kept, read) = (number(report, "rows_written"), number(report, "rows_read"));
        println!("{}: {} of {} rows kept{duplicates}{versions}", node.node, thousands(kept), thousands(read));
    }
    for check in report.get("checks").and_then(Value::as_array).into_iter().flatten() {
        let violations = number(check, "violations");
        if violations > 0 {
            let text = |name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default();
            let done = match text("action") {
                "warn" => "kept",
                "drop" => "dropped",
                _ => "quarantined",
            };
            let rows = if violations == 1 {
                "1 row violates".to_owned()
            } else {
                format!("{} rows violate", thousands(violations))
            };
            let predicate = text("text");
            let predicate = predicate.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(predicate);
            println!("  {rows} `{predicate}` (line {}): {done}", number(check, "line"));
        }
    }
    for check in report.get("table_checks").and_then(Value::as_array).into_iter().flatten() {
        if check.get("holds").and_then(Value::as_bool) == Some(false) {
            let text = |name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default();
            println!("  `{}` (line {}) does not hold: {}", text("text"), number(check, "line"), text("found"));
        }
    }
    if let Some(path) = &node.quarantine {
        println!("  quarantined rows are in {}", path.display());
    }
}

/// How the node ran, where that was asked for.
fn explanation(node: &NodeOutcome) {
    let text = node.report.as_ref().and_then(|report| report.get("explain")).and_then(Value::as_str);
    if let Some(text) = text.filter(|_| node.outcome == Outcome::Done) {
        println!("{}: {:.3} s", node.node, node.seconds);
        text.lines().for_each(|line| println!("  {line}"));
    }
}

fn model_outcome(model: &ModelOutcome) {
    let report = &model.report;
    let rows = |part: Part| report.parts.get(&part).map(|part| part.rows).unwrap_or_default();
    println!("\nmodel {}", model.model);
    if report.folds.is_empty() {
        println!(
            "  examples  {} train, {} validate, {} test; {} left out, their labels were not known in time",
            thousands(rows(Part::Train)),
            thousands(rows(Part::Validate)),
            thousands(rows(Part::Test)),
            thousands(report.left_out)
        );
    } else {
        println!(
            "  examples  {} in {} folds; {} left out, they have no label",
            thousands(rows(Part::Test)),
            report.folds.len(),
            thousands(report.left_out)
        );
    }
    println!(
        "  training  best epoch {} of {}, {} parameters, {:.1} s",
        report.best_epoch,
        report.epochs.len(),
        thousands(report.parameters),
        report.seconds
    );
    if let Some(best) = report.best_trial {
        let failed = report.trials.iter().filter(|trial| trial.failure.is_some()).count();
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let values = report.trials.iter().find(|trial| trial.trial == best).map(|trial| &trial.values);
        let values: Vec<String> =
            values.into_iter().flatten().map(|(name, value)| format!("{name} {}", short(value))).collect();
        println!("  search    best trial {best} of {}{failed}: {}", report.trials.len(), values.join("  "));
    }
    for part in [Part::Validate, Part::Test] {
        let scores = report.parts.get(&part).into_iter().flat_map(|part| &part.metrics.0);
        let shown = scores.take(SHOWN).map(|score| format!("{} {:.4}", score.metric, score.value));
        let shown: Vec<String> = shown.collect();
        if !shown.is_empty() {
            println!("  {:<8}  {}", part.name(), shown.join("  "));
        }
    }
    folds(&report.folds);
    gates(&model.gates);
    tests(&model.behaviours);
    match (model.version, model.fresh) {
        (Some(version), true) => println!("  version {version} is registered and is the champion\n"),
        (Some(version), false) => println!("  version {version} is the champion\n"),
        (None, _) => println!("  not registered: {}\n", missed(model)),
    }
}

/// Why a version is not registered.
fn missed(model: &ModelOutcome) -> &'static str {
    let gate = model.gates.iter().any(|gate| gate.judged && !gate.met);
    let test = model.behaviours.iter().any(|test| !test.met);
    match (gate, test) {
        (true, true) => "a gate was not met, and a test failed",
        (false, true) => "a test failed",
        _ => "a gate was not met",
    }
}

/// One line a test's expectation, and of those that do not hold the worst example.
fn tests(results: &[BehaviourResult]) {
    for result in results {
        println!("  test      {}", behaviours::line(result));
        if !result.met {
            println!("            {}", behaviours::worst(result));
        }
    }
}

/// The range of the first metrics over the folds.
fn folds(folds: &[FoldReport]) {
    let Some(first) = folds.first() else { return };
    let range = |metric: &str| {
        let values = folds.iter().filter_map(|fold| fold.metrics.get(metric));
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (value.min(low), value.max(high)));
        format!("{metric} {low:.4} to {high:.4}")
    };
    let shown: Vec<String> = first.metrics.0.iter().take(SHOWN).map(|score| range(&score.metric)).collect();
    println!("  folds     {}", shown.join("  "));
}

/// One line a gate; slices are summed up, those that fail are named.
fn gates(results: &[GateResult]) {
    for group in results.chunk_by(|left, right| left.gate == right.gate) {
        let Some(first) = group.first() else { continue };
        let judged: Vec<&GateResult> = group.iter().filter(|result| result.judged).collect();
        let missed: Vec<&&GateResult> = judged.iter().filter(|result| !result.met).collect();
        let mark = if missed.is_empty() { "met   " } else { "MISSED" };
        let reached = if first.gate.by.is_none() {
            format!("reached {}", value(first))
        } else {
            let worst = judged.iter().min_by(|left, right| {
                let key = |result: &GateResult| result.value.unwrap_or(f64::NAN);
                let order = key(left).total_cmp(&key(right));
                let larger = matches!(first.gate.comparison, Comparison::Greater | Comparison::GreaterOrEqual);
                if larger { order } else { order.reverse() }
            });
            let worst = worst.map(|worst| format!(", worst {} {}", slice(worst), value(worst))).unwrap_or_default();
            let small = group.len() - judged.len();
            let small = if small > 0 { format!(", {small} too small to judge") } else { String::new() };
            format!("{} of {} slices{worst}{small}", judged.len() - missed.len(), judged.len())
        };
        let bound = match (first.gate.bound.as_number(), first.bound) {
            (None, Some(bound)) if first.gate.by.is_none() => format!(", the bound is {bound:.4}"),
            _ => String::new(),
        };
        let note = first.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        println!("  gate      {mark}  {}: {reached}{bound}{note}", first.gate);
        for result in missed.iter().filter(|result| result.slice.is_some()) {
            println!("            {:>20}  {}  ({} rows)", slice(result), value(result), thousands(result.rows));
        }
    }
}

fn slice(result: &GateResult) -> &str {
    result.slice.as_deref().unwrap_or_default()
}

fn value(result: &GateResult) -> String {
    result.value.map_or_else(|| "nothing (not defined on these rows)".to_owned(), |value| format!("{value:.4}"))
}

/// A count with its digits in groups of three.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
