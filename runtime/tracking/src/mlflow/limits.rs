//! The bounds of MLflow: what it refuses is cut or named otherwise, so that it can be seen
//! (`mlflow/utils/validation.py`; the REST documentation names the same or larger ones).

use serde_json::{Value, json};

/// Metrics of a request.
pub(super) const METRICS: usize = 1000;
/// Params, or tags, of a request.
pub(super) const PARAMS_OR_TAGS: usize = 100;
/// Bytes of a request, with room for what stands around its entries; MLflow takes a million.
const BYTES: usize = 900_000;
/// Characters of the name of a param, metric or tag.
const NAME: usize = 250;
/// Characters of a param's value.
const PARAM: usize = 6000;
/// Characters of a tag's value; all of MLflow's stores are said to take so many.
const TAG: usize = 5000;
/// Characters of the name of an experiment.
const EXPERIMENT: usize = 500;

/// What ends a text that was cut.
const CUT: &str = " … (cut)";

/// The tags that say which name a param or metric really has begin so.
const RENAMED: &str = "mlsys.name.";

/// Entries of a request, each small enough.
pub(super) fn batches(entries: Vec<Value>, most: usize) -> Vec<Vec<Value>> {
    let mut batches: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let size = entry.to_string().len() + 1;
        match batches.last_mut() {
            Some(batch) if batch.len() < most && bytes + size <= BYTES => {
                batch.push(entry);
                bytes += size;
            }
            _ => {
                batches.push(vec![entry]);
                bytes = size;
            }
        }
    }
    batches
}

pub(super) fn param(name: &str, value: &str) -> Value {
    json!({ "key": self::name(name), "value": cut(value, PARAM) })
}

pub(super) fn tag(name: &str, value: &str) -> Value {
    json!({ "key": self::name(name), "value": cut(value, TAG) })
}

/// A metric; `at` is in milliseconds since 1970.
pub(super) fn metric(name: &str, value: f64, at: i64, step: i64) -> Value {
    // JSON has no such numbers; protocol buffers read them from text.
    let value = match value {
        value if value.is_nan() => json!("NaN"),
        value if value.is_infinite() => json!(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        value => json!(value),
    };
    json!({ "key": self::name(name), "value": value, "timestamp": at, "step": step })
}

/// Tags that say which names were changed.
pub(super) fn renamed<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let changed = names.map(|original| (name(original), original)).filter(|(name, original)| name != original);
    changed.map(|(name, original)| renamed_to(&name, original)).collect()
}

/// A name that MLflow takes: letters, digits and `_ - . : /` and spaces. Anything else becomes `_`; so does a step of a path
/// that is empty or made of points only.
pub(super) fn name(name: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || "_-.:/ ".contains(letter) { letter } else { '_' };
    let mapped: String = name.chars().map(plain).collect();
    let steps = mapped.split('/').map(|step| if step.is_empty() || step == "." || step == ".." { "_" } else { step });
    let mapped = steps.collect::<Vec<_>>().join("/");
    match mapped.chars().count() {
        count if count > NAME => mapped.chars().take(NAME - 3).collect::<String>() + "...",
        _ => mapped,
    }
}

/// The name of a file among artefacts: a server refuses `#`, decodes `%` more than once, and takes `\` and `:` for parts of a
/// path on some systems.
pub(super) fn file(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() || "#%\\:".contains(letter) { '_' } else { letter }).collect()
}

/// A tag that says which name something really has.
pub(super) fn renamed_to(name: &str, original: &str) -> Value {
    tag(&format!("{RENAMED}{name}"), original)
}

/// A name for an experiment.
pub(super) fn experiment(program: &str) -> String {
    cut(program, EXPERIMENT)
}

/// An alias that MLflow takes: `latest` and `v1` mean something else there.
pub(super) fn alias(alias: &str) -> String {
    let digits = alias.strip_prefix(['v', 'V']).unwrap_or_default();
    let is_number = !digits.is_empty() && digits.chars().all(|letter| letter.is_ascii_digit());
    if alias.eq_ignore_ascii_case("latest") || is_number { format!("mlsys_{alias}") } else { alias.to_owned() }
}

/// A text of at most so many characters, with a mark where something is missing.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - CUT.chars().count()).collect();
    kept + CUT
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_are_refused_are_changed_and_told() {
        for (original, expected) in [
            ("validate.auc", "validate.auc"),
            ("test.ndcg(k: 10)", "test.ndcg_k: 10_"),
            ("encoder.größe", "encoder.größe"),
            ("a//b/../c", "a/_/b/_/c"),
            ("/", "_/_"),
            ("", "_"),
        ] {
            assert_eq!(name(original), expected);
        }
        let long = name(&"x".repeat(300));
        assert!(long.chars().count() == NAME && long.ends_with("..."));
        let told = renamed(["loss", "ndcg(k: 10)"].into_iter());
        assert_eq!(file("model/weights #1%20.bin"), "model/weights _1_20.bin");
        assert_eq!(told, [json!({ "key": "mlsys.name.ndcg_k: 10_", "value": "ndcg(k: 10)" })]);
    }

    #[test]
    fn long_values_are_cut_with_a_mark() {
        let value = param("learner.hidden", &"é".repeat(7000));
        let text = value["value"].as_str().unwrap();
        assert!(text.chars().count() == PARAM && text.ends_with("é … (cut)"));
        assert_eq!(param("a", &"x".repeat(PARAM))["value"], "x".repeat(PARAM));
    }

    #[test]
    fn requests_are_small_in_number_and_bytes() {
        let metrics: Vec<Value> = (0..2500).map(|step| metric("loss", 0.5, 1, step)).collect();
        let sizes: Vec<usize> = batches(metrics, METRICS).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1000, 1000, 500]);
        let params: Vec<Value> = (0..100).map(|each| param(&each.to_string(), &"語".repeat(6000))).collect();
        let batches = batches(params, PARAMS_OR_TAGS);
        assert!(batches.len() > 1 && batches.iter().all(|batch| json!(batch).to_string().len() < 1_000_000));
        assert_eq!(batches.concat().len(), 100);
    }

    #[test]
    fn numbers_that_json_lacks_are_text_and_reserved_aliases_are_others() {
        assert_eq!(metric("a", f64::NAN, 1, 0)["value"], "NaN");
        assert_eq!(metric("a", f64::NEG_INFINITY, 1, 0)["value"], "-Infinity");
        assert_eq!(
            ["champion", "latest", "v12", "v", "vx"].map(alias),
            ["champion", "mlsys_latest", "mlsys_v12", "v", "vx"]
        );
    }
}
