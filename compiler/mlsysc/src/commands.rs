//! The commands: one file each, registered in [`Command`].

#[cfg(feature = "run")]
mod build;
mod check;
mod diff;
mod explain;
mod fmt;
mod graph;
#[cfg(feature = "run")]
mod infer;
#[cfg(feature = "run")]
mod models;
mod new;
#[cfg(feature = "run")]
mod profile;
#[cfg(feature = "run")]
mod run;
#[cfg(feature = "run")]
mod serve;
#[cfg(feature = "run")]
mod test;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mlsys_diagnostics::{Diagnostic, Severity};
use mlsys_driver::{Compiler, Settings};
use mlsys_plan::Plan;

use crate::files::Disk;
use crate::render;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a project that runs
    New(new::Arguments),
    /// Report every problem of a program, without running anything
    Check(check::Arguments),
    /// Write what the program compiles to: the plan, the graph, per-job plans, serving configurations
    #[cfg(feature = "run")]
    Build(build::Arguments),
    /// Bring features, training and registry up to date; what is current is left alone
    #[cfg(feature = "run")]
    Run(run::Arguments),
    /// Keep features fresh from streams, and answer requests
    #[cfg(feature = "run")]
    Serve(serve::Arguments),
    /// Show what the values of a source are like, column by column, as the last run found them
    #[cfg(feature = "run")]
    Profile(profile::Arguments),
    /// Look at the versions of models, and say which of them are used
    #[cfg(feature = "run")]
    Models(models::Arguments),
    /// Write a `source` from a Parquet, CSV or JSON file
    #[cfg(feature = "run")]
    Infer(infer::Arguments),
    /// Run the `test` blocks on the rows written in them
    #[cfg(feature = "run")]
    Test(test::Arguments),
    /// Show what a change means: what is recomputed, retrained, or breaks callers
    Diff(diff::Arguments),
    /// Format programs: one style, no options
    Fmt(fmt::Arguments),
    /// Draw the graph of a program
    Graph(graph::Arguments),
    /// Explain a diagnostic, with a wrong and a right program
    Explain(explain::Arguments),
}

/// Runs a command.
pub(crate) fn execute(command: Command) -> Exit {
    match command {
        Command::New(arguments) => new::execute(&arguments),
        Command::Check(arguments) => check::execute(&arguments),
        #[cfg(feature = "run")]
        Command::Build(arguments) => build::execute(&arguments),
        #[cfg(feature = "run")]
        Command::Run(arguments) => run::execute(&arguments),
        #[cfg(feature = "run")]
        Command::Serve(arguments) => serve::execute(&arguments),
        #[cfg(feature = "run")]
        Command::Profile(arguments) => profile::execute(&arguments),
        #[cfg(feature = "run")]
        Command::Models(arguments) => models::execute(&arguments),
        #[cfg(feature = "run")]
        Command::Infer(arguments) => infer::execute(&arguments),
        #[cfg(feature = "run")]
        Command::Test(arguments) => test::execute(&arguments),
        Command::Diff(arguments) => diff::execute(&arguments),
        Command::Fmt(arguments) => fmt::execute(&arguments),
        Command::Graph(arguments) => graph::execute(&arguments),
        Command::Explain(arguments) => explain::execute(&arguments),
    }
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything is fine.
    Fine,
    /// The program or the data is wrong; diagnostics were printed.
    Wrong,
    /// A gate was not met.
    #[cfg(feature = "run")]
    Gate,
    /// An external system failed.
    External,
    /// The user interrupted.
    #[cfg(feature = "run")]
    Interrupted,
    /// The command was called wrongly.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Wrong => 1,
            Exit::Usage => 2,
            #[cfg(feature = "run")]
            Exit::Gate => 3,
            Exit::External => 4,
            #[cfg(feature = "run")]
            Exit::Interrupted => 130,
        })
    }
}

/// Which program, with which parameters.
#[derive(Args)]
pub(crate) struct Program {
    /// A program, or the folder of one
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Set a parameter of the program
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Take stores, engine and parameters from this profile of `mlsys.toml` [default: `default`, if there is one]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, such as `data=/srv/flights`".to_owned()),
    }
}

impl Program {
    /// A program without parameters.
    #[cfg(feature = "run")]
    fn at(path: &std::path::Path, profile: Option<&str>) -> Program {
        Program { path: path.to_path_buf(), set: Vec::new(), profile: profile.map(str::to_owned) }
    }

    /// Another program with the same settings.
    pub(crate) fn of(&self, path: &std::path::Path) -> Program {
        Program { path: path.to_path_buf(), set: self.set.clone(), profile: self.profile.clone() }
    }

    /// The program in memory. Prints why, if it cannot be had.
    pub(crate) fn load(&self) -> Result<Compiler, Exit> {
        let params: BTreeMap<String, String> = self.set.iter().cloned().collect();
        let settings = Settings { params, profile: self.profile.clone() };
        Compiler::load(&Disk, &self.path, settings).map_err(|error| {
            render::print(&[error.diagnostic], &error.files);
            Exit::Wrong
        })
    }

    /// The program with its plan. Prints warnings, or what is wrong if there can be no plan.
    fn planned(&self) -> Result<(Compiler, Plan), Exit> {
        let compiler = self.load()?;
        match compiler.build() {
            Ok((plan, warnings)) => {
                render::print(&warnings, compiler.files());
                Ok((compiler, plan))
            }
            Err(diagnostics) => {
                render::print(&diagnostics, compiler.files());
                eprintln!("{}", render::counted(&diagnostics));
                Err(Exit::Wrong)
            }
        }
    }
}

/// Prints a problem that has no place in a program.
fn complain(code: &'static str, message: &str, help: Option<&str>) {
    let diagnostic = Diagnostic {
        code,
        severity: Severity::Error,
        message: message.to_owned(),
        labels: Vec::new(),
        help: help.map(str::to_owned),
        fix: None,
    };
    render::print(&[diagnostic], &mlsys_diagnostics::Files::default());
}

/// Ends with a failure of the outside world.
#[cfg(feature = "run")]
pub(crate) fn fail(code: &'static str, message: &str, help: Option<&str>) -> Exit {
    complain(code, message, help);
    Exit::External
}
