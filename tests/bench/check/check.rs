//! How long checking takes: a project of 1,000 sources and groups with 10,000 features in 100 files, cold, and again after
//! one line has changed. Run it in release: `cargo run --release -p mlsys-tests --example check`.

use std::path::PathBuf;
use std::time::Instant;

use mlsys_driver::{Compiler, InMemory, Settings};
use mlsys_tests::large_project;

fn main() {
    let file_system = InMemory { files: large_project(100, 10, 10) };
    let bytes: usize = file_system.files.values().map(String::len).sum();
    println!("{} files, {} KiB", file_system.files.len(), bytes >> 10);
    let started = Instant::now();
    let mut compiler = Compiler::load(&file_system, "/project".as_ref(), Settings::default()).expect("a project");
    let problems = compiler.check().len() + compiler.hygiene().len();
    println!("cold: {:.1} ms, {problems} problems, {} MiB", millis(started), peak_memory());
    edits(&mut compiler, &file_system, "one line changed, every time in another file", |edit| edit % 100);
    edits(&mut compiler, &file_system, "one line changed, always in the same file", |_| 7);
    println!("memory: {} MiB", peak_memory());
}

/// Changes one line fifty times; `file` says in which file.
fn edits(compiler: &mut Compiler, file_system: &InMemory, what: &str, file: impl Fn(usize) -> usize) {
    const EDITS: u32 = 50;
    let mut slowest: f64 = 0.0;
    let mut total = 0.0;
    for edit in 0..EDITS {
        let name = format!("part_{}.mlsys", file(edit as usize));
        let text = &file_system.files[&PathBuf::from(format!("/project/{name}"))];
        let text = text.replacen("f1 = mean(net) over 2d", &format!("f1 = mean(net) over {}d", 30 + edit), 1);
        let started = Instant::now();
        assert!(compiler.edit(&name, &text), "there is a file {name}");
        let problems = compiler.check().len() + compiler.hygiene().len();
        let took = millis(started);
        assert_eq!(problems, 0, "the project has no problems");
        slowest = slowest.max(took);
        total += took;
    }
    println!("{what}: mean {:.2} ms, slowest {slowest:.2} ms", total / f64::from(EDITS));
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// The most memory that the process has held, in MiB; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) >> 10
}
