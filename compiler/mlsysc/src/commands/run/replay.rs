//! `mlsysc run --replay`: a recorded run done again, beside its record.

use std::sync::Arc;

use mlsys_diagnostics::Files;
use mlsys_engine::{Compared, Options, Replay};
use mlsys_plan::Plan;

use super::progress::Progress;
use super::{Exit, exit_of, finish, interrupted, show};

/// As much of a value as is shown where both are not the same.
const SHOWN: usize = 100;

pub(super) fn execute(name: &str, plan: Plan, options: Options, files: &Files, json: bool) -> Exit {
    let progress = Arc::new(Progress::new(&plan));
    let (listener, name) = (Arc::clone(&progress), name.to_owned());
    let work = async move { mlsys_engine::replay(&name, &options, &|event| listener.tell(event)).await };
    match finish(&progress, work) {
        Ok(Some(replay)) => {
            if json {
                println!("{}", serde_json::to_string_pretty(&replay).unwrap_or_default());
            } else {
                print(&replay);
            }
            if replay.is_same() { Exit::Fine } else { Exit::Wrong }
        }
        Ok(None) => interrupted(),
        Err(errors) => {
            show(errors.iter(), files);
            exit_of(&errors)
        }
    }
}

/// What is not the same, one line each side, and what all of it comes to.
fn print(replay: &Replay) {
    let different: Vec<&Compared> = replay.compared.iter().filter(|one| !one.is_same()).collect();
    for one in &different {
        println!("{}  {} differs", one.node, one.what);
        println!("  recorded  {}", short(&one.recorded));
        println!("  replayed  {}", short(&one.found));
    }
    let artefacts = replay.compared.iter().filter(|one| one.what == "artefact" && one.is_same());
    for one in artefacts {
        println!("{}  the same artefact {}", one.node, one.found);
    }
    let all = replay.compared.len();
    match different.len() {
        0 => println!("run {} came out the same: {all} results compared", replay.run),
        several => println!("run {} came out otherwise: {several} of {all} results differ", replay.run),
    }
}

fn short(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}
