//! Which version scores.

use std::path::{Path, PathBuf};

use mlsys_plan::Fingerprint;
use mlsys_store::{Registry, Remote, State, Version};
use serde::Deserialize;

use crate::artefacts;
use crate::champion::CHAMPION;
use crate::error::RunError;
use crate::steps::DESCRIPTION;

/// The version that scores.
#[derive(Clone, Debug)]
pub(crate) struct Scorer {
    /// The version.
    pub(crate) version: i64,
    /// The hash of its artefact.
    pub(crate) artefact: String,
    /// The folder of its artefact.
    pub(crate) folder: PathBuf,
}

/// The model's champion, if rows may be shown to it as the program now makes them. `training` is the fingerprint of the
/// training that the program asks for now.
///
/// # Errors
/// E0940 if there is no champion, or it was trained on inputs that are made in another way; E0933 if its files are gone and
/// in no store.
pub(crate) async fn scorer(
    registry: &Registry,
    state: &State,
    store: Option<&Remote>,
    model: &str,
    definition: &Fingerprint,
    training: Option<&Fingerprint>,
) -> Result<Scorer, RunError> {
    let Some(found) = registry.holder(model, CHAMPION).await? else {
        let message = format!("no version of `{model}` has met its gates: there is no champion to score with");
        let help = "bring a version to meet its gates; the next run then scores every row";
        return Err(RunError::new("E0940", message, Some(help)));
    };
    if !is_fed_as_now(&found, definition, training) {
        let message = format!(
            "the champion of `{model}`, version {}, was trained on inputs that the program now makes in another way",
            found.version
        );
        let help =
            "earlier predictions stay; bring a version of the new definition to meet its gates, or undo the change";
        return Err(RunError::new("E0940", message, Some(help)));
    }
    let folder = artefacts::bring(state, store, model, &found).await?;
    if let Some(gone) = gone(&folder) {
        let message = format!("version {} of `{model}` lacks its file `{}`", found.version, gone.display());
        let help =
            "restore it; or remove its folder and run again, which puts it back if the training is still current";
        return Err(RunError::new("E0933", message, Some(help)));
    }
    Ok(Scorer { version: found.version, artefact: found.artefact, folder })
}

/// A file of a model that is not there.
fn gone(folder: &Path) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Described {
        learnt: String,
    }
    let description = folder.join(DESCRIPTION);
    let Ok(text) = std::fs::read_to_string(&description) else { return Some(description) };
    // What cannot be read is told by whoever loads the model.
    let described: Described = serde_json::from_str(&text).ok()?;
    Some(folder.join(described.learnt)).filter(|file| !file.is_file())
}

fn is_fed_as_now(found: &Version, definition: &Fingerprint, training: Option<&Fingerprint>) -> bool {
    match &found.definition {
        Some(known) => known == definition.as_str(),
        // Registered before definitions were kept: the same training has the same ones.
        None => training.is_some_and(|training| found.training == training.as_str()),
    }
}
