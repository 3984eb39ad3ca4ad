//! `mlsysc run`: brings the finite work of a program up to date.

pub(crate) mod behaviours;
pub(super) mod places;
mod progress;
mod replay;
mod scoring;
pub(super) mod summary;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mlsys_diagnostics::nearest;
use mlsys_diagnostics::{Diagnostic, Files, Label, Place, Severity};
use mlsys_engine::{Options, RunError, Summary};
use mlsys_plan::{NodeId, Plan};

use super::diff::LAST_PLAN;
use super::{Exit, Program, complain, fail};
use crate::render;
use places::Places;
use progress::Progress;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// The folder that keeps results, models and the registry, or the working copy of the profile's bucket [default: `.mlsys`
    /// beside the program]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Bring only this node, and what it reads, up to date; as `mlsysc graph` names it, such as `join.fraud.spending`
    #[arg(long, value_name = "NODE")]
    only: Vec<String>,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// MiB that operators may hold in memory before they spill to disk
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..))]
    memory: Option<u32>,
    /// Show how each node ran: its operators with their rows, times and spills
    #[arg(long)]
    explain: bool,
    /// Profile all rows of every source, also of those whose files need not be read otherwise; see `mlsysc profile`
    #[arg(long)]
    profile_data: bool,
    /// Do a recorded run again, from nothing, and say whether it comes out the same: the name of its record under `runs` in
    /// the state folder, the beginning of one, or `last`
    #[arg(long, value_name = "RUN", conflicts_with_all = ["only", "explain", "profile_data"])]
    replay: Option<String>,
    /// Print the record of the run as JSON instead of a summary
    #[arg(long)]
    json: bool,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let (compiler, plan) = match arguments.program.planned() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let Places { state, store, registry } = match Places::of(&compiler, arguments.state.as_ref()) {
        Ok(places) => places,
        Err(exit) => return exit,
    };
    // What ran as a whole is what the next change is compared with (`mlsysc diff`).
    let ran = arguments.only.is_empty().then(|| plan.to_json().unwrap_or_default());
    let plan = match only(plan, &arguments.only) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let options = Options {
        project: compiler.root().to_path_buf(),
        state: state.clone(),
        store,
        registry,
        tracking: compiler.profile().tracking.clone(),
        worker: worker(),
        threads: arguments.threads,
        memory: arguments.memory.map(|mebibytes| (mebibytes as usize) << 20),
        explain: arguments.explain,
        profiles: arguments.profile_data,
        only: arguments.only.iter().map(|name| NodeId::from(name.as_str())).collect(),
        now: None,
    };
    if let Some(name) = &arguments.replay {
        return replay::execute(name, plan, options, compiler.files(), arguments.json);
    }
    match run(plan, options) {
        Ok(Some(summary)) => {
            if let Some(text) = ran
                && let Err(error) = std::fs::write(state.join(LAST_PLAN), text)
            {
                fail("E0911", &format!("cannot keep the plan in `{}`: {error}", state.display()), None);
            }
            conclude(&summary, compiler.files(), arguments.json)
        }
        Ok(None) => interrupted(),
        Err(errors) => told(&errors, compiler.files()),
    }
}

/// The part of a plan that is asked for.
fn only(plan: Plan, names: &[String]) -> Result<Plan, Exit> {
    if names.is_empty() {
        return Ok(plan);
    }
    let known: Vec<&str> = plan.nodes.iter().map(|node| node.id.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let help = match nearest(unknown, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its nodes are {}", known.join(", ")),
        };
        complain("E0917", &format!("the program has no node `{unknown}`"), Some(&help));
        return Err(Exit::Wrong);
    }
    let names: Vec<NodeId> = names.iter().map(|name| NodeId::from(name.as_str())).collect();
    Ok(plan.only(&names).unwrap_or(plan))
}

/// Runs the plan until it is done or the user interrupts.
fn run(plan: Plan, options: Options) -> Result<Option<Summary>, Vec<RunError>> {
    let progress = Arc::new(Progress::new(&plan));
    let listener = Arc::clone(&progress);
    finish(&progress, async move { mlsys_engine::run(&plan, &options, &|event| listener.tell(event)).await })
}

/// Does work that tells its progress, until it is done or the user interrupts.
fn finish<T: Send + 'static>(
    progress: &Progress,
    work: impl Future<Output = Result<T, Vec<RunError>>> + Send + 'static,
) -> Result<Option<T>, Vec<RunError>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            fail("E0999", &format!("cannot start threads: {error}"), None);
            return Err(Vec::new());
        }
    };
    let mut work = runtime.spawn(work);
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = &mut work => Some(outcome),
            // Ending the task ends the training worker with it.
            _ = tokio::signal::ctrl_c() => {
                work.abort();
                let _ = tokio::time::timeout(std::time::Duration::from_secs(5), &mut work).await;
                None
            }
        }
    });
    progress.clear();
    // Threads that are in the middle of something are not waited for: unfinished results are never in place.
    runtime.shutdown_background();
    match outcome {
        None => Ok(None),
        Some(Ok(result)) => result.map(Some),
        Some(Err(error)) => {
            fail("E0999", &format!("the run ended unexpectedly: {error}"), None);
            Err(Vec::new())
        }
    }
}

fn interrupted() -> Exit {
    eprintln!("interrupted: what was finished is kept, the next run goes on from there");
    Exit::Interrupted
}

fn conclude(summary: &Summary, files: &Files, json: bool) -> Exit {
    let failures: Vec<RunError> = summary.failures().cloned().collect();
    show(failures.iter().chain(summary.passed_over()), files);
    if json {
        println!("{}", serde_json::to_string_pretty(summary).unwrap_or_default());
    } else {
        summary::print(summary);
    }
    if !failures.is_empty() {
        exit_of(&failures)
    } else if summary.gate_missed() {
        Exit::Gate
    } else {
        Exit::Fine
    }
}

/// The worker's program: named by the environment, beside this one, or on the path.
pub(super) fn worker() -> PathBuf {
    if let Some(named) = std::env::var_os("MLSYSD") {
        return named.into();
    }
    let name = format!("mlsysd{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().map(|this| this.with_file_name(&name));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| name.into())
}

/// Shows failures, and how the command ends.
pub(super) fn told(errors: &[RunError], files: &Files) -> Exit {
    show(errors.iter(), files);
    exit_of(errors)
}

/// Shows failures of a run at the program's own lines.
pub(crate) fn show<'a>(errors: impl Iterator<Item = &'a RunError>, files: &Files) {
    let catalogued = |code: &str| mlsys_diagnostics::entry(code).map_or("E0999", |entry| entry.code);
    let diagnostics: Vec<Diagnostic> = errors
        .map(|error| Diagnostic {
            code: catalogued(&error.code),
            severity: Severity::Error,
            message: error.message.clone(),
            labels: label(error, files).into_iter().collect(),
            help: error.help.clone(),
            fix: None,
        })
        .collect();
    render::print(&diagnostics, files);
}

fn label(error: &RunError, files: &Files) -> Option<Label> {
    let file = files.by_name(error.file.as_deref()?)?;
    let span = files.line_span(file, error.line?)?;
    let text = error.node.as_ref().map_or_else(|| "here".to_owned(), |node| format!("in `{node}`"));
    Some(Label { place: Place { file, span }, text })
}

/// Failures of data and program end with 1; those of disks, workers and other runs with 4.
fn exit_of(errors: &[RunError]) -> Exit {
    const EXTERNAL: [&str; 11] =
        ["E0911", "E0912", "E0913", "E0920", "E0921", "E0922", "E0923", "E0933", "E0941", "E0945", "E0999"];
    let external = errors.is_empty() || errors.iter().all(|error| EXTERNAL.contains(&error.code.as_str()));
    if external { Exit::External } else { Exit::Wrong }
}
