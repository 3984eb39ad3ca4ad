//! `mlsysc profile`: what the values of a source are like, as the last run found them.

mod table;

use std::path::PathBuf;

use clap::Args;
use mlsys_diagnostics::nearest;
use mlsys_engine::newest_profile;
use mlsys_plan::{Operation, Plan};

use super::run::{places, show};
use super::{Exit, Program, complain};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The source
    source: String,
    #[command(flatten)]
    program: Program,
    /// The folder that keeps results [default: `.mlsys` beside the program]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Print the whole profile as JSON, with histograms, instead of a table
    #[arg(long)]
    json: bool,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let (compiler, plan) = match arguments.program.planned() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    if let Err(exit) = known(&plan, &arguments.source) {
        return exit;
    }
    let state = places::state(&compiler, arguments.state.as_ref());
    match newest_profile(&state, &arguments.source) {
        Ok(Some(profile)) if arguments.json => {
            println!("{}", serde_json::to_string_pretty(&profile).unwrap_or_default());
            Exit::Fine
        }
        Ok(Some(profile)) => {
            print!("{}", table::of(&profile));
            Exit::Fine
        }
        Ok(None) => {
            let source = &arguments.source;
            let help = format!("`mlsysc run --only source.{source} --profile-data` makes one");
            complain("E0914", &format!("there is no profile of `{source}` yet"), Some(&help));
            Exit::Wrong
        }
        Err(error) => {
            show(std::iter::once(&error), compiler.files());
            Exit::External
        }
    }
}

/// Refuses a source that the program does not have.
fn known(plan: &Plan, name: &str) -> Result<(), Exit> {
    let sources = plan.nodes.iter().filter_map(|node| match &node.operation {
        Operation::Source(source) => Some(source.name.as_str()),
        _ => None,
    });
    let sources: Vec<&str> = sources.collect();
    if sources.contains(&name) {
        return Ok(());
    }
    let help = match nearest(name, sources.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if sources.is_empty() => "it has no sources".to_owned(),
        None => format!("its sources are {}", sources.join(", ")),
    };
    complain("E0917", &format!("the program has no source `{name}`"), Some(&help));
    Err(Exit::Wrong)
}
