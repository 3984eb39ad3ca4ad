//! Which clauses a run executes, and what of them it cannot do.

use std::path::PathBuf;

use mlsys_dataflow::Format;
use mlsys_plan::{Call, Deployment, Node, NodeId, Operation, Plan, Scoring, Task};

use super::IMPLEMENTED;
use crate::error::RunError;
use crate::supports::refuse;

/// Where predictions go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder that gets a file for each piece.
    Folder(PathBuf),
    /// One file, replaced as a whole.
    File(PathBuf),
}

/// Whether a run scores this clause: rows that are there already, by one model, into files.
pub(crate) fn is_executed(deployment: &Deployment, scoring: &Scoring) -> bool {
    !scoring.stream && deployment.stages.len() == 1 && IMPLEMENTED.contains(&("sink", &scoring.into.name))
}

/// The form in which a sink takes tables.
pub(super) fn format(sink: &Call) -> Format {
    if sink.name == "csv" { Format::Csv } else { Format::Parquet }
}

/// Where a sink is, as the program says: a path with the extension of its form is a file, any other one a folder.
pub(super) fn place(sink: &Call) -> Place {
    let written = sink.string("path").unwrap_or_default();
    let path = PathBuf::from(written);
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let is_file = !written.ends_with('/') && extension.is_some_and(|found| found == format(sink).extension());
    if is_file { Place::File(path) } else { Place::Folder(path) }
}

/// Refuses what a clause that is executed asks for and a run cannot do.
pub(crate) fn supports(plan: &Plan, node: &Node, deployment: &Deployment) -> Vec<RunError> {
    let executed: Vec<&Scoring> =
        deployment.scoring.iter().filter(|scoring| is_executed(deployment, scoring)).collect();
    if executed.is_empty() {
        return Vec::new();
    }
    let mut errors: Vec<RunError> = executed.iter().flat_map(|scoring| check(plan, deployment, scoring)).collect();
    for expectation in deployment.expectations.iter().filter(|each| each.metric != "coverage") {
        let what = format!("hold scored rows against `expect {}`", expectation.metric);
        errors.push(refuse(&what, "expect `coverage` of them, and let a monitor watch the rest"));
    }
    errors.into_iter().map(|error| error.of(node)).collect()
}

fn check(plan: &Plan, deployment: &Deployment, scoring: &Scoring) -> Vec<RunError> {
    let mut errors = Vec::new();
    let train = plan.node(&NodeId::new("train", deployment.model())).map(|node| &node.operation);
    if matches!(train, Some(Operation::Train(train)) if train.task == Task::Retrieval) {
        let what = "score rows by a model that retrieves";
        errors.push(refuse(what, "score them by a model with a `label`, which says how good each is"));
    }
    let mut quantile = false;
    if let Some(filter) = &scoring.filter {
        filter.visit_columns(&mut |name| quantile |= name.starts_with("prediction.quantile"));
    }
    if quantile {
        let what = "choose predictions by a `quantile` of the training part";
        errors.push(refuse(what, "write the bound as a number: `where prediction > 0.9`"));
    }
    let observe = plan.node(&NodeId::new("observe", deployment.model())).map(|node| &node.operation);
    let (Some(Operation::Observe(observe)), Some(name)) = (observe, &scoring.source) else { return errors };
    if observe.source == *name {
        return errors;
    }
    let source = plan.node(&NodeId::new("source", name)).map(|node| &node.operation);
    if observe.every.is_some() {
        let what = format!("score `{name}` by a model that observes entities of `{}` every so often", observe.source);
        errors.push(refuse(&what, "leave the source out: `score every …`"));
    } else if matches!(source, Some(Operation::Source(source)) if source.time.is_none()) {
        errors.push(refuse(&format!("score `{name}`, whose rows have no time"), "give the source a `time`"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use mlsys_plan::{Call, Value};
    use std::collections::BTreeMap;

    use super::{Place, place};

    #[test]
    fn a_path_with_the_extension_of_its_form_is_a_file() {
        let of = |name: &str, path: &str| {
            let args = BTreeMap::from([("path".to_owned(), Value::String(path.to_owned()))]);
            place(&Call { name: name.to_owned(), args })
        };
        assert_eq!(of("parquet", "out/scores"), Place::Folder("out/scores".into()));
        assert_eq!(of("parquet", "out/scores.parquet"), Place::File("out/scores.parquet".into()));
        assert_eq!(of("csv", "out/scores.CSV"), Place::File("out/scores.CSV".into()));
        assert_eq!(of("csv", "out/scores.csv/"), Place::Folder("out/scores.csv/".into()));
        assert_eq!(of("csv", "/data/v1.2"), Place::Folder("/data/v1.2".into()));
    }
}
