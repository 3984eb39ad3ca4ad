//! The files of versions: in the state folder, or fetched from the store that machines share when they are needed.

use std::path::{Component, Path, PathBuf};

use mlsys_store::{Remote, State, Version};

use crate::error::RunError;

/// The folder with the files of a version. Those of one that another machine has registered are fetched.
///
/// # Errors
/// E0933 if they are neither here nor in the store; the store does not answer.
pub(crate) async fn bring(
    state: &State,
    store: Option<&Remote>,
    model: &str,
    version: &Version,
) -> Result<PathBuf, RunError> {
    if let Some(folder) = folder(state, version) {
        if folder.is_dir() {
            return Ok(folder);
        }
        if let Some(store) = store
            && store.pull_artefact(state, &version.artefact).await?
        {
            return Ok(folder);
        }
    }
    Err(absent(store.is_some(), model, version))
}

/// Where the files of a version lie if they are here; none if its name leads elsewhere. Others may write the registry, too.
pub(crate) fn folder(state: &State, version: &Version) -> Option<PathBuf> {
    let mut steps = Path::new(&version.artefact).components();
    let is_plain = matches!((steps.next(), steps.next()), (Some(Component::Normal(_)), None));
    is_plain.then(|| state.models().join(&version.artefact))
}

/// Puts the files of a version in the store that machines share, if there is one.
///
/// # Errors
/// A file cannot be read, or the store does not take it.
pub(crate) async fn share(state: &State, store: Option<&Remote>, artefact: &str) -> Result<(), RunError> {
    match store {
        Some(store) => Ok(store.push_artefact(state, artefact).await?),
        None => Ok(()),
    }
}

/// Files that nobody finds from here.
fn absent(has_store: bool, model: &str, version: &Version) -> RunError {
    let what = format!("the files of version {} of `{model}`", version.version);
    let message = match &version.removed_at {
        Some(at) => format!("{what} were removed at {at}"),
        None if has_store => format!("{what} are neither here nor in the shared store"),
        None => format!("{what} are not here"),
    };
    let help = if has_store {
        "run its training again; if another machine has them, `mlsysc models promote` on that one puts them in the store"
    } else {
        "run its training again; if another machine has registered it, name a `store = \"s3://BUCKET/PREFIX\"` in the profile on \
         both: it shares the files of versions"
    };
    RunError::new("E0933", message, Some(help))
}
