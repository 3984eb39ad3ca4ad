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

use super::run::{places, show as show_errors};
use super::{Exit, Program, complain};
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

/// Whose versions: those of a program, kept in its state folder.
#[derive(Args)]
struct Place {
    /// A program, or the folder of one
    #[arg(long, value_name = "PATH", default_value = ".")]
    program: PathBuf,
    /// The folder that keeps results [default: `.mlsys` beside the program]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Take the store from this profile of `mlsys.toml`
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
    /// Does something with the registry.
    fn with<T>(&self, work: impl AsyncFnOnce(&Models) -> Result<T, Exit>) -> Result<T, Exit> {
        self.with_told(async |models, _| work(models).await)
    }

    /// Does something with the registry that a tracking server is told of.
    fn with_told<T>(&self, work: impl AsyncFnOnce(&Models, &Told) -> Result<T, Exit>) -> Result<T, Exit> {
        let compiler = Program::at(&self.program, self.profile.as_deref()).load()?;
        let state = places::state(&compiler, self.state.as_ref());
        let told = Told { tracking: compiler.profile().tracking.clone(), state: state.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| super::fail("E0911", &error.to_string(), None))?;
        runtime.block_on(async {
            match Models::open(&state).await {
                Ok(Some(models)) => {
                    let done = work(&models, &told).await;
                    models.close().await;
                    done
                }
                Ok(None) => {
                    let message = format!("no model is registered in `{}` yet", state.display());
                    complain(
                        "E0943",
                        &message,
                        Some("`mlsysc run` trains models and registers those that meet their gates"),
                    );
                    Err(Exit::Wrong)
                }
                Err(error) => Err(failed(&error)),
            }
        })
    }
}

/// Refuses a model that has no versions.
async fn known(models: &Models, name: &str) -> Result<(), Exit> {
    let names = models.names().await.map_err(|error| failed(&error))?;
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "`mlsysc run` registers models that meet their gates".to_owned(),
        None => format!("there is {}", names.join(", ")),
    };
    complain("E0943", &format!("no version of `{name}` is registered"), Some(&help));
    Err(Exit::Wrong)
}

/// Tells of a failure: of what was asked for, or of the outside world.
fn failed(error: &RunError) -> Exit {
    show_errors(std::iter::once(error), &mlsys_diagnostics::Files::default());
    if error.code == "E0943" || error.code == "E0942" { Exit::Wrong } else { Exit::External }
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
