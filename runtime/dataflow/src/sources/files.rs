//! The files behind a connector's `path`: relative to the project, globs expanded, sorted.

use std::path::{Path, PathBuf};

use mlsys_plan::{Call, Value};

use crate::error::{Code, DataError};

/// A file that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// How messages name it: relative to the project where it lies below it.
    pub(crate) name: String,
}

/// The files that a connector reads, in the order in which they are read.
///
/// # Errors
/// E0901 if there is no such file, or if it is a folder; E0910 if `path` is not text.
pub(crate) fn input_files(call: &Call, project: &Path) -> Result<Vec<InputFile>, DataError> {
    let path = text_argument(call, "path")?
        .ok_or_else(|| DataError::new(Code::Unsupported, format!("`{}` needs a path as text", call.name)))?;
    let full = project.join(&path);
    let found = if is_pattern(&path) { expand(&path, project)? } else { vec![full] };
    let files: Vec<InputFile> = found.into_iter().map(|path| named(path, project)).collect();
    files.iter().try_for_each(|file| check(file, &path))?;
    Ok(files)
}

/// A text argument of a connector; an environment variable is read now.
///
/// # Errors
/// E0901 if the environment variable is not set.
pub(crate) fn text_argument(call: &Call, name: &str) -> Result<Option<String>, DataError> {
    match call.args.get(name) {
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Env(variable)) => std::env::var(variable).map(Some).map_err(|_| {
            let message = format!("the environment variable `{variable}`, which holds `{name}`, is not set");
            DataError::new(Code::SourceUnreadable, message)
        }),
        _ => Ok(None),
    }
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

fn expand(pattern: &str, project: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |reason: String| DataError::new(Code::SourceUnreadable, reason);
    // Only the pattern's own characters are special: the project's folder may have brackets in its name.
    let base = glob::Pattern::escape(&project.to_string_lossy());
    let full = if Path::new(pattern).is_absolute() { pattern.to_owned() } else { format!("{base}/{pattern}") };
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let entries = glob::glob_with(&full, options)
        .map_err(|error| unreadable(format!("`{pattern}` is not a pattern of file names: {error}")))?;
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| entry.as_ref().map_or(true, |path| !path.is_dir()))
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(format!("a folder of `{pattern}` cannot be read: {error}")))?;
    if files.is_empty() {
        return Err(unreadable(format!("no file matches `{pattern}`")));
    }
    files.sort();
    Ok(files)
}

fn named(path: PathBuf, project: &Path) -> InputFile {
    let name = path.strip_prefix(project).unwrap_or(&path).display().to_string();
    InputFile { path, name }
}

fn check(file: &InputFile, written: &str) -> Result<(), DataError> {
    let unreadable = |reason: String| DataError::new(Code::SourceUnreadable, reason);
    match file.path.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(unreadable(format!("`{}` is a folder, not a file", file.name))
            .with_help(format!("name its files with a pattern, such as `{}/*.csv`", written.trim_end_matches('/')))),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(unreadable(format!("there is no file `{}`", file.name))
                .with_help("paths are relative to the project's folder"))
        }
        Err(error) => Err(unreadable(format!("`{}` cannot be read: {error}", file.name))),
    }
}
