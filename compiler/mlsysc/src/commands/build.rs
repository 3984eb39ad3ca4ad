//! `mlsysc build`: what the program compiles to, as files.
//!
//! The folder holds the plan as JSON and text, the graph, and under `jobs/` for every node what will be executed: the
//! DataFusion logical plan of batch nodes, the specification of trainings, of deployments and of monitors. The same program
//! gives the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use mlsys_driver::{Compiler, Drawing, Format};
use mlsys_plan::{Operation, Plan};

use super::{Exit, Program, fail};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// The folder to write into [default: `build` beside the program]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let (compiler, plan) = match arguments.program.planned() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let out = arguments.out.clone().unwrap_or_else(|| default_folder(&compiler));
    let files = match artefacts(&plan) {
        Ok(files) => files,
        Err(message) => return fail("E0999", &message, None),
    };
    match write(&out, &files) {
        Ok(()) => {
            println!("{} files in {}", files.len(), out.display());
            Exit::Fine
        }
        Err(error) => fail(
            "E0911",
            &format!("cannot write `{}`: {error}", out.display()),
            Some("name another folder with `--out`"),
        ),
    }
}

fn default_folder(compiler: &Compiler) -> PathBuf {
    compiler.root().join("build")
}

/// Every file by its path within the folder.
fn artefacts(plan: &Plan) -> Result<Vec<(String, String)>, String> {
    let mut files = vec![
        ("plan.json".to_owned(), plan.to_json().map_err(|error| error.to_string())?),
        ("plan.txt".to_owned(), plan.to_text()),
        ("graph.dot".to_owned(), Drawing::nodes(plan).render(Format::Dot)),
        ("columns.json".to_owned(), Drawing::columns(plan).render(Format::Json)),
    ];
    for node in &plan.nodes {
        let job = match &node.operation {
            Operation::Source(_) | Operation::Observe(_) | Operation::Join(_) => {
                let explained = mlsys_dataflow::explain(plan, node).map_err(|error| error.to_string())?;
                explained.map(|text| (format!("jobs/{}.logical.txt", node.id), text))
            }
            Operation::Train(train) => Some((format!("jobs/{}.json", node.id), json(train)?)),
            Operation::Deployment(deployment) => Some((format!("jobs/{}.json", node.id), json(deployment)?)),
            Operation::Monitor(monitor) => Some((format!("jobs/{}.json", node.id), json(monitor)?)),
            Operation::Features(_) => None,
        };
        files.extend(job);
    }
    Ok(files)
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|error| error.to_string())
}

/// Replaces what an earlier build left: files of nodes that are gone must not stay.
fn write(out: &Path, files: &[(String, String)]) -> std::io::Result<()> {
    let jobs = out.join("jobs");
    if jobs.is_dir() {
        fs::remove_dir_all(&jobs)?;
    }
    fs::create_dir_all(&jobs)?;
    for (name, text) in files {
        fs::write(out.join(name), text)?;
    }
    Ok(())
}
