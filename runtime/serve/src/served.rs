//! A deployment at work: who may ask, how much and how fast, what is answered, and what is kept of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use mlsys_plan::{Deployment, Fallback, Field};
use mlsys_rows::{RowReader, Rules, SchemaError};
use thiserror::Error;

use crate::answer::{Answer, Part};
use crate::batching::{Failure, Knobs, Passes, score_by};
use crate::cache::Cache;
use crate::current::Current;
use crate::fallback::Constant;
use crate::keys::Keys;
use crate::limits::{Place, Places, Rate};
use crate::log::{Entry, Log};
use crate::metrics::{DeploymentMetrics, Metrics};
use crate::refusal::{Kind, Refusal};
use crate::request_id::RequestId;
use crate::scorer::{ScoreError, Scorer};

/// What the deployment of a plan does not say.
#[derive(Clone)]
pub struct Options {
    /// The keys of callers; none where everybody may ask. A deployment with `auth` and no keys is refused.
    pub keys: Option<Keys>,
    /// What answers when the model cannot, where the deployment's fallback is a feature or of the library.
    pub fallback: Option<Arc<dyn Scorer>>,
    /// How many requests are answered at once; more are sent away.
    pub concurrency: usize,
    /// How many answers the cache holds.
    pub cached: usize,
    /// How many bytes the body of a request may have.
    pub most_bytes: usize,
    /// How many rows a request may have.
    pub most_rows: usize,
    /// Where answers are kept.
    pub log: Option<Log>,
}

impl Default for Options {
    fn default() -> Self {
        let (most_bytes, most_rows) = (4 << 20, 10_000);
        Options { keys: None, fallback: None, concurrency: 1_024, cached: 10_000, most_bytes, most_rows, log: None }
    }
}

/// Why a deployment cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetupError {
    /// The request's columns make no rows.
    #[error("the request of deployment `{deployment}` cannot be read: {reason}")]
    Request {
        /// The deployment.
        deployment: String,
        /// The reason.
        reason: SchemaError,
    },
    /// The deployment asks for keys, and there are none.
    #[error("deployment `{0}` asks its callers for a key, but no key is set")]
    NoKeys(String),
    /// The deployment's fallback must be brought along, and is not.
    #[error("deployment `{0}` has a fallback that is not a number, and nothing that computes it")]
    NoFallback(String),
    /// The fallback is not a value of the prediction's type.
    #[error("the fallback {number} cannot stand for a prediction of type {ty}")]
    Fallback {
        /// The fallback.
        number: String,
        /// The prediction's type.
        ty: String,
    },
    /// A version whose answers look different from those that callers were told of.
    #[error("version {version} answers with {found}, but deployment `{deployment}` answers with {expected}")]
    Outputs {
        /// The deployment.
        deployment: String,
        /// The version.
        version: u64,
        /// What it answers with.
        found: String,
        /// What callers expect.
        expected: String,
    },
}

/// A deployment at work.
pub struct Served {
    deployment: Deployment,
    outputs: Vec<Field>,
    options: Options,
    passes: Passes,
    metrics: DeploymentMetrics,
    rate: Option<Rate>,
    places: Places,
    cache: Option<Cache>,
    deadline: Option<Duration>,
    paused: AtomicBool,
    /// Readers of rows that nobody uses at the moment.
    readers: Mutex<Vec<RowReader>>,
}

/// Leave to ask, until it is dropped.
pub struct Leave {
    started: Instant,
    _place: Place,
}

impl Served {
    /// A deployment that answers with this scorer until another one is put in its place.
    ///
    /// # Errors
    /// The deployment and what is given for it do not go together.
    pub fn new(
        deployment: Deployment,
        scorer: Arc<dyn Scorer>,
        options: Options,
        metrics: &Metrics,
    ) -> Result<Self, SetupError> {
        let name = deployment.name.clone();
        let metrics = metrics.deployment(&name);
        let reader = RowReader::new(&deployment.request, rules(&options));
        let reader = reader.map_err(|reason| SetupError::Request { deployment: name.clone(), reason })?;
        if deployment.auth.is_some() && options.keys.is_none() {
            return Err(SetupError::NoKeys(name));
        }
        if matches!(deployment.fallback, Some(Fallback::Feature(_) | Fallback::Call(_))) && options.fallback.is_none() {
            return Err(SetupError::NoFallback(name));
        }
        let outputs = scorer.outputs().to_vec();
        let micros = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        let current = current(&deployment, scorer, &metrics)?;
        Ok(Served {
            passes: Passes::new(Knobs::of(deployment.batch.as_ref()), current, metrics.clone()),
            rate: deployment.limit.map(Rate::new),
            places: Places::new(options.concurrency),
            cache: deployment.cache.map(|lifetime| Cache::new(micros(lifetime), options.cached)),
            deadline: deployment.budget.as_ref().map(|budget| micros(budget.latency)),
            paused: AtomicBool::new(false),
            readers: Mutex::new(vec![reader]),
            metrics,
            outputs,
            options,
            deployment,
        })
    }

    /// The deployment as the plan has it.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The columns of its answers.
    pub fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    /// The scorer that answers now.
    pub fn scorer(&self) -> Arc<dyn Scorer> {
        Arc::clone(&self.passes.current().scorer)
    }

    /// Lets another version answer. Requests that have the present one finish with it; none is dropped.
    ///
    /// # Errors
    /// Its answers have other columns than those that callers were told of.
    pub fn swap(&self, scorer: Arc<dyn Scorer>) -> Result<(), SetupError> {
        if !same_columns(scorer.outputs(), &self.outputs) {
            return Err(SetupError::Outputs {
                deployment: self.deployment.name.clone(),
                version: scorer.version().number,
                found: listed(scorer.outputs()),
                expected: listed(&self.outputs),
            });
        }
        self.passes.replace(current(&self.deployment, scorer, &self.metrics)?);
        self.cache.iter().for_each(Cache::clear);
        Ok(())
    }

    /// Lets the fallback answer everything, or the model again.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    /// Whether it can answer.
    pub fn is_ready(&self) -> bool {
        self.passes.current().scorer.ready()
    }

    /// How many bytes the body of a request may have.
    pub fn most_bytes(&self) -> usize {
        self.options.most_bytes
    }

    /// How many rows a request may have.
    pub fn most_rows(&self) -> usize {
        self.options.most_rows
    }

    /// How many requests are being answered.
    pub fn pending(&self) -> usize {
        self.places.taken()
    }

    /// Lets nobody wait for more rows, and writes the log to its end.
    pub async fn stop(&self) {
        self.passes.stop();
        if let Some(log) = &self.options.log {
            log.close().await;
        }
    }

    /// Lets a caller ask who shows this key.
    ///
    /// # Errors
    /// The key is not one of the callers', or too much is asked.
    pub fn admit(&self, key: Option<&str>) -> Result<Leave, Refusal> {
        let started = Instant::now();
        if let Some(keys) = &self.options.keys
            && !keys.admit(key)
        {
            return Err(self.reject(Refusal::new(Kind::Unauthorized, "a valid API key is needed"), "key"));
        }
        if let Some(Err(wait)) = self.rate.as_ref().map(Rate::take) {
            let refusal = Refusal::new(Kind::TooMany, "more requests than the deployment's limit allows");
            return Err(self.reject(refusal.retry_after(wait), "rate"));
        }
        let Some(place) = self.places.take() else {
            let refusal = Refusal::new(Kind::Unavailable, "too many requests are being answered");
            return Err(self.reject(refusal.retry_after(Duration::from_secs(1)), "concurrency"));
        };
        Ok(Leave { started, _place: place })
    }

    /// Reads the rows of a request with a reader for its columns.
    pub(crate) fn read<T>(&self, with: impl FnOnce(&mut RowReader) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let free = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match free {
            Some(reader) => reader,
            None => RowReader::new(&self.deployment.request, rules(&self.options))
                .map_err(|error| Refusal::new(Kind::Failed, error.to_string()))?,
        };
        let read = with(&mut reader);
        reader.truncate(0);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        read
    }

    /// Answers rows of the request's columns.
    ///
    /// # Errors
    /// They get no answer.
    pub async fn answer(&self, leave: &Leave, rows: RecordBatch, id: &RequestId) -> Result<Answer, Refusal> {
        if rows.num_rows() > self.options.most_rows {
            let reason = format!("{} rows where {} are allowed", rows.num_rows(), self.options.most_rows);
            return Err(self.reject(Refusal::new(Kind::TooLarge, reason), "size"));
        }
        let answer = self.answer_cached(leave, &rows).await?;
        if let Some(reason) = answer.fallback() {
            self.metrics.fell_back(reason);
        }
        self.keep(leave, rows, &answer, id);
        Ok(answer)
    }

    async fn answer_cached(&self, leave: &Leave, rows: &RecordBatch) -> Result<Answer, Refusal> {
        let Some((cache, key)) = self.cache.as_ref().and_then(|cache| Some((cache, Cache::key(rows)?))) else {
            return self.answer_fresh(leave, rows).await;
        };
        if let Some(answer) = cache.get(&key, &self.passes.current()) {
            self.metrics.cache_hits.inc();
            return Ok(answer);
        }
        self.metrics.cache_misses.inc();
        let answer = self.answer_fresh(leave, rows).await?;
        if answer.fallback().is_none() && answer.first_failure().is_none() {
            cache.insert(key, &answer);
        }
        Ok(answer)
    }

    async fn answer_fresh(&self, leave: &Leave, rows: &RecordBatch) -> Result<Answer, Refusal> {
        if rows.num_rows() == 0 {
            return Ok(Answer { current: self.passes.current(), parts: Arc::new([]) });
        }
        if self.paused.load(Ordering::Acquire) {
            let refusal = Refusal::new(Kind::Unavailable, "the deployment is paused");
            return self.fall_back(rows, "paused", refusal.retry_after(Duration::from_secs(60))).await;
        }
        let scoring = self.passes.score(rows.clone());
        let scored = match self.deadline.map(|deadline| deadline.saturating_sub(leave.started.elapsed())) {
            None => Ok(scoring.await),
            Some(left) => tokio::time::timeout(left, scoring).await,
        };
        match scored {
            Ok(Ok((current, parts))) => self.mend(current, parts, rows).await,
            Ok(Err(Failure::Full)) => {
                let refusal = Refusal::new(Kind::Unavailable, "too many rows are waiting");
                Err(self.reject(refusal.retry_after(Duration::from_secs(1)), "queue"))
            }
            Ok(Err(Failure::Score(ScoreError::Failed(reason)))) => {
                self.fall_back(rows, "failed", Refusal::new(Kind::Failed, reason)).await
            }
            Ok(Err(Failure::Score(ScoreError::Unavailable(reason)))) => {
                let refusal = Refusal::new(Kind::Unavailable, reason).retry_after(Duration::from_secs(1));
                self.fall_back(rows, "unavailable", refusal).await
            }
            Err(_) => {
                let refusal = Refusal::new(Kind::Late, "the answer took longer than the budget allows");
                self.fall_back(rows, "late", refusal).await
            }
        }
    }

    /// Puts the fallback in the place of rows without an answer, where there is one.
    async fn mend(&self, current: Arc<Current>, parts: Vec<Part>, rows: &RecordBatch) -> Result<Answer, Refusal> {
        let fallback = self.fallback(&current);
        let answer = Answer { current, parts: parts.into() };
        let Some(fallback) = fallback.filter(|_| answer.first_failure().is_some()) else { return Ok(answer) };
        let (mut mended, mut before) = (Vec::new(), 0);
        for part in answer.parts.iter() {
            for row in part.rows.clone() {
                if part.scored.failure(row).is_none() {
                    mended.push(Part { rows: row..row + 1, ..part.clone() });
                    continue;
                }
                let asked = rows.slice(before + row - part.rows.start, 1);
                match score_by(fallback.as_ref(), asked).await {
                    Ok(scored) => mended.push(Part { scored, rows: 0..1, fallback: Some("failed") }),
                    Err(_) => mended.push(Part { rows: row..row + 1, ..part.clone() }),
                }
            }
            before += part.rows.len();
        }
        Ok(Answer { parts: mended.into(), ..answer })
    }

    /// Answers with the fallback, if there is one that can.
    async fn fall_back(&self, rows: &RecordBatch, reason: &'static str, refusal: Refusal) -> Result<Answer, Refusal> {
        let current = self.passes.current();
        let Some(fallback) = self.fallback(&current) else { return Err(refusal) };
        let scoring = score_by(fallback.as_ref(), rows.clone());
        // The time for an answer may be over: the fallback has as much time again.
        let scored = match self.deadline {
            None => scoring.await.ok(),
            Some(deadline) => tokio::time::timeout(deadline, scoring).await.ok().and_then(Result::ok),
        };
        let Some(scored) = scored else { return Err(refusal) };
        let part = Part { scored, rows: 0..rows.num_rows(), fallback: Some(reason) };
        Ok(Answer { current, parts: Arc::new([part]) })
    }

    fn fallback(&self, current: &Current) -> Option<Arc<dyn Scorer>> {
        let constant = current.constant.clone().map(|constant| constant as Arc<dyn Scorer>);
        self.options.fallback.clone().or(constant)
    }

    /// Gives an answer to the log.
    fn keep(&self, leave: &Leave, rows: RecordBatch, answer: &Answer, id: &RequestId) {
        let Some(log) = &self.options.log else { return };
        let share = self.deployment.log.unwrap_or(0.0);
        if rows.num_rows() == 0 || !log.samples(share) {
            return;
        }
        let (id, latency) = (id.clone(), leave.started.elapsed());
        let count = rows.num_rows() as u64;
        match log.push(Entry { rows, answer: answer.clone(), id, latency, at: crate::batching::now() }) {
            true => self.metrics.logged.inc_by(count),
            false => self.metrics.log_dropped.inc(),
        };
    }

    fn reject(&self, refusal: Refusal, reason: &str) -> Refusal {
        self.metrics.rejected(reason);
        refusal
    }

    /// Counts an answer or a refusal, and the time since the request began.
    pub(crate) fn record(&self, started: Instant, outcome: Result<&Answer, &Refusal>) {
        self.metrics.took(started.elapsed());
        match outcome {
            Ok(answer) => answer.current.metrics.answered(),
            Err(refusal) => self.passes.current().metrics.refused(refusal.kind.status()),
        }
    }

    /// How many requests are being answered, as a gauge: read when the metrics are.
    pub(crate) fn observe_pending(&self) {
        self.metrics.pending.set(i64::try_from(self.pending()).unwrap_or(i64::MAX));
    }
}

fn rules(options: &Options) -> Rules {
    Rules { most_bytes: options.most_bytes, most_rows: options.most_rows, ..Rules::REQUEST }
}

fn current(
    deployment: &Deployment,
    scorer: Arc<dyn Scorer>,
    metrics: &DeploymentMetrics,
) -> Result<Current, SetupError> {
    let constant = match deployment.fallback {
        Some(Fallback::Number(number)) => {
            Some(Arc::new(Constant::new(number, scorer.version().clone(), scorer.outputs())?))
        }
        _ => None,
    };
    let metrics = metrics.version(scorer.version());
    Ok(Current::new(scorer, constant, metrics))
}

fn same_columns(left: &[Field], right: &[Field]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| left.name == right.name && left.ty == right.ty)
}

fn listed(fields: &[Field]) -> String {
    let columns: Vec<String> = fields.iter().map(|field| format!("{}: {}", field.name, field.ty)).collect();
    columns.join(", ")
}
