//! The inputs of a model for requests: the request's own, and what entities come to at that moment.

use std::sync::{Arc, OnceLock};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use mlsys_dataflow::{AskedKey, Dataflow, LiveExamples, LiveInputs};
use mlsys_online::{Asked, Keys};
use mlsys_plan::{Field, Join, Observe, Operation, Plan};

use crate::error::LiveError;
use crate::live::{Live, group_of, source_of};

/// Makes a model's inputs of requests.
pub struct Reading {
    examples: LiveExamples,
    joins: Vec<Joined>,
    /// Where inputs are: known as soon as features have come once.
    inputs: OnceLock<LiveInputs>,
}

/// A join of the model.
struct Joined {
    join: Join,
    key: AskedKey,
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
            Ok(Joined { join: join.clone(), key: examples.key(join, features)? })
        });
        let joins = joins.collect::<Result<_, LiveError>>()?;
        Ok(Reading { examples, joins, inputs: OnceLock::new() })
    }

    /// The groups that it reads.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.joins.iter().map(|one| one.join.group.as_str())
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
            for (place, Joined { join, key }) in self.joins.iter().enumerate() {
                let Some(member) = state.member(&join.group).filter(|_| found[place].is_none()) else { continue };
                let layout = state.groups().groups()[member.number].layout();
                here.push((place, member, Keys::new(layout.keys(), &asked.key(key)?)?));
            }
            if here.is_empty() {
                continue;
            }
            let questions: Vec<Asked<'_>> =
                here.iter().map(|(_, member, keys)| Asked { group: member.number, keys, moments: &moments }).collect();
            let answers = state.groups().features(&questions).await?;
            for ((place, member, _), sought) in here.iter().zip(answers) {
                found[*place] = Some(member.group.features(&sought, &asked.at)?);
            }
        }
        let each = self
            .joins
            .iter()
            .zip(found)
            .map(|(one, found)| found.ok_or_else(|| LiveError::Missing(format!("state of `{}`", one.join.group))));
        let found = each.collect::<Result<Vec<RecordBatch>, LiveError>>()?;
        let (rows, features) = self.places(&found)?.of(&asked, &found)?;
        Ok(Inputs { rows, features })
    }

    fn places(&self, found: &[RecordBatch]) -> Result<&LiveInputs, LiveError> {
        if let Some(places) = self.inputs.get() {
            return Ok(places);
        }
        let joined: Vec<_> = self.joins.iter().zip(found).map(|(one, found)| (&one.join, found.schema())).collect();
        let places = self.examples.inputs(&joined)?;
        Ok(self.inputs.get_or_init(|| places))
    }
}

/// The observations of a model.
fn observe_of<'p>(plan: &'p Plan, model: &str) -> Option<&'p Observe> {
    plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Observe(observe) if observe.model == model => Some(observe),
        _ => None,
    })
}
