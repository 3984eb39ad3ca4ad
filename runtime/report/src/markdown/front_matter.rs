//! What stands before a model card, in YAML, as the Hugging Face Hub documents it
//! (<https://huggingface.co/docs/hub/model-cards> and `modelcard.md` of `huggingface/hub-docs`): the library, tags,
//! metrics, and under `model-index` the task, the data and the metrics' values.

use std::fmt::Write;

use mlsys_plan::Task;
use mlsys_training::Score;
use serde_json::Value;

use crate::card::Card;
use crate::reading::{judged, name_of};
use crate::{limits, shown};

/// What the Hub calls metrics that it has another name for; others keep theirs.
const NAMES: &[(&str, &str)] = &[("auc", "roc_auc"), ("brier", "brier_score"), ("r2", "r_squared")];

pub(super) fn write(card: &Card) -> String {
    let task = task(card.report.task);
    // Writing to a string cannot fail.
    let mut out = String::from("---\nlibrary_name: mlsys\n");
    if let Some(license) = &card.license {
        let _ = writeln!(out, "license: {}", scalar(license, limits::NAME));
    }
    if let Some(task) = task {
        let _ = writeln!(out, "pipeline_tag: {task}");
    }
    let _ = writeln!(out, "tags:\n- mlsys\n- {}", card.report.task.name());
    let scores: Vec<&Score> = judged(card).into_iter().flat_map(|(_, part)| &part.metrics.0).collect();
    let scores: Vec<&Score> =
        scores.into_iter().filter(|score| score.value.is_finite()).take(limits::METRICS).collect();
    if !scores.is_empty() {
        let mut kinds: Vec<&str> = scores.iter().map(|score| kind(score)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        out.push_str("metrics:\n");
        for kind in kinds {
            let _ = writeln!(out, "- {}", scalar(kind, limits::NAME));
        }
        index(&mut out, card, task, &scores);
    }
    out + "---\n"
}

/// The values, in the Hub's structure.
fn index(out: &mut String, card: &Card, task: Option<&str>, scores: &[&Score]) {
    let name = &scalar(&card.model, limits::NAME);
    let _ =
        writeln!(out, "model-index:\n- name: {name}\n  results:\n  - task:\n      type: {}", task.unwrap_or("other"));
    let sources: Vec<&str> = card.origin.sources.keys().map(String::as_str).take(limits::ALIASES).collect();
    let data = if sources.is_empty() { card.model.clone() } else { sources.join(", ") };
    let data = scalar(&data, limits::NAME);
    let _ = writeln!(out, "    dataset:\n      type: {data}\n      name: {data}");
    if let Some((part, _)) = judged(card) {
        let _ = writeln!(out, "      split: {part}");
    }
    if !card.origin.data.is_empty() {
        let _ = writeln!(out, "      revision: {}", scalar(&shown::fingerprint(&card.origin.data), limits::NAME));
    }
    out.push_str("    metrics:\n");
    for score in scores {
        let metric = scalar(&score.metric, limits::NAME);
        let kind = scalar(kind(score), limits::NAME);
        let _ = writeln!(out, "    - type: {kind}\n      value: {}\n      name: {metric}", number(score.value));
    }
}

/// The Hub's name for a task on tables, where it has one.
fn task(task: Task) -> Option<&'static str> {
    match task {
        Task::Binary | Task::Multiclass => Some("tabular-classification"),
        Task::Regression | Task::Quantile => Some("tabular-regression"),
        Task::Ranking | Task::Retrieval | Task::Anomaly => None,
    }
}

fn kind(score: &Score) -> &str {
    let name = name_of(&score.metric);
    NAMES.iter().find(|(own, _)| *own == name).map_or(name, |(_, of_hub)| of_hub)
}

/// A number that readers of YAML 1.1 and 1.2 take for one: with a point, and without an exponent.
fn number(value: f64) -> String {
    let text = value.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// A text in double quotes: what JSON writes is YAML, too.
fn scalar(text: &str, most: usize) -> String {
    Value::from(shown::text(text, most)).to_string()
}

#[cfg(test)]
mod tests {
    use super::{number, scalar};

    #[test]
    fn scalars_stay_on_their_line() {
        assert_eq!(scalar("a: b # c", 60), r#""a: b # c""#);
        assert_eq!(scalar("\"'\n- x\\", 60), r#""\"' - x\\""#);
    }

    #[test]
    fn numbers_have_a_point() {
        assert_eq!(
            (number(0.71754).as_str(), number(1e-7).as_str(), number(-3.0).as_str()),
            ("0.71754", "0.0000001", "-3.0")
        );
    }
}
