//! `mlsysc serve`: the long-running side of a program: streams, and endpoints that answer requests.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use mlsys_driver::Compiler;
use mlsys_engine::serving::ServeJob;
use mlsys_plan::Plan;

use super::run::places::{PASSWORD, Places};
use super::run::{told, worker};
use super::{Exit, Program, fail};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// Serve only this deployment
    #[arg(long, value_name = "DEPLOYMENT")]
    only: Vec<String>,
    /// The folder that keeps results, models, the registry and the online store [default: `.mlsys` beside the program]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// The address to listen on; others than this machine's own are reached by everybody who reaches this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// MiB of entities' recent rows that are held in memory [default: 2048]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..))]
    memory: Option<u32>,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let (compiler, plan) = match arguments.program.planned() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    if let Err(errors) = mlsys_engine::supports(&plan) {
        return told(&errors, compiler.files());
    }
    // What cannot be used of the profile is told before anything is started.
    let state = match Places::of(&compiler, arguments.state.as_ref()) {
        Ok(places) => places.state,
        Err(exit) => return exit,
    };
    match write(&job(arguments, &compiler, plan, &state), &state) {
        Ok(path) => start(&worker(), &path),
        Err(error) => fail("E0911", &format!("cannot write to `{}`: {error}", state.display()), None),
    }
}

fn job(arguments: &Arguments, compiler: &Compiler, plan: Plan, state: &Path) -> ServeJob {
    let profile = compiler.profile();
    let is_shared = |address: &&String| address.contains("://");
    ServeJob {
        plan,
        deployments: arguments.only.clone(),
        project: compiler.root().to_path_buf(),
        state: state.to_path_buf(),
        store: profile.store.as_ref().filter(is_shared).cloned(),
        registry: profile.registry.as_ref().filter(is_shared).cloned(),
        registry_password: profile.secrets.get(PASSWORD).cloned(),
        online: profile.online.clone(),
        secrets: profile.secrets.clone(),
        connectors: profile.connectors.clone(),
        host: arguments.host.clone(),
        threads: arguments.threads.map(|threads| threads as usize),
        memory: arguments.memory.map(|mebibytes| mebibytes as usize),
    }
}

/// Writes the job where the serving process reads it.
fn write(job: &ServeJob, state: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(state)?;
    let path = state.join("serve.json");
    std::fs::write(&path, serde_json::to_vec_pretty(job)?)?;
    Ok(path)
}

/// A request is too small to be worth several threads of libtorch, of which each thread of this process would have its own.
fn command(worker: &Path, job: &Path) -> Command {
    const THREADS: &str = "OMP_NUM_THREADS";
    let mut command = Command::new(worker);
    if std::env::var_os(THREADS).is_none() {
        command.env(THREADS, "1");
    }
    command.arg("serve").arg(job);
    command
}

/// Becomes the serving process, so that signals reach it.
#[cfg(unix)]
fn start(worker: &Path, job: &Path) -> Exit {
    use std::os::unix::process::CommandExt;
    let error = command(worker, job).exec();
    not_started(worker, &error)
}

/// Starts the serving process, and ends with it.
#[cfg(not(unix))]
fn start(worker: &Path, job: &Path) -> Exit {
    match command(worker, job).status() {
        Ok(status) if status.success() => Exit::Fine,
        Ok(_) => Exit::Wrong,
        Err(error) => not_started(worker, &error),
    }
}

fn not_started(worker: &Path, error: &io::Error) -> Exit {
    let message = format!("cannot start `{}`: {error}", worker.display());
    fail("E0920", &message, Some("it belongs beside `mlsysc`; `MLSYSD` names another place"))
}
