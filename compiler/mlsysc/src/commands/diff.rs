//! `mlsysc diff`: what a change of the program means.

use std::path::{Path, PathBuf};

use clap::Args;
use mlsys_driver::{Change, Compiler, Effect, diff};
use mlsys_plan::Plan;
use serde_json::{Value, json};

use super::{Exit, Program, complain};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// Compare with this plan (a `plan.json`) or program instead of what ran last
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
    /// The folder that keeps results [default: `.mlsys` beside the program]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Print one JSON object with all changes
    #[arg(long)]
    json: bool,
}

/// The plan of the last run, within the folder that keeps results.
pub(crate) const LAST_PLAN: &str = "plan.json";

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let (compiler, new) = match arguments.program.planned() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let old = match earlier(arguments, &compiler) {
        Ok(old) => old,
        Err(exit) => return exit,
    };
    let changes = diff(&old, &new);
    if arguments.json {
        let all: Vec<Value> = changes.iter().map(as_json).collect();
        println!("{}", json!({ "changes": all }));
        return Exit::Fine;
    }
    for change in &changes {
        println!("{}  {}", change.node, change.effect.name());
        change.details.iter().for_each(|detail| println!("  {detail}"));
    }
    println!("{}", concluded(&changes));
    Exit::Fine
}

fn as_json(change: &Change) -> Value {
    json!({ "node": change.node, "effect": change.effect.name(), "details": change.details })
}

/// How much there is to do, in a line.
fn concluded(changes: &[Change]) -> String {
    let count = |effect: Effect| changes.iter().filter(|change| change.effect == effect).count();
    let effects = [Effect::Recompute, Effect::Retrain, Effect::Judge, Effect::Redeploy, Effect::Breaking];
    let parts: Vec<String> = effects
        .into_iter()
        .filter(|effect| count(*effect) > 0)
        .map(|effect| format!("{} to {}", count(effect), effect.name()))
        .collect();
    match (changes.is_empty(), parts.is_empty()) {
        (true, _) => "no difference".to_owned(),
        (false, true) => "nothing to do".to_owned(),
        (false, false) => parts.join(", ").replace("to breaking", "breaking for callers"),
    }
}

/// The plan to compare with: the named one, that of the last run, or that of the last build.
fn earlier(arguments: &Arguments, compiler: &Compiler) -> Result<Plan, Exit> {
    if let Some(path) = &arguments.against {
        let is_plan = path.extension().is_some_and(|extension| extension == "json");
        return if is_plan { read(path) } else { arguments.program.of(path).planned().map(|(_, plan)| plan) };
    }
    let state = arguments.state.clone().unwrap_or_else(|| compiler.root().join(".mlsys"));
    let kept = [state.join(LAST_PLAN), compiler.root().join("build/plan.json")];
    match kept.iter().find(|path| path.exists()) {
        Some(path) => read(path),
        None => {
            let help = "run or build the program first, or name what to compare with: `--against PATH`";
            complain("E0914", "there is nothing to compare with: the program has not run yet", Some(help));
            Err(Exit::Wrong)
        }
    }
}

fn read(path: &Path) -> Result<Plan, Exit> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        complain("E0914", &format!("cannot read `{shown}`: {error}"), Some("name a plan that `mlsysc build` wrote"));
        Exit::Wrong
    })?;
    Plan::from_json(&text).map_err(|error| {
        complain("E0914", &format!("`{shown}` is no plan that can be compared: {error}"), Some("build it again"));
        Exit::Wrong
    })
}
