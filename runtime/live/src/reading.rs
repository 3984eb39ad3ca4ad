//! The inputs of a model for requests: the request's own, and what entities come to at that moment.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use mlsys_dataflow::{Dataflow, LiveExamples};
use mlsys_online::{Asked, Keys};
use mlsys_plan::{Features, Field, Join, Observe, Operation, Plan};

use crate::error::LiveError;
use crate::live::{Live, group_of, source_of};

/// Makes a model's inputs of requests.
pub struct Reading {
    examples: LiveExamples,
    joins: Vec<(Join, Features)>,
}

/// A model's inputs.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The columns of a training's examples but for label and part, one row for each request.
    pub rows: RecordBatch,
    /// The features among them, by the names that a training has for them.
    pub features: RecordBatch,
}

impl Reading {
    /// What makes the inputs of a model of requests with these columns.
    ///
    /// # Errors
    /// The plan has no such model, or an expression of it cannot be evaluated on requests.
    pub fn new(plan: &Plan, dataflow: &Dataflow, model: &str, request: &[Field]) -> Result<Self, LiveError> {
        let observe = observe_of(plan, model).ok_or_else(|| LiveError::Missing(format!("model `{model}`")))?;
        let source = source_of(plan, &observe.source)
            .ok_or_else(|| LiveError::Missing(format!("source `{}`", observe.source)))?;
        let examples = dataflow.live_examples(source, observe, request)?;
        let joins = plan.nodes.iter().filter_map(|node| match &node.operation {
            Operation::Join(join) if join.model == model => Some(join),
            _ => None,
        });
        let joins = joins.map(|join| {
            let features = group_of(plan, &join.group);
            let features = features.ok_or_else(|| LiveError::Missing(format!("group `{}`", join.group)))?;
            Ok((join.clone(), features.clone()))
        });
        Ok(Reading { examples, joins: joins.collect::<Result<_, LiveError>>()? })
    }

    /// The groups that it reads.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.joins.iter().map(|(join, _)| join.group.as_str())
    }

    /// The inputs for requests that are asked `now`, in microseconds since 1970. Each group is looked for in the first of
    /// the states that has it; a state is asked once.
    ///
    /// # Errors
    /// No state has a group; a moment is asked for that has been forgotten; the store does not answer; an expression
    /// fails on a value.
    pub async fn inputs(&self, states: &[Arc<Live>], requests: &RecordBatch, now: i64) -> Result<Inputs, LiveError> {
        let asked = self.examples.asked(requests, now)?;
        let moments = asked.at.as_primitive::<TimestampMicrosecondType>().values().to_vec();
        let mut found: Vec<Option<RecordBatch>> = vec![None; self.joins.len()];
        for state in states {
            let mut here = Vec::new();
            for (place, (join, features)) in self.joins.iter().enumerate() {
                let Some(member) = state.member(&join.group).filter(|_| found[place].is_none()) else { continue };
                let layout = state.groups().groups()[member.number].layout();
                here.push((place, member, Keys::new(layout.keys(), &asked.keys(join, features)?)?));
            }
            if here.is_empty() {
                continue;
            }
            let questions: Vec<Asked<'_>> = here
                .iter()
                .map(|(_, member, keys)| Asked { group: member.number, keys, moments: &moments })
                .collect();
            let answers = state.groups().features(&questions).await?;
            for ((place, member, _), sought) in here.iter().zip(answers) {
                found[*place] = Some(member.group.features(&sought, &asked.at)?);
            }
        }
        let mut joined = Vec::with_capacity(found.len());
        for ((join, _), features) in self.joins.iter().zip(found) {
            let features = features.ok_or_else(|| LiveError::Missing(format!("state of `{}`", join.group)))?;
            joined.push((join, features));
        }
        let rows = asked.inputs(&joined)?;
        let own = rows.num_columns() - joined.iter().map(|(join, _)| join.features.len()).sum::<usize>();
        let features = rows.project(&(own..rows.num_columns()).collect::<Vec<_>>())?;
        Ok(Inputs { rows, features })
    }
}

/// The observations of a model.
fn observe_of<'p>(plan: &'p Plan, model: &str) -> Option<&'p Observe> {
    plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Observe(observe) if observe.model == model => Some(observe),
        _ => None,
    })
}
