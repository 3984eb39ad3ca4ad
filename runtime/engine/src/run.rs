//! A run: every node in order, then the gates and the registry.

mod joins;
mod score;
mod share;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use mlsys_dataflow::{Dataflow, Elsewhere, Parts, files_of, forget_parts};
use mlsys_plan::{Fingerprint, Node, NodeId, Operation, Plan, Train};
use mlsys_store::{
    Actor, Digests, Draft, Expected, NewVersion, Registered, Registry, RegistryAddress, Remote, Slot, State, Version,
    hash_of, keep,
};
use mlsys_training::TrainReport;
use serde_json::Value;

use crate::artefacts;
use crate::behaviours::{behaviours, kept};
use crate::champion::{Asked, CHAMPION, Champion};
use crate::error::RunError;
use crate::event::{Event, Observer};
use crate::fingerprints::{Fingerprints, of_plan};
use crate::gates::judge;
use crate::lineage::lineage;
use crate::not_yet::not_executed;
use crate::replay::plan_file;
use crate::scoring;
use crate::shared::{self, Shared};
use crate::steps::{self, CHOSEN, DATA, MODEL, REPORT, Work, is_work};
use crate::summary::{ModelOutcome, NodeOutcome, Outcome, Summary};
use crate::supports::supports;
use crate::tracked::{Told, Tracked};

/// Where and with what a plan is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The project's folder: paths in the plan are relative to it.
    pub project: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// The store that machines share, of which the state folder is a working copy; none for the folder alone.
    pub store: Option<Remote>,
    /// The registry that machines share; none for the one in the state folder.
    pub registry: Option<RegistryAddress>,
    /// The address of the tracking server that is told of trainings, such as `http://127.0.0.1:5000`; none for nobody.
    pub tracking: Option<String>,
    /// The training worker's program.
    pub worker: PathBuf,
    /// Threads to use; none for all cores.
    pub threads: Option<u32>,
    /// Bytes that operators may hold before they spill; none for the default.
    pub memory: Option<usize>,
    /// Whether reports say how their plans ran, operator by operator.
    pub explain: bool,
    /// Whether every source gets a profile of all its rows, also where its files need not be read otherwise.
    pub profiles: bool,
    /// The nodes that are asked for; none for all of them. Of other groups the values are not made.
    pub only: Vec<NodeId>,
    /// The moment of the run in microseconds since 1970, against which the age of rows is held; none for the clock's.
    pub now: Option<i64>,
}

/// Brings everything in a plan up to date. `observer` is told about progress.
///
/// A failed node does not end the run: nodes that read it are passed over, the others go on. See
/// [`Summary::failures`].
///
/// # Errors
/// The run as a whole cannot begin or go on: the plan asks for something that is not implemented, or the state folder
/// cannot be used.
pub async fn run(plan: &Plan, options: &Options, observer: Observer<'_>) -> Result<Summary, Vec<RunError>> {
    supports(plan)?;
    let tracked = Tracked::begin(plan, options).map_err(|error| vec![error])?;
    let listener = |event: Event<'_>| {
        tracked.hear(&event);
        observer(event);
    };
    let mut run = Run::begin(plan, options, &listener, &tracked).await.map_err(|error| vec![error])?;
    run.everything().await.map_err(|error| vec![error])
}

struct Run<'a> {
    plan: &'a Plan,
    /// The moment of the run in microseconds since 1970.
    now: i64,
    /// The plan's own fingerprint.
    definition: Fingerprint,
    options: &'a Options,
    observer: Observer<'a>,
    tracked: &'a Tracked,
    state: State,
    _lock: mlsys_store::Lock,
    registry: Registry,
    dataflow: Dataflow,
    digests: Digests,
    fingerprints: Fingerprints,
    slots: BTreeMap<NodeId, Slot>,
    failed: BTreeMap<NodeId, NodeId>,
    /// Joins that were made together with one before them.
    made: BTreeSet<NodeId>,
    /// Models whose joins are made one by one, because together they failed.
    alone: BTreeSet<String>,
    nodes: Vec<NodeOutcome>,
    models: Vec<ModelOutcome>,
}

impl<'a> Run<'a> {
    async fn begin(
        plan: &'a Plan,
        options: &'a Options,
        observer: Observer<'a>,
        tracked: &'a Tracked,
    ) -> Result<Self, RunError> {
        let state = State::open(&options.state)?;
        let lock = state.lock()?;
        if let Some(store) = &options.store {
            store.begin().await?;
        }
        let registry = shared::registry(&state, options.registry.as_ref()).await?;
        let now = options.now.unwrap_or_else(|| chrono::Utc::now().timestamp_micros());
        let dataflow = Dataflow::new(&mlsys_dataflow::Options {
            memory_limit: options.memory,
            threads: options.threads.map(|threads| threads as usize),
            spill: Some(state.spill()),
            explain: options.explain,
            now: Some(now),
        })?;
        let digests = Digests::open(&state);
        Ok(Run {
            plan,
            now,
            definition: of_plan(plan)?,
            options,
            observer,
            tracked,
            state,
            _lock: lock,
            registry,
            dataflow,
            digests,
            fingerprints: Fingerprints::new(),
            slots: BTreeMap::new(),
            failed: BTreeMap::new(),
            made: BTreeSet::new(),
            alone: BTreeSet::new(),
            nodes: Vec::new(),
            models: Vec::new(),
        })
    }

    async fn everything(&mut self) -> Result<Summary, RunError> {
        let (started, started_at) = (Instant::now(), chrono::Utc::now());
        let plan = self.plan;
        for node in &plan.nodes {
            self.node(node).await?;
        }
        self.digests.save()?;
        let tracking = self.tracked.end().await;
        let summary = Summary {
            program: self.plan.program.clone(),
            started_at: started_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            seconds: started.elapsed().as_secs_f64(),
            now: self.now,
            plan: self.definition.as_str().to_owned(),
            data: self.fingerprints.data_by_source(),
            nodes: std::mem::take(&mut self.nodes),
            models: std::mem::take(&mut self.models),
            not_executed: not_executed(self.plan),
            tracking,
        };
        // A run that found nothing to do leaves no record: the last one stands.
        if !summary.nothing_to_do() {
            let name = format!("{}-{}", started_at.format("%Y%m%dT%H%M%S%.3fZ"), std::process::id());
            self.state.keep(&plan_file(self.state.root(), &summary.plan), &self.plan.to_json()?)?;
            self.state.record(&name, &summary)?;
        }
        self.registry.clone().close().await;
        Ok(summary)
    }

    /// One node. Its own failures are kept in its outcome; an error here ends the run.
    async fn node(&mut self, node: &'a Node) -> Result<(), RunError> {
        if let Operation::Deployment(deployment) = &node.operation {
            return self.score(node, deployment).await;
        }
        if let Some(cause) = node.inputs.iter().find_map(|input| self.failed.get(input)).cloned() {
            self.failed.insert(node.id.clone(), cause.clone());
            if is_work(node, self.options) {
                self.end(node, Outcome::Skipped(cause), Instant::now(), None, None);
            }
            return Ok(());
        }
        let started = Instant::now();
        let fingerprint = match self.fingerprints.add(node, self.plan, &self.options.project, &mut self.digests) {
            Ok(fingerprint) => fingerprint,
            Err(error) => {
                self.fail(node, error, started);
                return Ok(());
            }
        };
        if !is_work(node, self.options) {
            return Ok(());
        }
        let slot = self.state.slot(&node.id, &fingerprint);
        let quarantine = self.state.quarantine(&node.id, &fingerprint);
        let concluded = match self.result(node, &slot, &quarantine).await {
            Ok(outcome) => {
                steps::conclude(&self.dataflow, self.options, node, &slot).await.map(|report| (outcome, report))
            }
            Err(error) => Err(error),
        };
        match concluded {
            Ok((outcome, report)) => {
                self.slots.insert(node.id.clone(), slot.clone());
                let quarantine = quarantine.exists().then_some(quarantine);
                self.end(node, outcome, started, Some(report.clone()), quarantine);
                if let Operation::Train(train) = &node.operation {
                    self.judge(node, train, &fingerprint, &slot, report).await?;
                }
            }
            Err(error) => self.fail(node, error, started),
        }
        Ok(())
    }

    /// Sees to it that a node's result is here, and in the shared store.
    async fn result(&mut self, node: &'a Node, slot: &Slot, quarantine: &Path) -> Result<Outcome, RunError> {
        if self.is_current(node, slot) {
            self.share_again(node, slot, quarantine).await?;
            return Ok(if self.made.remove(&node.id) { Outcome::Done } else { Outcome::Current });
        }
        (self.observer)(Event::Started { node });
        if self.fetch(node, slot, quarantine).await? {
            return Ok(Outcome::Fetched);
        }
        match &node.operation {
            Operation::Join(join) => self.joins(node, join, slot).await?,
            Operation::Train(train) => {
                self.tracked.began(&self.told(node, train)?);
                self.execute(node, slot, quarantine.to_path_buf()).await?;
            }
            _ => self.execute(node, slot, quarantine.to_path_buf()).await?,
        }
        self.share(node, slot, quarantine).await?;
        Ok(Outcome::Done)
    }

    fn is_current(&self, node: &Node, slot: &Slot) -> bool {
        slot.is_current() && self.is_whole(node, slot)
    }

    /// Whether a result is still all there: a source may be read where it is, and its files may have been moved.
    fn is_whole(&self, node: &Node, slot: &Slot) -> bool {
        match &node.operation {
            Operation::Source(source) => {
                mlsys_dataflow::is_there(source, &self.options.project, &slot.file(DATA), self.state.root())
            }
            // The files of a table may lie among the parts of its node.
            Operation::Observe(_) | Operation::Join(_) => mlsys_dataflow::files_of(&slot.file(DATA))
                .is_ok_and(|files| files.iter().flatten().all(|file| file.exists())),
            _ => true,
        }
    }

    async fn execute(&self, node: &Node, slot: &Slot, quarantine: PathBuf) -> Result<(), RunError> {
        let draft = slot.draft()?;
        let folder = self.state.parts(&node.id);
        let elsewhere = self.elsewhere(node).await?;
        let work = self.work(node, &folder, elsewhere.as_ref(), quarantine)?;
        let report = steps::execute(&work, &draft).await?;
        self.publish(node, draft, &report)
    }

    fn work<'w>(
        &'w self,
        node: &'w Node,
        folder: &'w Path,
        elsewhere: Option<&'w Shared>,
        quarantine: PathBuf,
    ) -> Result<Work<'w>, RunError> {
        Ok(Work {
            plan: self.plan,
            node,
            fingerprint: self.fingerprints.of(&node.id),
            options: self.options,
            dataflow: &self.dataflow,
            observer: self.observer,
            slots: &self.slots,
            parts: Parts {
                folder,
                root: self.state.root(),
                definition: self.fingerprints.definition(&node.id)?.as_str(),
                elsewhere: elsewhere.map(|elsewhere| elsewhere as &dyn Elsewhere),
            },
            files: self.fingerprints.files(&node.id),
            quarantine,
        })
    }

    /// Puts a result in its place, and forgets parts that no result has.
    fn publish(&self, node: &Node, draft: Draft, report: &Value) -> Result<(), RunError> {
        draft.write(REPORT, report)?;
        draft.publish()?;
        forget_parts(&self.state.parts(&node.id), &self.state.in_every_result(&node.id, DATA)?)?;
        Ok(())
    }

    fn fail(&mut self, node: &Node, error: RunError, started: Instant) {
        self.tracked.failed(node, &error);
        self.failed.insert(node.id.clone(), node.id.clone());
        self.end(node, Outcome::Failed(error.of(node)), started, None, None);
    }

    fn end(
        &mut self,
        node: &Node,
        outcome: Outcome,
        started: Instant,
        report: Option<Value>,
        quarantine: Option<PathBuf>,
    ) {
        let seconds = started.elapsed().as_secs_f64();
        (self.observer)(Event::Ended { node, outcome: &outcome, seconds });
        self.nodes.push(NodeOutcome { node: node.id.clone(), outcome, seconds, report, quarantine });
    }

    /// The tables that a training has read.
    fn examples(&self, node: &Node, slot: &Slot) -> Result<Vec<Vec<PathBuf>>, RunError> {
        let inputs = node.inputs.iter().filter_map(|input| Some(self.slots.get(input)?.file(DATA)));
        let tables = inputs.chain(Some(slot.file(CHOSEN)).filter(|chosen| chosen.exists()));
        let tables = tables.map(|table| Ok(files_of(&table)?)).collect::<Result<Vec<_>, RunError>>()?;
        Ok(tables.concat())
    }

    /// Holds a trained model against its gates and tests, and registers it if it meets them.
    async fn judge(
        &mut self,
        node: &Node,
        train: &Train,
        fingerprint: &Fingerprint,
        slot: &Slot,
        report: Value,
    ) -> Result<(), RunError> {
        let report: TrainReport = serde_json::from_value(report)?;
        self.tracked.came(&self.told(node, train)?, &report, slot);
        let asked = Asked {
            node,
            train,
            fingerprint,
            report: &report,
            examples: self.examples(node, slot)?,
            options: self.options,
            observer: self.observer,
        };
        let learnt = slot.folder().join(MODEL);
        let behaviours = behaviours(&asked, &learnt, &self.state).await?;
        let before = self.told_versions(&train.model).await?;
        let (gates, registered) = loop {
            let champion = Champion::find(&asked, &self.registry, &self.state).await?;
            let gates = judge(&train.gates, &report, &champion);
            if !gates.iter().all(|gate| gate.met || !gate.judged) || behaviours.iter().any(|test| !test.met) {
                break (gates, None);
            }
            let registered = self.register(&asked, slot, &kept(&gates, &behaviours)?, champion.expected()).await?;
            // Otherwise another machine has made another champion, which nothing was held against yet.
            if registered.is_some() {
                break (gates, registered);
            }
        };
        let (artefact, registered) = match registered {
            Some((artefact, registered)) => (artefact, Some(registered)),
            None => (hash_of(&learnt, &[REPORT])?, None),
        };
        let version = registered.map(|registered| registered.version);
        let after = self.told_versions(&train.model).await?;
        self.tracked.judged(&self.told(node, train)?, &gates, &behaviours, version, &before, &after);
        self.models.push(ModelOutcome {
            model: train.model.clone(),
            report,
            artefact,
            gates,
            behaviours,
            version,
            fresh: registered.is_some_and(|registered| registered.fresh),
        });
        Ok(())
    }

    /// The versions of a model, where somebody is told of them.
    async fn told_versions(&self, model: &str) -> Result<Vec<Version>, RunError> {
        if self.tracked.is_told() { Ok(self.registry.versions(model).await?) } else { Ok(Vec::new()) }
    }

    /// A training as a tracking server is told of it.
    fn told<'t>(&'t self, node: &'t Node, train: &'t Train) -> Result<Told<'t>, RunError> {
        let fingerprint = self.fingerprints.of(&node.id);
        Ok(Told {
            node,
            train,
            fingerprint: fingerprint.ok_or_else(|| RunError::internal(format!("`{}` has no fingerprint", node.id)))?,
            definition: &self.definition,
            data: self.fingerprints.all_data(),
            plan: self.plan,
        })
    }

    /// Registers a model that meets its gates: its artefact's hash, and its version; none if the champion is another one than it was judged against.
    async fn register(
        &self,
        asked: &Asked<'_>,
        slot: &Slot,
        gates: &Value,
        expected: Expected,
    ) -> Result<Option<(String, Registered)>, RunError> {
        let train = asked.train;
        let artefact = keep(&self.state, &slot.folder().join(MODEL), &[REPORT])?;
        // A version that others see has its files where they find them.
        artefacts::share(&self.state, self.options.store.as_ref(), &artefact.hash).await?;
        let data = self.fingerprints.all_data();
        let definition = scoring::definition(self.plan, &train.model)?;
        let lineage = lineage(self.plan, train, &self.fingerprints, &self.options.project);
        let version = NewVersion {
            model: &train.model,
            training: asked.fingerprint.as_str(),
            definition: definition.as_str(),
            plan: self.definition.as_str(),
            data: data.as_str(),
            seed: train.training.seed,
            artefact: &artefact.hash,
            report: asked.report,
            gates,
            lineage: &lineage,
        };
        let registered = self.registry.register(&version, CHAMPION, expected, &Actor::here()).await?;
        Ok(registered.map(|registered| (artefact.hash, registered)))
    }
}
