//! Joins of one model, which are made together: its examples are put in order once, and rows are read once.

use std::path::PathBuf;

use mlsys_plan::{Join, Node, Operation};
use mlsys_store::{Draft, Slot};

use super::Run;
use crate::error::RunError;
use crate::steps::{self, Work, is_work};

impl<'a> Run<'a> {
    /// Makes a join, and with it those after it of the same model that are not current either. If that fails it is made
    /// alone, and so are the others in their turn: what fails is told of the join that is to blame.
    pub(super) async fn joins(&mut self, node: &'a Node, join: &Join, slot: &Slot) -> Result<(), RunError> {
        let others = if self.alone.contains(&join.model) { Vec::new() } else { self.others(node, join).await? };
        if !others.is_empty() {
            let all: Vec<(&Node, Slot)> = [(node, slot.clone())].into_iter().chain(others.iter().cloned()).collect();
            if self.together(&all).await.is_ok() {
                self.made.extend(others.into_iter().map(|(other, _)| other.id.clone()));
                return Ok(());
            }
            self.alone.insert(join.model.clone());
        }
        self.together(&[(node, slot.clone())]).await
    }

    /// The joins of the same model after this one that are to be made, and of which everything they read is there. What
    /// another machine has made is fetched in its turn.
    async fn others(&mut self, node: &Node, join: &Join) -> Result<Vec<(&'a Node, Slot)>, RunError> {
        let mut others = Vec::new();
        for other in self.plan.nodes.iter().skip_while(|other| other.id != node.id).skip(1) {
            let is_of_model = matches!(&other.operation, Operation::Join(other) if other.model == join.model);
            if !is_of_model || !is_work(other, self.options) || !self.reads_what_is_there(other) {
                continue;
            }
            let project = &self.options.project;
            let fingerprint = self.fingerprints.add(other, self.plan, project, &mut self.digests)?;
            let slot = self.state.slot(&other.id, &fingerprint);
            if !self.is_current(other, &slot) && !self.is_shared(&slot).await? {
                others.push((other, slot));
            }
        }
        Ok(others)
    }

    /// Whether what a join reads, and what its group reads, was brought up to date.
    fn reads_what_is_there(&self, join: &Node) -> bool {
        let of_group = join.inputs.iter().filter_map(|input| self.plan.node(input)).flat_map(|input| &input.inputs);
        let mut read = join.inputs.iter().chain(of_group);
        read.all(|input| self.fingerprints.of(input).is_some() && !self.failed.contains_key(input))
    }

    /// Makes these joins.
    async fn together(&self, joins: &[(&Node, Slot)]) -> Result<(), RunError> {
        let drafts = joins.iter().map(|(_, slot)| Ok(slot.draft()?)).collect::<Result<Vec<Draft>, RunError>>()?;
        let folders: Vec<PathBuf> = joins.iter().map(|(node, _)| self.state.parts(&node.id)).collect();
        let mut elsewhere = Vec::new();
        for (node, _) in joins {
            elsewhere.push(self.elsewhere(node).await?);
        }
        let places = folders.iter().zip(&elsewhere);
        let works = joins
            .iter()
            .zip(places)
            .map(|((node, _), (folder, elsewhere))| self.work(node, folder, elsewhere.as_ref(), PathBuf::new()));
        let works = works.collect::<Result<Vec<Work<'_>>, RunError>>()?;
        let reports = steps::join::execute(&works, &drafts).await?;
        for (((node, _), draft), report) in joins.iter().zip(drafts).zip(&reports) {
            self.publish(node, draft, report)?;
        }
        Ok(())
    }
}
