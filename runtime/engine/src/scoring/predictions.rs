//! Predictions of pieces: made by a worker, kept in the state folder under the fingerprint of all that they depend on.

use std::path::PathBuf;

use mlsys_dataflow::{Scored, write_table};
use mlsys_plan::{Fingerprint, columns};
use mlsys_store::Scores;
use mlsys_training::{Carried, PredictJob, Stamp, predicted};

use super::pieces::Room;
use super::{Clause, Scorer};
use crate::error::RunError;
use crate::worker::{self, Task};

/// The folder of predictions.
pub(super) const PREDICTIONS: &str = "predictions";

/// The column with the instant of a prediction.
const AT: &str = "at";

/// A piece that is to be predicted.
pub(crate) struct Wanted {
    /// What tells its rows from others.
    pub(crate) rows: String,
    /// A fingerprint of its inputs.
    pub(crate) inputs: String,
    /// A file of observations, and one for each join.
    pub(crate) files: Vec<PathBuf>,
}

impl Wanted {
    /// The name of its predictions by a version.
    pub(crate) fn part(&self, clause: &Clause<'_>, scorer: &Scorer) -> String {
        let keys: Vec<String> = carried(clause).into_iter().map(|column| column.to).collect();
        let text = [&self.rows, &self.inputs, &scorer.artefact, &scorer.version.to_string(), &keys.join("\n")];
        Fingerprint::of(text.map(String::as_str).join("\n").as_bytes()).as_str().to_owned()
    }
}

/// Where predictions are, or will be.
pub(crate) fn file_of(scores: &Scores, part: &str) -> PathBuf {
    scores.file(PREDICTIONS).join(format!("{part}.parquet"))
}

/// Predicts those pieces whose predictions are not there, in one worker.
///
/// # Errors
/// The worker cannot be started, is lost, or cannot do its job.
pub(crate) async fn predict(
    room: &Room<'_>,
    clause: &Clause<'_>,
    scores: &Scores,
    scorer: &Scorer,
    wanted: &[&Wanted],
) -> Result<(), RunError> {
    scores.subfolder(PREDICTIONS)?;
    let part = |wanted: &Wanted| file_of(scores, &wanted.part(clause, scorer));
    let missing: Vec<&Wanted> = wanted.iter().copied().filter(|wanted| !part(wanted).is_file()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let tables = missing.first().map_or(0, |first| first.files.len());
    let table = |index: usize| missing.iter().filter_map(|wanted| wanted.files.get(index).cloned()).collect();
    let mut rows: Vec<Vec<PathBuf>> = (0..tables).map(table).collect();
    if let Some(chosen) = choose(room, clause, scores, &rows).await? {
        rows.push(vec![chosen]);
    }
    let needed = clause.train.inputs.iter().filter(|input| !input.ty.nullable).map(|input| input.name.clone());
    let job = PredictJob {
        model: scorer.folder.clone(),
        rows,
        required: needed.collect(),
        carried: carried(clause),
        stamp: Stamp {
            model: clause.train.model.clone(),
            version: scorer.version,
            scored_at: room.options.now.unwrap_or_else(|| chrono::Utc::now().timestamp_micros()),
        },
        outputs: missing.iter().map(|wanted| part(wanted)).collect(),
        threads: room.options.threads,
    };
    scores.write("job.json", &job)?;
    worker::work(Task::Predict, &room.options.worker, &scores.file("job.json"), room.node, room.observer).await
}

/// Which rows are scored, where a condition on features chooses among them.
async fn choose(
    room: &Room<'_>,
    clause: &Clause<'_>,
    scores: &Scores,
    rows: &[Vec<PathBuf>],
) -> Result<Option<PathBuf>, RunError> {
    let observe = clause.observe.1;
    let condition = observe.feature_filter.as_ref().filter(|_| observe.source == clause.source.name);
    let Some(condition) = condition else { return Ok(None) };
    let folder = scores.empty_subfolder("choice")?;
    let mut tables = Vec::new();
    for (index, files) in rows.iter().enumerate() {
        let table = folder.join(format!("{index}.parquet"));
        write_table(files, &table, room.state.root())?;
        tables.push(table);
    }
    let Some((observed, features)) = tables.split_first() else { return Ok(None) };
    let features: Vec<&std::path::Path> = features.iter().map(PathBuf::as_path).collect();
    let chosen = folder.join("chosen.parquet");
    room.dataflow.choose(condition, observed, &features, &chosen).await?;
    Ok(Some(chosen))
}

/// The columns that stand before the prediction: keys of entities and of the row, and the instant. A key whose name is taken
/// has `key.` before it.
pub(super) fn carried(clause: &Clause<'_>) -> Vec<Carried> {
    let taken = |name: &str| name == AT || predicted::ALL.contains(&name);
    let keys = Scored::new(clause.observe.1, clause.source).keys().into_iter().map(|(from, name)| {
        let to = if taken(&name) { format!("key.{name}") } else { name };
        Carried { from, to }
    });
    keys.chain([Carried { from: columns::AT.to_owned(), to: AT.to_owned() }]).collect()
}
