//! Files of the project that learners read: modules of PyTorch.

use std::path::{Path, PathBuf};

use mlsys_plan::{Train, Value};
use mlsys_training::module_of;

use crate::error::RunError;

/// The file that a training's learner reads; none if it reads none.
///
/// # Errors
/// E0935 if there is no such file.
pub(crate) fn module_file(train: &Train, project: &Path) -> Result<Option<PathBuf>, RunError> {
    let Some(written) = module_of(train) else { return Ok(None) };
    let path = project.join(written);
    if path.is_file() {
        return Ok(Some(path));
    }
    let found = if path.exists() { "is no file" } else { "is not there" };
    let help = "paths are relative to the project's folder; save the module there in Python with \
                `torch.jit.script(module).save(…)`";
    Err(RunError::new("E0935", format!("`{written}` {found}"), Some(help)))
}

/// The training without the place of that file, which says nothing about what is in it.
pub(crate) fn without_module_path(mut train: Train) -> Train {
    if module_of(&train).is_some() {
        train.learner.args.insert("path".to_owned(), Value::Null);
    }
    train
}
