//! `mlsysc models`: the versions of models, and which of them are used.

mod compare;
mod export;
mod gc;
mod list;
mod promote;
mod rollback;
mod show;
mod table;
mod tracked;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mlsys_diagnostics::nearest;
use mlsys_engine::RunError;
use mlsys_engine::models::{Models, Which};

use super::run::places::Places;
use super::run::told;
use super::{Exit, Program};
use tracked::Told;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What to do with versions.
#[derive(Subcommand)]
enum Command {
    /// List models and their versions
    List(list::Arguments),
    /// Show what is known of a version: metrics, gates, lineage, history
    Show(show::Arguments),
    /// Show two versions side by side
    Compare(compare::Arguments),
    /// Make a version the champion, or give it another alias
    Promote(promote::Arguments),
    /// Make the version the champion again that was it before
    Rollback(rollback::Arguments),
    /// Copy the files of a version into a folder
    Export(export::Arguments),
    /// Remove the files of old versions
    Gc(gc::Arguments),
}

/// Whose versions: those of a program, in its state folder or in the registry of its profile.
#[derive(Args)]
struct Place {
    /// A program, or the folder of one
    #[arg(long, value_name = "PATH", default_value = ".")]
    program: PathBuf,
    /// The folder that keeps results [default: `.mlsys` beside the program]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Take store and registry from this profile of `mlsys.toml`
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// A version as it is named on the command line: `fraud`, `fraud@champion`, `fraud@3`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    model: String,
    which: Which,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::List(arguments) => list::execute(arguments),
        Command::Show(arguments) => show::execute(arguments),
        Command::Compare(arguments) => compare::execute(arguments),
        Command::Promote(arguments) => promote::execute(arguments),
        Command::Rollback(arguments) => rollback::execute(arguments),
        Command::Export(arguments) => export::execute(arguments),
        Command::Gc(arguments) => gc::execute(arguments),
    }
}

impl Place {
    /// Does something with the registry, and tells what went wrong.
    fn with(&self, work: impl AsyncFnOnce(&Models) -> Result<(), RunError>) -> Exit {
        self.done(async |models, _| work(models).await).unwrap_or_else(|exit| exit)
    }

    /// Does something with a model that has versions.
    fn with_model(&self, model: &str, work: impl AsyncFnOnce(&Models) -> Result<(), RunError>) -> Exit {
        self.with_told(model, async |models, _| work(models).await)
    }

    /// Does something with a model that has versions, which a tracking server is told of.
    fn with_told(&self, model: &str, work: impl AsyncFnOnce(&Models, &Told) -> Result<(), RunError>) -> Exit {
        let known = self.done(async |models, told| {
            known(models, model).await?;
            work(models, told).await
        });
        known.unwrap_or_else(|exit| exit)
    }

    fn done(&self, work: impl AsyncFnOnce(&Models, &Told) -> Result<(), RunError>) -> Result<Exit, Exit> {
        let compiler = Program::at(&self.program, self.profile.as_deref()).load()?;
        let Places { state, store, registry } = Places::of(&compiler, self.state.as_ref())?;
        let tracked = Told { tracking: compiler.profile().tracking.clone(), state: state.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| super::fail("E0911", &error.to_string(), None))?;
        let done = runtime.block_on(async {
            let Some(models) = Models::open(&state, store, registry.as_ref()).await? else {
                let message = format!("no model is registered in `{}` yet", state.display());
                return Err(absent(message, "`mlsysc run` trains models and registers those that meet their gates"));
            };
            let done = work(&models, &tracked).await;
            models.close().await;
            done
        });
        Ok(done.map_or_else(|error| told(&[error], compiler.files()), |()| Exit::Fine))
    }
}

/// Refuses a model that has no versions.
async fn known(models: &Models, name: &str) -> Result<(), RunError> {
    let names = models.names().await?;
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "`mlsysc run` registers models that meet their gates".to_owned(),
        None => format!("there is {}", names.join(", ")),
    };
    Err(absent(format!("no version of `{name}` is registered"), &help))
}

/// What there is not.
fn absent(message: String, help: &str) -> RunError {
    failure("E0943", message, help)
}

/// Why a command failed that is about no place of the program.
fn failure(code: &str, message: String, help: &str) -> RunError {
    let (code, help) = (code.to_owned(), Some(help.to_owned()));
    RunError { code, message, help, node: None, file: None, line: None }
}

/// Reads `MODEL`, `MODEL@ALIAS` or `MODEL@VERSION`.
fn named(text: &str) -> Result<Named, String> {
    let (model, which) = match text.split_once('@') {
        None => (text, Which::Usual),
        Some((model, which)) => (model, which_of(which)?),
    };
    if model.is_empty() {
        return Err("the name of a model is missing".to_owned());
    }
    Ok(Named { model: model.to_owned(), which })
}

/// Reads an alias or the number of a version.
fn which_of(text: &str) -> Result<Which, String> {
    match text.parse::<i64>() {
        Ok(number) if number > 0 => Ok(Which::Number(number)),
        Ok(_) => Err("versions are numbered from 1".to_owned()),
        Err(_) => alias(text).map(Which::Alias),
    }
}

/// Reads an alias.
fn alias(text: &str) -> Result<String, String> {
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let begins = text.chars().next().is_some_and(|letter| letter.is_ascii_lowercase());
    if begins && text.chars().all(is_name) && text.len() <= 64 {
        return Ok(text.to_owned());
    }
    Err("an alias is a name of small letters, digits and `_`, such as `champion`".to_owned())
}
