//! What came of scoring, for people.

use mlsys_engine::{NodeOutcome, Outcome};
use serde_json::Value;

use super::summary::thousands;

/// Prints what a deployment has scored, if it did anything.
pub(super) fn print(node: &NodeOutcome) {
    let clauses = node.report.as_ref().and_then(|report| report.get("scoring")).and_then(Value::as_array);
    for clause in clauses.into_iter().flatten().filter(|_| node.outcome != Outcome::Current) {
        println!("{}", node.node);
        lines(clause).iter().for_each(|line| println!("  {line}"));
    }
}

fn lines(clause: &Value) -> Vec<String> {
    let number = |name: &str| clause.get(name).and_then(Value::as_u64).unwrap_or_default();
    let text = |name: &str| clause.get(name).and_then(Value::as_str).unwrap_or_default();
    let coverage = clause.get("coverage").and_then(Value::as_f64);
    let coverage = coverage.map(|share| format!(", coverage {:.2}%", share * 100.0)).unwrap_or_default();
    let version = clause.get("version").and_then(Value::as_i64);
    let version = version.map(|version| format!(" by {} version {version}", text("model"))).unwrap_or_default();
    let (scored, before) = (thousands(number("scored")), thousands(number("before")));
    let mut lines = vec![format!(
        "scored       {scored} rows of {}{version}{coverage}; {before} stand as they were",
        text("source")
    )];
    lines.extend(distribution(clause));
    let versions = clause.get("versions").and_then(Value::as_object).filter(|versions| versions.len() > 1);
    if let Some(versions) = versions {
        let count = |(version, rows): (&String, &Value)| {
            format!("version {version} {}", thousands(rows.as_u64().unwrap_or_default()))
        };
        lines.push(format!("versions     {}", versions.iter().map(count).collect::<Vec<_>>().join("  ")));
    }
    match clause.get("rejected").and_then(Value::as_str) {
        Some(folder) => lines.push(format!("rejected     the predictions are in {folder}; earlier ones stay")),
        None if clause.get("failure").is_some_and(Value::is_object) => {
            lines.push("not written  earlier predictions stay".to_owned());
        }
        None => lines.push(format!(
            "written to   {}: {} of {} files, {} predictions in all",
            text("into"),
            number("written"),
            number("files"),
            thousands(number("delivered"))
        )),
    }
    lines
}

/// The predictions in a line; none if there are none.
fn distribution(clause: &Value) -> Option<String> {
    let predictions = clause.get("predictions")?;
    let quantile = |name: &str| predictions.get("quantiles")?.get(name)?.as_f64();
    let figure = |name: &str| predictions.get(name)?.as_f64();
    let shown = [
        ("min", figure("min")),
        ("p05", quantile("p05")),
        ("p50", quantile("p50")),
        ("p95", quantile("p95")),
        ("max", figure("max")),
        ("mean", figure("mean")),
    ];
    let shown: Vec<String> =
        shown.into_iter().filter_map(|(name, value)| Some(format!("{name} {:.4}", value?))).collect();
    (!shown.is_empty()).then(|| format!("predictions  {}", shown.join("  ")))
}
