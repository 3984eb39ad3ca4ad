//! What predictions read: observations of a source's rows, and their features.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mlsys_dataflow::{Dataflow, GroupJoin, Parts, Piece, Scored, Target, files_of, forget_parts, join_groups};
use mlsys_plan::{Features, Fingerprint, Join, Node, NodeId, Operation, Plan, Source};
use mlsys_store::{Digests, Scores, Slot, State};

use super::predictions::PREDICTIONS;
use super::{Clause, Ledger};
use crate::error::RunError;
use crate::event::{Event, Observer};
use crate::fingerprints::{Fingerprints, REVISION, group_of, used};
use crate::run::Options;
use crate::steps::{Work, rows_of};

/// Where the observations of a clause are listed, and the folder of their parts.
const OBSERVED: &str = "observed";

/// What scoring works with.
#[derive(Clone, Copy)]
pub(crate) struct Room<'a> {
    pub(crate) plan: &'a Plan,
    /// The deployment's node.
    pub(crate) node: &'a Node,
    pub(crate) options: &'a Options,
    pub(crate) state: &'a State,
    pub(crate) dataflow: &'a Dataflow,
    pub(crate) observer: Observer<'a>,
    pub(crate) slots: &'a BTreeMap<NodeId, Slot>,
    pub(crate) fingerprints: &'a Fingerprints,
}

/// A piece of the source, and what predictions would read of it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// What tells its rows from others.
    pub(crate) rows: String,
    /// A file of observations, and one for each join; none if they are not looked at, because its predictions stand.
    pub(crate) files: Option<Vec<PathBuf>>,
}

impl Seen {
    /// A fingerprint of what predictions would read; none if that is not looked at.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn inputs(&self, digests: &mut Digests) -> Result<Option<String>, RunError> {
        let Some(files) = &self.files else { return Ok(None) };
        let mut lines = String::new();
        for file in files {
            lines.push_str(&digests.of(file)?);
            lines.push('\n');
        }
        Ok(Some(Fingerprint::of(lines.as_bytes()).as_str().to_owned()))
    }
}

/// Makes observations and features of every piece that is new or was predicted by the present definition; in parts, of which
/// only those are made that are not there.
///
/// # Errors
/// As the nodes of examples.
pub(crate) async fn observe(
    room: &Room<'_>,
    clause: &Clause<'_>,
    scores: &Scores,
    ledger: &Ledger,
    definition: &Fingerprint,
) -> Result<Vec<Seen>, RunError> {
    let is_wanted = |rows: &str| ledger.entry(rows).is_none_or(|entry| entry.definition == definition.as_str());
    let pieces = observed(room, clause, scores, &is_wanted).await?;
    let table = scores.file(&format!("{OBSERVED}.parquet"));
    let mut tables = vec![table.clone()];
    if pieces.iter().any(|piece| piece.is_observed) {
        tables.extend(joined(room, clause, &table, scores).await?);
    }
    let files = tables.iter().map(|table| Ok(files_of(table)?)).collect::<Result<Vec<_>, RunError>>()?.concat();
    let mut number = 0;
    let seen = pieces.into_iter().map(|piece| {
        let own = piece.is_observed.then(|| files.iter().filter_map(|files| files.get(number).cloned()).collect());
        number += usize::from(piece.is_observed);
        Seen { rows: piece.rows, files: own }
    });
    Ok(seen.collect())
}

/// Removes parts that the last observations have no use for, and predictions that are not delivered.
///
/// # Errors
/// A folder cannot be read.
pub(crate) fn forget(clause: &Clause<'_>, scores: &Scores, ledger: &Ledger) -> Result<(), RunError> {
    scores.keep_only(PREDICTIONS, |part| ledger.entries.iter().any(|entry| entry.part == part))?;
    forget_parts(&scores.subfolder(OBSERVED)?, &[scores.file(&format!("{OBSERVED}.parquet"))])?;
    for (node, _) in &clause.joins {
        for folder in scores.subfolders(node.id.as_str())? {
            forget_parts(&folder, &[scores.file(&format!("{}.parquet", node.id))])?;
        }
    }
    Ok(())
}

async fn observed(
    room: &Room<'_>,
    clause: &Clause<'_>,
    scores: &Scores,
    is_wanted: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Vec<Piece>, RunError> {
    let (node, observe) = clause.observe;
    let scored = Scored::new(observe, clause.source);
    let mut text = format!("{REVISION}\n{}", serde_json::to_string(&scored)?);
    text.push_str(&room.looked_up(&node.operation));
    let definition = Fingerprint::of(text.as_bytes());
    let source = NodeId::new("source", &clause.source.name);
    let mut whole = room.fingerprint(&source)?.as_str().to_owned();
    let mut beside = Vec::new();
    for look in observe.label.iter().flat_map(|label| &label.looks) {
        let id = NodeId::new("source", &look.source);
        let found = room.plan.node(&id).map(|node| &node.operation);
        let Some(Operation::Source(Source { time: Some(time), .. })) = found else { continue };
        whole.push_str(room.fingerprint(&id)?.as_str());
        beside.push((room.table(&id)?, time.as_str()));
    }
    let beside: Vec<(&Path, &str)> = beside.iter().map(|(table, time)| (table.as_path(), *time)).collect();
    let folder = scores.subfolder(OBSERVED)?;
    let parts = Parts { folder: &folder, root: room.state.root(), definition: definition.as_str(), elsewhere: None };
    let output = scores.file(&format!("{OBSERVED}.parquet"));
    let dataflow = room.work(node).dataflow().await?;
    let (table, progress) = (room.table(&source)?, room.progress());
    Ok(dataflow.observe_scored(&scored, &table, &whole, &beside, parts, &output, is_wanted, &progress).await?)
}

/// A join that is made for predictions.
struct Input<'a> {
    join: &'a Join,
    group: Features,
    dataflow: Dataflow,
    source: PathBuf,
    definition: Fingerprint,
    folder: PathBuf,
    table: PathBuf,
}

/// The features of joins at the observations; the lists of their parts. Groups of one entity are made together; where that
/// fails they are made one by one, so that what fails is told of the one that is to blame.
async fn joined(
    room: &Room<'_>,
    clause: &Clause<'_>,
    observed: &Path,
    scores: &Scores,
) -> Result<Vec<PathBuf>, RunError> {
    let mut inputs = Vec::new();
    for (node, join) in &clause.joins {
        inputs.push(Input::of(room, node, join, scores).await?);
    }
    let (joins, progress) = (joins_of(&inputs, room), room.progress());
    match join_groups(&joins, observed, &progress).await {
        Err(_) if joins.len() > 1 => {
            for one in joins.chunks(1) {
                join_groups(one, observed, &progress).await?;
            }
        }
        made => drop(made?),
    }
    Ok(inputs.into_iter().map(|input| input.table).collect())
}

fn joins_of<'a>(inputs: &'a [Input<'a>], room: &'a Room<'a>) -> Vec<GroupJoin<'a>> {
    let join = |input: &'a Input<'a>| GroupJoin {
        dataflow: &input.dataflow,
        join: input.join,
        features: &input.group,
        source_table: &input.source,
        output: Target { table: &input.table, parts: Some(input.parts(room)) },
    };
    inputs.iter().map(join).collect()
}

impl<'a> Input<'a> {
    async fn of(room: &Room<'_>, node: &Node, join: &'a Join, scores: &Scores) -> Result<Self, RunError> {
        let group = group_of(room.plan, node).ok_or_else(|| RunError::internal("a join without a group"))?;
        let group = used(group, join);
        let mut text = format!("{REVISION}\n{}", join_text(join, &group)?);
        text.push_str(&room.definitions_of_looked_up(&Operation::Features(group.clone())));
        let definition = Fingerprint::of(text.as_bytes());
        Ok(Input {
            join,
            source: room.table(&NodeId::new("source", &group.source))?,
            dataflow: room.work(node).dataflow().await?,
            // A folder for each definition: features that were made at different times would be kept apart, and what
            // predictions are made from would then look as if it had changed.
            folder: scores.only_subfolder(node.id.as_str(), definition.short())?,
            table: scores.file(&format!("{}.parquet", node.id)),
            group,
            definition,
        })
    }

    fn parts<'p>(&'p self, room: &'p Room<'_>) -> Parts<'p> {
        Parts { folder: &self.folder, root: room.state.root(), definition: self.definition.as_str(), elsewhere: None }
    }
}

fn join_text(join: &Join, group: &Features) -> Result<String, RunError> {
    let join = mlsys_plan::fingerprint(&Operation::Join(join.clone()), &[])?;
    Ok(mlsys_plan::fingerprint(&Operation::Features(group.clone()), &[&join])?.as_str().to_owned())
}

impl<'a> Room<'a> {
    /// What a node is worked on with.
    fn work(&self, node: &'a Node) -> Work<'a> {
        Work {
            plan: self.plan,
            fingerprint: None,
            node,
            options: self.options,
            dataflow: self.dataflow,
            observer: self.observer,
            slots: self.slots,
            // Only its tables are asked for: nothing is written where nodes keep theirs.
            parts: Parts { folder: Path::new(""), root: self.state.root(), definition: "", elsewhere: None },
            files: &[],
            quarantine: PathBuf::new(),
        }
    }

    /// The rows of a node that was brought up to date.
    fn table(&self, node: &NodeId) -> Result<PathBuf, RunError> {
        rows_of(self.slots, node)
    }

    fn fingerprint(&self, node: &NodeId) -> Result<&'a Fingerprint, RunError> {
        self.fingerprints.of(node).ok_or_else(|| RunError::internal(format!("`{node}` has no fingerprint")))
    }

    /// The fingerprints of the tables that expressions look up, which are read as a whole.
    fn looked_up(&self, operation: &Operation) -> String {
        lines(looked_up(operation).iter().filter_map(|node| self.fingerprints.of(node)))
    }

    /// The same without what tables with times hold, of which each part knows what it sees.
    fn definitions_of_looked_up(&self, operation: &Operation) -> String {
        lines(looked_up(operation).iter().filter_map(|node| self.fingerprints.without_rows(self.plan, node)))
    }

    /// Tells how many rows were read.
    fn progress(&self) -> impl Fn(u64) + Send + Sync {
        let (node, observer) = (self.node, self.observer);
        move |rows| observer(Event::Rows { node, rows })
    }
}

/// The nodes whose tables an operation may look up.
fn looked_up(operation: &Operation) -> Vec<NodeId> {
    let tables = operation.lookups().into_iter();
    tables.flat_map(|table| [NodeId::new("source", table), NodeId::new("features", table)]).collect()
}

fn lines<'f>(fingerprints: impl Iterator<Item = &'f Fingerprint>) -> String {
    fingerprints.map(|fingerprint| format!("\n{fingerprint}")).collect()
}
