//! Finds a program's files: the root, what it uses, and the standard library.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use mlsys_diagnostics::{Diagnostic, Files, Severity, nearest};
use mlsys_sema::{Project, SourceFile, items};
use mlsys_syntax::{Kind, ast};
use salsa::Durability;

use crate::Compiler;
use crate::database::Database;
use crate::manifest::{self, Described, Profile};

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
    /// What is wrong, and what to do about it.
    pub diagnostic: Diagnostic,
    /// The files that it shows.
    pub files: Files,
}

impl LoadError {
    /// A problem without a place in a file.
    pub(crate) fn new(code: &'static str, message: String, help: String) -> Self {
        let diagnostic =
            Diagnostic { code, severity: Severity::Error, message, labels: Vec::new(), help: Some(help), fix: None };
        LoadError { diagnostic, files: Files::default() }
    }
}

/// What is set from outside when a program is loaded.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Values of parameters by name, as text; they win over the profile's.
    pub params: BTreeMap<String, String>,
    /// The profile; none for the default one.
    pub profile: Option<String>,
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
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for LoadError {}

pub(crate) fn load(
    database: Database,
    file_system: &dyn FileSystem,
    path: &Path,
    settings: Settings,
) -> Result<Compiler, LoadError> {
    let entries = entries(file_system, path)?;
    let described = manifest::find(file_system, path, entries.is_some(), settings.profile.as_deref())?;
    let root_file = match (entries, described.as_ref().and_then(|described| described.main.clone())) {
        (None, _) => path.to_path_buf(),
        (Some(_), Some(main)) => main,
        (Some(entries), None) => root_file(path, entries)?,
    };
    let described = described.unwrap_or_else(|| Described {
        root: root_file.parent().map(Path::to_path_buf).unwrap_or_default(),
        ..Described::default()
    });
    let folder = described.root;
    let mut params = described.profile.params.clone();
    params.extend(settings.params);
    let mut files = Files::default();
    let mut add = |name: &str, module: &str, text: String, durability: Durability| {
        let id = files.add(name, text.clone());
        SourceFile::builder(id, module.to_owned(), text).durability(durability).new(&database)
    };
    let text = read(file_system, &root_file)?;
    let inside = root_file.strip_prefix(&folder).unwrap_or(&root_file);
    let stem = root_file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = inside.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    let program = described.name.unwrap_or_else(|| stem.clone());
    // The program changes while somebody works on it, the library never: what rests on it alone is not verified again.
    let mut own = vec![add(&name, &stem, text, Durability::LOW)];
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
                own.push(add(&name, &module, text, Durability::LOW));
            }
        }
    }
    let library = mlsys_stdlib::MODULES
        .iter()
        .map(|module| add(&format!("<{}>", module.path), module.path, module.text.to_owned(), Durability::HIGH))
        .collect();
    let project = Project::builder(own, library, params).durability(Durability::HIGH).new(&database);
    Ok(Compiler { database, project, files, root: folder, program, profile: described.profile })
}

/// The entries of a folder; none if the path is a file.
fn entries(file_system: &dyn FileSystem, path: &Path) -> Result<Option<Vec<PathBuf>>, LoadError> {
    let shown = path.display();
    file_system
        .list(path)
        .map_err(|error| LoadError::new("E0914", format!("cannot read `{shown}`: {error}"), access_help()))
}

/// The one program of a folder.
fn root_file(path: &Path, entries: Vec<PathBuf>) -> Result<PathBuf, LoadError> {
    let shown = path.display();
    let mut programs: Vec<PathBuf> =
        entries.into_iter().filter(|entry| entry.extension().is_some_and(|extension| extension == "mlsys")).collect();
    programs.sort();
    let main = programs.iter().find(|program| program.file_stem().is_some_and(|stem| stem == "main"));
    match (programs.as_slice(), main) {
        (_, Some(main)) => Ok(main.clone()),
        ([only], None) => Ok(only.clone()),
        ([], None) => Err(LoadError::new(
            "E0914",
            format!("there is no program in `{shown}`"),
            "name a file that ends in `.mlsys`, or the folder of one".to_owned(),
        )),
        (several, None) => {
            let names: Vec<String> = several
                .iter()
                .filter_map(|each| each.file_name())
                .map(|name| format!("`{}`", name.to_string_lossy()))
                .collect();
            Err(LoadError::new(
                "E0914",
                format!("there are several programs in `{shown}`: {}", names.join(", ")),
                "name the one that is meant, or call one of them `main.mlsys`".to_owned(),
            ))
        }
    }
}

fn read(file_system: &dyn FileSystem, path: &Path) -> Result<String, LoadError> {
    let shown = path.display();
    let text = file_system.read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LoadError::new(
            "E0914",
            format!("there is no file `{shown}`"),
            "name a file that ends in `.mlsys`, or the folder of one".to_owned(),
        ),
        std::io::ErrorKind::InvalidData => {
            LoadError::new("E0914", format!("`{shown}` is not a text file"), "programs are UTF-8 text".to_owned())
        }
        _ => LoadError::new("E0914", format!("cannot read `{shown}`: {error}"), access_help()),
    })?;
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if text.len() > MAX_FILE {
        return Err(LoadError::new(
            "E0914",
            format!("`{shown}` is larger than {} MiB", MAX_FILE >> 20),
            "split it into several files".to_owned(),
        ));
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
pub(crate) fn unknown_params(database: &Database, project: Project, profile: &Profile) -> Vec<Diagnostic> {
    let own = project.files(database).iter().flat_map(|file| items(database, *file));
    let declared: Vec<&str> =
        own.filter(|item| item.kind(database) == Some(Kind::Param)).map(|item| item.name(database)).collect();
    let unknown = project.params(database).keys().filter(|name| !declared.contains(&name.as_str()));
    unknown
        .map(|name| Diagnostic {
            code: "E0316",
            severity: Severity::Error,
            message: match profile.name.as_ref().filter(|_| profile.params.contains_key(name.as_str())) {
                Some(profile) => {
                    format!("the profile `{profile}` sets `{name}`, but the program has no such parameter")
                }
                None => format!("a value was set for `{name}`, but the program has no such parameter"),
            },
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
