//! Finds a program's files: the root, what it uses, and the standard library.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use mlsys_diagnostics::{Diagnostic, Files, Severity, nearest};
use mlsys_sema::{Project, SourceFile, items};
use mlsys_syntax::{Kind, ast};

use crate::Compiler;
use crate::database::Database;

/// How large a file may be, in bytes.
const MAX_FILE: usize = 64 << 20;

/// The outside world as the compiler sees it.
pub trait FileSystem {
    /// The text of a file.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8.
    fn read(&self, path: &Path) -> std::io::Result<String>;

    /// The entries of a folder, in any order; none if it is not a folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn list(&self, path: &Path) -> std::io::Result<Option<Vec<PathBuf>>>;
}

/// A file system in memory, for tests.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    /// Texts by path.
    pub files: BTreeMap<PathBuf, String>,
}

/// Why a program could not be loaded.
#[derive(Debug)]
pub struct LoadError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl FileSystem for InMemory {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &Path) -> std::io::Result<Option<Vec<PathBuf>>> {
        let inside: Vec<PathBuf> = self.files.keys().filter(|file| file.parent() == Some(path)).cloned().collect();
        Ok((!inside.is_empty()).then_some(inside))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LoadError {}

pub(crate) fn load(
    database: Database,
    file_system: &dyn FileSystem,
    path: &Path,
    params: BTreeMap<String, String>,
) -> Result<Compiler, LoadError> {
    let root_file = root_file(file_system, path)?;
    let folder = root_file.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut files = Files::default();
    let mut add = |name: &str, module: &str, text: String| {
        let id = files.add(name, text.clone());
        SourceFile::new(&database, id, module.to_owned(), text)
    };
    let text = read(file_system, &root_file)?;
    let stem = root_file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = root_file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut own = vec![add(&name, &stem, text)];
    let mut next = 0;
    // Files that are used may use further ones; every module is loaded once.
    while let Some(file) = own.get(next).copied() {
        next += 1;
        for module in used_modules(&database, file) {
            let known = own.iter().any(|file| file.module(&database) == module);
            let name = format!("{}.mlsys", module.replace('.', "/"));
            if known || module.starts_with("std.") {
                continue;
            }
            // A module that is not there is reported where it is used.
            if let Ok(text) = file_system.read(&folder.join(&name)) {
                own.push(add(&name, &module, text));
            }
        }
    }
    let library = mlsys_stdlib::MODULES
        .iter()
        .map(|module| add(&format!("<{}>", module.path), module.path, module.text.to_owned()))
        .collect();
    let project = Project::new(&database, own, library, params);
    Ok(Compiler { database, project, files, root: folder })
}

/// The file to start from: the path itself, or the one program of a folder.
fn root_file(file_system: &dyn FileSystem, path: &Path) -> Result<PathBuf, LoadError> {
    let shown = path.display();
    let entries = file_system
        .list(path)
        .map_err(|error| LoadError { message: format!("cannot read `{shown}`: {error}"), help: access_help() })?;
    let Some(entries) = entries else { return Ok(path.to_path_buf()) };
    let mut programs: Vec<PathBuf> =
        entries.into_iter().filter(|entry| entry.extension().is_some_and(|extension| extension == "mlsys")).collect();
    programs.sort();
    let main = programs.iter().find(|program| program.file_stem().is_some_and(|stem| stem == "main"));
    match (programs.as_slice(), main) {
        (_, Some(main)) => Ok(main.clone()),
        ([only], None) => Ok(only.clone()),
        ([], None) => Err(LoadError {
            message: format!("there is no program in `{shown}`"),
            help: "name a file that ends in `.mlsys`, or the folder of one".to_owned(),
        }),
        (several, None) => {
            let names: Vec<String> = several
                .iter()
                .filter_map(|each| each.file_name())
                .map(|name| format!("`{}`", name.to_string_lossy()))
                .collect();
            Err(LoadError {
                message: format!("there are several programs in `{shown}`: {}", names.join(", ")),
                help: "name the one that is meant, or call one of them `main.mlsys`".to_owned(),
            })
        }
    }
}

fn read(file_system: &dyn FileSystem, path: &Path) -> Result<String, LoadError> {
    let shown = path.display();
    let text = file_system.read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LoadError {
            message: format!("there is no file `{shown}`"),
            help: "name a file that ends in `.mlsys`, or the folder of one".to_owned(),
        },
        std::io::ErrorKind::InvalidData => {
            LoadError { message: format!("`{shown}` is not a text file"), help: "programs are UTF-8 text".to_owned() }
        }
        _ => LoadError { message: format!("cannot read `{shown}`: {error}"), help: access_help() },
    })?;
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if text.len() > MAX_FILE {
        return Err(LoadError {
            message: format!("`{shown}` is larger than {} MiB", MAX_FILE >> 20),
            help: "split it into several files".to_owned(),
        });
    }
    Ok(text)
}

fn access_help() -> String {
    "check that it exists and may be read".to_owned()
}

fn used_modules(database: &Database, file: SourceFile) -> Vec<String> {
    let uses = items(database, file).iter().filter(|item| item.kind(database) == Some(Kind::Use));
    let paths = uses.filter_map(|item| match &mlsys_sema::parsed(database, *item).item {
        Some(ast::Item::Use(tree)) => {
            Some(tree.path.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join("."))
        }
        _ => None,
    });
    paths.collect()
}

/// Values that were set for parameters that the program does not have.
pub(crate) fn unknown_params(database: &Database, project: Project) -> Vec<Diagnostic> {
    let own = project.files(database).iter().flat_map(|file| items(database, *file));
    let declared: Vec<&str> =
        own.filter(|item| item.kind(database) == Some(Kind::Param)).map(|item| item.name(database)).collect();
    let unknown = project.params(database).keys().filter(|name| !declared.contains(&name.as_str()));
    unknown
        .map(|name| Diagnostic {
            code: "E0316",
            severity: Severity::Error,
            message: format!("a value was set for `{name}`, but the program has no such parameter"),
            labels: Vec::new(),
            help: Some(match nearest(name, declared.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if declared.is_empty() => "the program has no parameters".to_owned(),
                None => format!("it has {}", declared.join(", ")),
            }),
            fix: None,
        })
        .collect()
}
