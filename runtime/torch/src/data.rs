//! What every training of a job shares: examples read, divided and encoded once.

use std::collections::BTreeMap;

use mlsys_plan::{Part, Train};
use mlsys_training::TrainJob;
use tch::Tensor;

use crate::artefact::Model;
use crate::beside::Beside;
use crate::candidates::{Candidates, judged};
use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;
use crate::examples::{Examples, Parts};
use crate::heads::{Head, is_labelled};
use crate::labels::Labels;
use crate::learners::torchscript::check as check_module;
use crate::learners::{Method, learner};
use crate::module::ModuleFile;

/// Encoded examples and what predictions on them are held against.
pub(crate) struct Data {
    pub(crate) parts: Parts,
    pub(crate) head: Head,
    pub(crate) beside: BTreeMap<Part, Beside>,
    pub(crate) encoders: Encoders,
    pub(crate) encoded: BTreeMap<Part, Encoded>,
    /// What outputs on the training part are held against.
    pub(crate) targets: Tensor,
    /// The module that is trained, if it is one of PyTorch.
    pub(crate) module: Option<ModuleFile>,
    /// What is looked for, if something is.
    candidates: Option<Candidates>,
}

impl Data {
    /// Divides the examples, fits head and encoders on the training part alone, and encodes every part.
    pub(crate) fn prepare(job: &TrainJob, examples: &Examples) -> Result<Self, TrainError> {
        let train = &job.train;
        let module = module(job)?;
        let parts = examples.parts(is_labelled(train.task))?;
        check_sizes(&parts)?;
        Data::of(train, examples, parts, None, module)
    }

    /// The same of examples that are divided already. `whole` is the head of more examples than these, if they are a share of
    /// some: which classes and grades there are it knows better.
    pub(crate) fn of(
        train: &Train,
        examples: &Examples,
        parts: Parts,
        whole: Option<&Head>,
        module: Option<ModuleFile>,
    ) -> Result<Self, TrainError> {
        let rows = &parts.rows[&Part::Train];
        let head = match whole {
            Some(known @ (Head::Multiclass { .. } | Head::Ranking { .. })) => known.clone(),
            _ => Head::fit(train, examples, rows)?,
        };
        let head = if module.is_some() { head.in_own_unit() } else { head };
        let beside = Beside::of_parts(train, &head, examples, &parts)?;
        check(&beside)?;
        check_search(train, &parts, &beside)?;
        let usual = learner(&train.learner)?.usual;
        let mut encoders = Encoders::fit(&train.inputs, usual, train.impute.as_ref(), examples, rows)?;
        encoders.add_debias(examples, rows)?;
        let mut encoded = BTreeMap::new();
        for (part, rows) in &parts.rows {
            encoded.insert(*part, encoders.encode(examples, rows)?);
        }
        if let Some(file) = &module {
            check_module(train, file, &encoders, &head, &encoded[&Part::Train])?;
        }
        let targets = head.targets(&beside[&Part::Train].labels)?;
        let candidates = Candidates::of(&head, &train.learner, &encoders, examples, &parts)?;
        Ok(Data { parts, head, beside, encoders, encoded, targets, module, candidates })
    }

    /// What a judge is told of a part: a model's predictions, or how it retrieves.
    pub(crate) fn judged(&self, model: &Model, part: Part) -> Result<Vec<f64>, TrainError> {
        judged(self.candidates.as_ref(), model, &self.encoded[&part], part)
    }

    /// The same examples for another thread: tensors are shared.
    pub(crate) fn shallow(&self) -> Self {
        let encoded = self.encoded.iter().map(|(part, rows)| (*part, rows.shallow()));
        Data {
            parts: self.parts.clone(),
            head: self.head.clone(),
            beside: self.beside.clone(),
            encoders: self.encoders.clone(),
            encoded: encoded.collect(),
            targets: self.targets.shallow_clone(),
            module: self.module.clone(),
            candidates: self.candidates.as_ref().map(Candidates::shallow),
        }
    }

    /// The labels of a part.
    pub(crate) fn labels(&self, part: Part) -> &Labels {
        &self.beside[&part].labels
    }
}

/// The module that a learner names, read before any work.
pub(crate) fn module(job: &TrainJob) -> Result<Option<ModuleFile>, TrainError> {
    let call = &job.train.learner;
    let Method::Module(_) = learner(call)?.method else { return Ok(None) };
    let name = call.string("path").unwrap_or_default();
    let lost = || TrainError::Module { name: name.to_owned(), reason: "is not among the job's files".to_owned() };
    ModuleFile::read(job.module.as_ref().ok_or_else(lost)?, name).map(Some)
}

/// Parts that are needed and empty are told before any work.
fn check_sizes(parts: &Parts) -> Result<(), TrainError> {
    let nothing = if parts.rows[&Part::Train].is_empty() {
        format!(
            "the training part has no examples ({} were left out, because their label was not known in time)",
            parts.left_out
        )
    } else if parts.rows[&Part::Test].is_empty() {
        "the test part has no examples".to_owned()
    } else {
        return Ok(());
    };
    Err(TrainError::NothingToLearn(nothing))
}

/// Examples that nothing can be learnt from are refused before any work.
fn check(beside: &BTreeMap<Part, Beside>) -> Result<(), TrainError> {
    let training = &beside[&Part::Train].labels;
    if training.differ() {
        return Ok(());
    }
    let message = format!("all {} examples of the training part have the same label", training.len());
    Err(TrainError::NothingToLearn(message))
}

/// A search needs labels that differ where it looks, and is refused before its first trial.
fn check_search(train: &Train, parts: &Parts, beside: &BTreeMap<Part, Beside>) -> Result<(), TrainError> {
    let Some(tune) = &train.tune else { return Ok(()) };
    let looked_at = &beside[&tune.part].labels;
    if looked_at.len() > 0 && looked_at.differ() {
        return Ok(());
    }
    let found = match (looked_at.len(), looked_at.positives()) {
        (0, _) => "no examples".to_owned(),
        (rows, Some(positives)) => format!("{positives} positive ones among {rows} examples"),
        (rows, None) => format!("one label on all {rows} examples"),
    };
    let message = format!(
        "the search looks at the {} part, which has {found} ({} examples were left out of their parts, because their \
         label was not known in time)",
        tune.part, parts.left_out
    );
    Err(TrainError::NothingToLearn(message))
}
