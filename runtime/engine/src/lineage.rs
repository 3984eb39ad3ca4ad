//! What a version was made of.

use std::path::Path;
use std::process::{Command, Stdio};

use mlsys_plan::{NodeId, Operation, Plan, Train};
use mlsys_store::Lineage;

use crate::fingerprints::{Fingerprints, group_of};

/// The sources and groups that a model reads, its inputs, and the commit of the project.
pub(crate) fn lineage(plan: &Plan, train: &Train, fingerprints: &Fingerprints, project: &Path) -> Lineage {
    let read = plan.only(&[NodeId::new("train", &train.model)]);
    let nodes = read.iter().flat_map(|plan| &plan.nodes);
    let mut lineage = Lineage {
        inputs: train.inputs.iter().map(|input| input.name.clone()).collect(),
        commit: commit(project),
        mlsys: env!("CARGO_PKG_VERSION").to_owned(),
        ..Lineage::default()
    };
    for node in nodes {
        match &node.operation {
            Operation::Source(source) => {
                let data = fingerprints.data(&node.id).map(|data| data.as_str().to_owned());
                lineage.sources.extend(data.map(|data| (source.name.clone(), data)));
            }
            Operation::Join(_) => {
                let Some(group) = group_of(plan, node) else { continue };
                let definition = fingerprints.without_rows(plan, &NodeId::new("features", &group.name));
                lineage.groups.extend(definition.map(|made| (group.name.clone(), made.as_str().to_owned())));
            }
            _ => {}
        }
    }
    lineage
}

/// The commit of the repository that the project lies in; none where it lies in none, or there is no git.
pub(crate) fn commit(project: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        let output = git.arg("-C").arg(project).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no", "--", "."])?;
    Some(if changed.is_empty() { commit } else { format!("{commit} (changed)") })
}
