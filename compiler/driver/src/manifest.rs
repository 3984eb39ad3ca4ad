//! `mlsys.toml`: the project's root, and profiles that say where a program runs and with which parameters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mlsys_diagnostics::{Diagnostic, Files, Label, Place, Severity, Span, nearest};
use serde::Deserialize;

use crate::load::{FileSystem, LoadError};
use crate::tracking;

/// The name of the file.
pub(crate) const NAME: &str = "mlsys.toml";

/// The profile that is taken when none is named.
const DEFAULT: &str = "default";

/// How many folders above a program are looked at for the file.
const MOST_FOLDERS: usize = 16;

/// A project's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(default)]
    project: ProjectTable,
    #[serde(default)]
    profile: BTreeMap<String, ProfileTable>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectTable {
    name: Option<String>,
    main: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileTable {
    store: Option<String>,
    online: Option<String>,
    registry: Option<String>,
    engine: Option<String>,
    tracking: Option<String>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    #[serde(default)]
    connectors: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    params: BTreeMap<String, toml::Value>,
}

/// Where a program runs, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Profile {
    /// The profile's name; none if the project has none.
    pub name: Option<String>,
    /// Where state lies: a folder, or the address of a bucket that machines share; none for `.mlsys` beside the program.
    pub store: Option<String>,
    /// The online store's address; none for the embedded one.
    pub online: Option<String>,
    /// The model registry's address; none for the embedded one.
    pub registry: Option<String>,
    /// What runs batch work; none for this process.
    pub engine: Option<String>,
    /// The address of the tracking server that is told of trainings; none where nobody is told.
    pub tracking: Option<String>,
    /// Environment variables by the names that the program uses: names on both sides, never values.
    pub secrets: BTreeMap<String, String>,
    /// Settings of the connectors of streams, by their names: never secrets, which are named as `env:VARIABLE`.
    pub connectors: BTreeMap<String, BTreeMap<String, String>>,
    /// Values of parameters, as text.
    pub params: BTreeMap<String, String>,
}

/// A project as its file describes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described {
    /// The project's folder.
    pub(crate) root: PathBuf,
    /// The project's name, if it is given.
    pub(crate) name: Option<String>,
    /// The root file, if it is given.
    pub(crate) main: Option<PathBuf>,
    /// The chosen profile.
    pub(crate) profile: Profile,
}

/// The project that a path lies in; none if there is no file.
pub(crate) fn find(
    file_system: &dyn FileSystem,
    path: &Path,
    is_folder: bool,
    profile: Option<&str>,
) -> Result<Option<Described>, LoadError> {
    let folders: Vec<&Path> = match is_folder {
        true => vec![path],
        false => path.ancestors().skip(1).take(MOST_FOLDERS).collect(),
    };
    for folder in folders {
        if let Ok(text) = file_system.read(&folder.join(NAME)) {
            return describe(folder, &text, profile).map(Some);
        }
    }
    match profile {
        Some(name) => Err(plain("E0916", format!("there is no profile `{name}`: the project has no `{NAME}`"), {
            format!("add a file `{NAME}` with a table `[profile.{name}]`")
        })),
        None => Ok(None),
    }
}

fn describe(root: &Path, text: &str, profile: Option<&str>) -> Result<Described, LoadError> {
    let manifest: Manifest = toml::from_str(text).map_err(|error| malformed(text, &error))?;
    let main = manifest.project.main.as_ref().map(|main| root.join(main));
    let described =
        |profile| Described { root: root.to_path_buf(), name: manifest.project.name.clone(), main, profile };
    let names: Vec<&str> = manifest.profile.keys().map(String::as_str).collect();
    let chosen = profile.unwrap_or(DEFAULT);
    match manifest.profile.get(chosen) {
        Some(table) => Ok(described(chosen_profile(chosen, table)?)),
        None if profile.is_none() => Ok(described(Profile::default())),
        None => Err(plain(
            "E0916",
            format!("there is no profile `{chosen}` in `{NAME}`"),
            match nearest(chosen, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => format!("add a table `[profile.{chosen}]`"),
                None => format!("it has {}", names.join(", ")),
            },
        )),
    }
}

fn chosen_profile(name: &str, table: &ProfileTable) -> Result<Profile, LoadError> {
    let mut params = BTreeMap::new();
    for (param, value) in &table.params {
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(value) => value.to_string(),
            toml::Value::Float(value) => value.to_string(),
            toml::Value::Boolean(value) => value.to_string(),
            toml::Value::Datetime(value) => value.to_string(),
            toml::Value::Array(_) | toml::Value::Table(_) => {
                return Err(plain(
                    "E0915",
                    format!("the value of `{param}` in profile `{name}` is a list or a table"),
                    "a parameter is one value: text, a number, true or false, or a date".to_owned(),
                ));
            }
        };
        params.insert(param.clone(), text);
    }
    for (entry, address) in [("online", &table.online), ("registry", &table.registry)] {
        if address.as_ref().is_some_and(|address| has_password(address)) {
            return Err(plain(
                "E0915",
                format!("the `{entry}` of profile `{name}` has a password in it"),
                "take it out of the file and set it in the environment; that of a registry is `PGPASSWORD`, or the variable that \
                 `secrets` names for it"
                    .to_owned(),
            ));
        }
    }
    for (used, variable) in &table.secrets {
        // What stands there may be the secret itself: it is never repeated.
        if !is_variable(variable) || !is_variable(used) {
            return Err(plain(
                "E0915",
                format!("the secret `{used}` of profile `{name}` is not the name of an environment variable"),
                "write the name of a variable, such as `PROD_API_KEY`; the value stays in the environment".to_owned(),
            ));
        }
    }
    if let Some(reason) = table.tracking.as_deref().and_then(tracking::refused) {
        // A password may stand in the address: it is not repeated.
        return Err(plain(
            "E0915",
            format!("`tracking` of profile `{name}` is not the address of a tracking server: {reason}"),
            tracking::HELP.to_owned(),
        ));
    }
    Ok(Profile {
        name: Some(name.to_owned()),
        store: table.store.clone(),
        online: table.online.clone(),
        registry: table.registry.clone(),
        engine: table.engine.clone(),
        tracking: table.tracking.clone(),
        secrets: table.secrets.clone(),
        connectors: table.connectors.clone(),
        params,
    })
}

/// Whether an address has a password: `scheme://user:password@host`, or among what stands behind the `?`.
fn has_password(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else { return false };
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let user = place.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || parameters.split('&').any(|one| one.starts_with("password="))
}

fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 128
}

fn malformed(text: &str, error: &toml::de::Error) -> LoadError {
    let mut files = Files::default();
    let file = files.add(NAME, text);
    let span = error.span().unwrap_or_default();
    let span = Span::new(span.start.min(text.len()), span.end.min(text.len()));
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    // The line of a secret or of an address is not shown: somebody may have written a password there.
    let line = text[..span.start as usize].rsplit('\n').next().unwrap_or_default();
    let may_be_secret = ["secrets", "://"].iter().any(|sign| line.contains(sign)) || is_of_address(text, span);
    let label = Label { place: Place { file, span }, text: "here".to_owned() };
    let labels = if may_be_secret { Vec::new() } else { vec![label] };
    let help = "a project's file has `[project]` with `name` and `main`, and `[profile.NAME]` with `store`, `online`, \
                `registry`, `engine`, `tracking`, `secrets`, `connectors` and `params`";
    LoadError {
        diagnostic: Diagnostic {
            code: "E0915",
            severity: Severity::Error,
            message: format!("`{NAME}` cannot be used: {message}"),
            labels,
            help: Some(help.to_owned()),
            fix: None,
        },
        files,
    }
}

/// Whether the line that a place begins in has an address, before the place or behind it.
fn is_of_address(text: &str, span: Span) -> bool {
    text[span.start as usize..].lines().next().is_some_and(|rest| rest.contains("://"))
}

fn plain(code: &'static str, message: String, help: String) -> LoadError {
    LoadError::new(code, message, help)
}
