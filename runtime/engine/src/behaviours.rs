//! Tests of a model: how the predictions of what was learnt follow its inputs.

use std::path::Path;

use mlsys_plan::{Behaviour, Fingerprint, NodeId};
use mlsys_store::State;
use mlsys_training::{BehaveJob, BehaviourReport, BehaviourResult, GateResult, Seen};
use serde_json::Value;

use crate::champion::Asked;
use crate::error::RunError;
use crate::steps::REPORT;
use crate::worker::{self, Task};

/// Every expectation of the model's tests against what is seen of a trained model in its folder; what was seen before is not
/// looked at again.
///
/// # Errors
/// The state folder cannot be used, or the worker failed or was lost.
pub(crate) async fn behaviours(
    asked: &Asked<'_>,
    learnt: &Path,
    state: &State,
) -> Result<Vec<BehaviourResult>, RunError> {
    let expected = &asked.train.behaviours;
    if expected.is_empty() {
        return Ok(Vec::new());
    }
    let seen = seen(asked, learnt, state).await.map_err(|error| error.of(asked.node))?;
    if seen.len() != expected.len() {
        return Err(RunError::internal(format!("{} of {} expectations were looked at", seen.len(), expected.len())));
    }
    Ok(expected.iter().cloned().zip(seen).map(|(behaviour, seen)| result(behaviour, seen)).collect())
}

/// What the registry keeps of a version's gates: their results, and behind them those of tests.
///
/// # Errors
/// A number is not finite.
pub(crate) fn kept(gates: &[GateResult], behaviours: &[BehaviourResult]) -> Result<Value, RunError> {
    let gates = gates.iter().map(serde_json::to_value);
    let behaviours = behaviours.iter().map(serde_json::to_value);
    Ok(Value::Array(gates.chain(behaviours).collect::<Result<_, _>>()?))
}

fn result(behaviour: Behaviour, seen: Seen) -> BehaviourResult {
    let met = seen.share().is_some_and(|share| share >= behaviour.share);
    BehaviourResult { behaviour, seen, met }
}

async fn seen(asked: &Asked<'_>, learnt: &Path, state: &State) -> Result<Vec<Seen>, RunError> {
    let slot = state.slot(&NodeId::new("behaviours", &asked.train.model), &key(asked)?);
    if !slot.is_current() {
        let draft = slot.draft()?;
        let job = BehaveJob {
            train: asked.train.clone(),
            examples: asked.examples.clone(),
            model: learnt.to_owned(),
            output: draft.file(REPORT),
            threads: asked.options.threads,
        };
        draft.write("job.json", &job)?;
        worker::work(Task::Behave, &asked.options.worker, &draft.file("job.json"), asked.node, asked.observer).await?;
        draft.publish()?;
    }
    let report: BehaviourReport = slot.read(REPORT)?;
    Ok(report.seen)
}

/// What was learnt, and what is seen of it: what a test is called, where it stands, and how many comparisons must hold is
/// nothing that a worker looks at.
fn key(asked: &Asked<'_>) -> Result<Fingerprint, RunError> {
    let looked_at = |behaviour: &Behaviour| {
        let Behaviour { relation, input, tolerance, hidden, .. } = behaviour;
        serde_json::to_string(&(relation, input, tolerance, hidden))
    };
    let mut lines = vec![asked.fingerprint.to_string()];
    for behaviour in &asked.train.behaviours {
        lines.push(looked_at(behaviour)?);
    }
    Ok(Fingerprint::of(lines.join("\n").as_bytes()))
}

#[cfg(test)]
mod tests {
    use mlsys_plan::{Behaviour, Origin, Relation};
    use mlsys_training::Seen;

    use super::result;

    fn met(share: f64, held: u64, compared: u64) -> bool {
        let origin = Origin { file: "fraud.mlsys".to_owned(), line: 3, name: "test \"toy\"".to_owned() };
        let (test, input) = ("toy".to_owned(), "amount".to_owned());
        let relation = Relation::Rising;
        let behaviour = Behaviour { test, origin, relation, input, tolerance: 0.0, share, hidden: false };
        result(behaviour, Seen { examples: compared, compared, held, worst: None }).met
    }

    #[test]
    fn a_share_that_is_met_exactly_is_met() {
        assert!(met(1.0, 300, 300) && !met(1.0, 299, 300));
        // 0.07 * 100 is more than 7 in binary fractions.
        assert!(met(0.07, 7, 100) && !met(0.07, 6, 100));
        assert!(met(0.95, 285, 300) && !met(0.95, 284, 300));
    }

    #[test]
    fn a_test_that_compared_nothing_has_failed() {
        assert!(!met(0.01, 0, 0));
    }
}
