//! Deployments that score: after the models, since a champion may be new.

use std::time::Instant;

use mlsys_plan::{Deployment, Fingerprint, Node, NodeId};
use mlsys_store::Scores;

use super::Run;
use crate::error::RunError;
use crate::event::Event;
use crate::scoring::{
    self, Clause, Delivery, Entry, Ledger, Room, Scorer, ScoringReport, Seen, Wanted, check_coverage, file_of,
};
use crate::summary::Outcome;

/// What came of a clause: its report, and whether something was done.
struct Scored {
    report: ScoringReport,
    is_changed: bool,
}

impl Run<'_> {
    /// Scores what a deployment asks for. A training that failed does not hinder it: the champion is another run's. Its own
    /// failures are kept in its outcome; an error here ends the run.
    pub(super) async fn score(&mut self, node: &Node, deployment: &Deployment) -> Result<(), RunError> {
        let clauses = scoring::clauses(self.plan, deployment)?;
        if clauses.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let cause = scoring::needed(self.plan, &clauses).into_iter().find_map(|input| self.failed.get(input)).cloned();
        if let Some(cause) = cause {
            self.end(node, Outcome::Skipped(cause), started, None, None);
            return Ok(());
        }
        (self.observer)(Event::Started { node });
        let (mut reports, mut outcome) = (Vec::new(), Outcome::Current);
        for clause in &clauses {
            let scored = self.clause(node, clause).await;
            outcome = outcome.and(match &scored.report.failure {
                Some(error) if error.code == "E0940" => Outcome::PassedOver(error.clone()),
                Some(error) => Outcome::Failed(error.clone()),
                None if scored.is_changed => Outcome::Done,
                None => Outcome::Current,
            });
            reports.push(scored.report);
        }
        let report = serde_json::json!({ "scoring": reports });
        self.end(node, outcome, started, Some(report), None);
        Ok(())
    }

    async fn clause(&mut self, node: &Node, clause: &Clause<'_>) -> Scored {
        let mut report = ScoringReport {
            source: clause.source.name.clone(),
            model: clause.train.model.clone(),
            into: clause.scoring.into.string("path").unwrap_or_default().into(),
            ..ScoringReport::default()
        };
        match self.scored(node, clause, &mut report).await {
            Ok(is_changed) => Scored { report, is_changed },
            Err(error) => {
                report.failure = Some(error.of(node));
                Scored { report, is_changed: false }
            }
        }
    }

    /// Scores a clause; whether anything was done.
    async fn scored(&mut self, node: &Node, clause: &Clause<'_>, report: &mut ScoringReport) -> Result<bool, RunError> {
        let scores = self.state.scores(&clause.deployment.name, &clause.name)?;
        let mut ledger = Ledger::read(&scores)?;
        report.tell(&ledger, &scores)?;
        report.before = ledger.entries.iter().map(|entry| entry.count).sum();
        let definition = scoring::definition(self.plan, &clause.train.model)?;
        let training = self.fingerprints.of(&NodeId::new("train", &clause.train.model));
        let store = self.options.store.as_ref();
        let model = &clause.train.model;
        let scorer = scoring::scorer(&self.registry, &self.state, store, model, &definition, training).await?;
        report.version = Some(scorer.version);
        let (pieces, fresh) = self.predicted(node, clause, &scores, &ledger, &scorer, &definition).await?;
        report.before = pieces.iter().filter_map(Next::kept).map(|entry| entry.count).sum();
        report.scored = fresh.iter().map(|entry| entry.count).sum();
        report.coverage = coverage(&fresh);
        let rejected = scores.empty_subfolder("rejected")?;
        if let Err(error) = check_coverage(clause.deployment, report.coverage, &rejected) {
            set_aside(&scores, &fresh, &rejected)?;
            report.tell_rejected(&fresh, &scores)?;
            report.rejected = Some(rejected);
            return Err(error);
        }
        let mut fresh = fresh.into_iter();
        let before = ledger.clone();
        let delivery = Delivery {
            into: &clause.scoring.into,
            filter: clause.scoring.filter.as_ref(),
            project: &self.options.project,
            entries: pieces.into_iter().filter_map(|piece| piece.entry(&mut fresh)).collect(),
        };
        report.written = scoring::deliver(&self.dataflow, &scores, &mut self.digests, &mut ledger, delivery).await?;
        scoring::forget(clause, &scores, &ledger)?;
        report.tell(&ledger, &scores)?;
        Ok(report.written > 0 || ledger != before)
    }

    /// What happens to each piece, and the entries of those that are predicted, with their predictions made.
    async fn predicted(
        &mut self,
        node: &Node,
        clause: &Clause<'_>,
        scores: &Scores,
        ledger: &Ledger,
        scorer: &Scorer,
        definition: &Fingerprint,
    ) -> Result<(Vec<Next>, Vec<Entry>), RunError> {
        let room = Room {
            plan: self.plan,
            node,
            options: self.options,
            state: &self.state,
            dataflow: &self.dataflow,
            observer: self.observer,
            slots: &self.slots,
            fingerprints: &self.fingerprints,
        };
        let mut pieces = Vec::new();
        for seen in scoring::observe(&room, clause, scores, ledger, definition).await? {
            let inputs = seen.inputs(&mut self.digests)?;
            pieces.push(Next::of(seen, inputs, ledger));
        }
        let wanted: Vec<&Wanted> = pieces.iter().filter_map(Next::wanted).collect();
        scoring::predict(&room, clause, scores, scorer, &wanted).await?;
        let fresh = entries(&room, clause, scores, scorer, definition, &wanted).await?;
        Ok((pieces, fresh))
    }
}

/// What happens to a piece.
enum Next {
    /// Its predictions stand.
    Keep(Entry),
    /// It is predicted.
    Predict(Wanted),
}

impl Next {
    /// A piece is predicted if its rows were not, or if what they were predicted from has changed under the same definition.
    fn of(seen: Seen, inputs: Option<String>, ledger: &Ledger) -> Self {
        let known = ledger.entry(&seen.rows);
        match (known, inputs) {
            (Some(entry), None) => Next::Keep(entry.clone()),
            (Some(entry), Some(inputs)) if entry.inputs == inputs => Next::Keep(entry.clone()),
            (_, inputs) => Next::Predict(Wanted {
                rows: seen.rows,
                inputs: inputs.unwrap_or_default(),
                files: seen.files.unwrap_or_default(),
            }),
        }
    }

    fn wanted(&self) -> Option<&Wanted> {
        match self {
            Next::Predict(wanted) => Some(wanted),
            Next::Keep(_) => None,
        }
    }

    fn kept(&self) -> Option<&Entry> {
        match self {
            Next::Keep(entry) => Some(entry),
            Next::Predict(_) => None,
        }
    }

    /// Its entry in the ledger; those of predicted pieces come in their order.
    fn entry(self, fresh: &mut impl Iterator<Item = Entry>) -> Option<Entry> {
        match self {
            Next::Keep(entry) => Some(entry),
            Next::Predict(_) => fresh.next(),
        }
    }
}

async fn entries(
    room: &Room<'_>,
    clause: &Clause<'_>,
    scores: &Scores,
    scorer: &Scorer,
    definition: &Fingerprint,
    wanted: &[&Wanted],
) -> Result<Vec<Entry>, RunError> {
    let mut entries = Vec::new();
    for one in wanted {
        let part = one.part(clause, scorer);
        let (count, predicted) = scoring::measure(room.dataflow, scores, &part).await?;
        entries.push(Entry {
            rows: one.rows.clone(),
            definition: definition.as_str().to_owned(),
            inputs: one.inputs.clone(),
            part,
            version: scorer.version,
            count,
            predicted,
        });
    }
    Ok(entries)
}

/// The share of rows that have a prediction; none if there are no rows.
#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn coverage(entries: &[Entry]) -> Option<f64> {
    let rows: u64 = entries.iter().map(|entry| entry.count).sum();
    let predicted: u64 = entries.iter().map(|entry| entry.predicted).sum();
    (rows > 0).then(|| predicted as f64 / rows as f64)
}

/// Keeps predictions that are not delivered where people find them.
fn set_aside(scores: &Scores, entries: &[Entry], folder: &std::path::Path) -> Result<(), RunError> {
    for entry in entries {
        let from = file_of(scores, &entry.part);
        mlsys_store::put(&from, &folder.join(format!("{}.parquet", &entry.part[..16])))?;
    }
    Ok(())
}
