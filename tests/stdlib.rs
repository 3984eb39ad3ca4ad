//! The standard library: what it declares is implemented, what is implemented is declared, and its examples hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use mlsys_dataflow::{Dataflow, Options, SourceReport};
use mlsys_plan::{Operation, Source};
use mlsys_stdlib::MODULES;
use mlsys_tests::{compile, concise, printed, repository};

/// A declaration of the library.
struct Declared {
    module: &'static str,
    /// What follows `extern`, such as `aggregate`; none for functions written in the language.
    built_in: Option<&'static str>,
    name: &'static str,
    /// What its `Example:` lines hold between backticks.
    examples: Vec<&'static str>,
}

impl Declared {
    fn is_function(&self) -> bool {
        self.built_in.is_none_or(|kind| kind == "fn")
    }
}

#[test]
fn every_function_has_an_example() {
    let without: Vec<&str> = declarations()
        .iter()
        .filter(|declared| declared.is_function() && declared.examples.is_empty())
        .map(|declared| declared.name)
        .collect();
    assert!(without.is_empty(), "without an example: {without:?}");
}

/// Each example is a column of a table with one row; it must be true there.
#[tokio::test(flavor = "multi_thread")]
async fn examples_hold() {
    let declarations = declarations();
    for module in MODULES {
        let of_module = declarations.iter().filter(|declared| declared.module == module.path);
        let examples: Vec<&str> = of_module.flat_map(|declared| declared.examples.iter().copied()).collect();
        if examples.is_empty() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rows.csv"), "at\n2013-09-01T08:00:00Z\n").unwrap();
        let report = run(&source(&program_of(&examples, &declarations)), folder.path()).await;
        assert_eq!((report.rows_written, report.checks.len()), (1, examples.len()), "{}", module.path);
        for (example, check) in examples.iter().zip(&report.checks) {
            assert_eq!(check.violations, 0, "{}: `{example}` does not hold", module.path);
        }
    }
}

/// Each declaration of every kind is implemented, or stands in the list of what is not yet, in the room that would
/// implement it; and nothing is in either that is not declared.
#[test]
fn what_is_declared_is_implemented_or_told_apart_and_the_reverse() {
    let implemented = mlsys_dataflow::implemented().into_iter().chain(mlsys_training::CAPABILITIES.iter().copied());
    let implemented: BTreeSet<(&str, &str)> = implemented.chain(mlsys_engine::IMPLEMENTED.iter().copied()).collect();
    let later = [mlsys_dataflow::NOT_YET, mlsys_training::NOT_YET, mlsys_engine::NOT_YET];
    let later: BTreeSet<(&str, &str)> = later.into_iter().flatten().copied().collect();
    let declared: BTreeSet<(&str, &str)> =
        declarations().iter().filter_map(|declared| Some((declared.built_in?, declared.name))).collect();
    let both: Vec<_> = implemented.intersection(&later).collect();
    assert!(both.is_empty(), "implemented, and not yet: {both:?}");
    let known: BTreeSet<(&str, &str)> = implemented.union(&later).copied().collect();
    let unknown: Vec<_> = declared.difference(&known).collect();
    assert!(unknown.is_empty(), "declared, and in no list: {unknown:?}");
    let undeclared: Vec<_> = known.difference(&declared).collect();
    assert!(undeclared.is_empty(), "in a list, and not declared: {undeclared:?}");
}

/// Functions of numbers and instants over generated rows, against Python's own library.
#[tokio::test(flavor = "multi_thread")]
async fn functions_agree_with_python() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv"), generated_rows(4000)).unwrap();
    let text = std::fs::read_to_string(repository().join("tests/oracle/functions.mlsys")).unwrap();
    run(&source(&text), folder.path()).await;
    let python = repository().join(".testenv/bin/python");
    assert!(python.exists(), "the tests' Python environment is missing: `python3 .setup testenv` makes it");
    let output = Command::new(python)
        .arg(repository().join("tests/oracle/functions.py"))
        .arg(folder.path().join("out.parquet"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert!(printed(&output).contains("x 4000 rows are equal"), "{}", printed(&output));
}

fn declarations() -> Vec<Declared> {
    let mut found = Vec::new();
    for module in MODULES {
        let mut examples = Vec::new();
        for line in module.text.lines() {
            if let Some(doc) = line.strip_prefix("///") {
                let example = doc.trim().strip_prefix("Example: `").and_then(|rest| rest.strip_suffix('`'));
                assert!(example.is_some() || !doc.contains("Example:"), "{}: {line}", module.path);
                examples.extend(example);
            } else if let Some((built_in, name)) = head(line) {
                found.push(Declared { module: module.path, built_in, name, examples: std::mem::take(&mut examples) });
            }
        }
    }
    assert!(found.len() > 80, "only {} declarations were found", found.len());
    found
}

/// The kind and the name that a line declares.
fn head(line: &'static str) -> Option<(Option<&'static str>, &'static str)> {
    let name = |rest: &'static str| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
    if let Some(rest) = line.strip_prefix("fn ") {
        return Some((None, name(rest)?));
    }
    let (kind, rest) = line.strip_prefix("extern ")?.split_once(' ')?;
    Some((Some(kind), name(rest)?))
}

/// A source with a column and an expectation for each example.
fn program_of(examples: &[&str], declarations: &[Declared]) -> String {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let functions = declarations.iter().filter(|declared| declared.is_function());
    for declared in functions.filter(|declared| examples.iter().any(|example| calls(example, declared.name))) {
        uses.entry(declared.module).or_default().insert(declared.name);
    }
    let mut text = String::new();
    for (module, names) in uses {
        let names: Vec<&str> = names.into_iter().collect();
        writeln!(text, "use {module}.{{{}}}", names.join(", ")).unwrap();
    }
    text.push_str("source rows {\n  from csv(\"rows.csv\")\n  schema { at: timestamp }\n  derive {\n");
    for (index, example) in examples.iter().enumerate() {
        writeln!(text, "    holds_{index} = {example}").unwrap();
    }
    text.push_str("  }\n  time at\n");
    for index in 0..examples.len() {
        writeln!(text, "  expect holds_{index} ?? false else warn").unwrap();
    }
    text + "}\n"
}

fn calls(example: &str, name: &str) -> bool {
    example.match_indices(&format!("{name}(")).any(|(at, _)| {
        let before = example[..at].chars().next_back();
        before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_')
    })
}

/// The source of a program that has one.
fn source(text: &str) -> Source {
    let (plan, diagnostics, files) = compile(text);
    let plan = plan.unwrap_or_else(|| panic!("{}\n{text}", concise(&diagnostics, &files)));
    assert!(diagnostics.is_empty(), "{}\n{text}", concise(&diagnostics, &files));
    assert_eq!(mlsys_dataflow::supports(&plan), Ok(()));
    match plan.nodes.into_iter().next().unwrap().operation {
        Operation::Source(source) => source,
        other => panic!("{other:?}"),
    }
}

/// Reads a source of that folder into `out.parquet`.
async fn run(source: &Source, folder: &Path) -> SourceReport {
    let dataflow = Dataflow::new(&Options { threads: Some(1), ..Options::default() }).unwrap();
    let (output, quarantine) = (folder.join("out.parquet"), folder.join("quarantine.parquet"));
    dataflow.source(source, folder, &output, &quarantine, &|_| {}).await.unwrap().report
}

/// Rows of numbers of several magnitudes, of both signs; some of them are missing.
fn generated_rows(rows: u32) -> String {
    let mut state = 7_u64;
    let mut random = move || {
        // A linear congruential generator (Knuth): the same table everywhere.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from((state >> 33) as u32) / f64::from(1_u32 << 31)
    };
    let mut text = String::from("row,x,y,p,lat1,lon1,lat2,lon2,digits,n,m,micros\n");
    for row in 0..rows {
        let mut number = |scale: f64| (random() * 2.0 - 1.0) * scale;
        let scale = [1e-9, 1.0, 10.0, 1e6][row as usize % 4];
        let x = if row % 50 == 49 { String::new() } else { number(scale).to_string() };
        let (y, p) = (number(10.0), number(0.5) + 0.5);
        let places =
            [number(90.0), number(180.0), number(90.0), number(180.0)].map(|angle| angle.to_string()).join(",");
        let (digits, n, m) = (number(4.0) as i64 + 2, number(1e12) as i64, number(50.0) as i64);
        // From the year 1843 to 2096.
        let micros = number(4e15) as i64;
        writeln!(text, "{row},{x},{y},{p},{places},{digits},{n},{m},{micros}").unwrap();
    }
    text
}

/// The library's own files have no mistakes: what is wrong in them would vanish silently from programs.
#[test]
fn the_library_has_no_problems() {
    let files =
        std::collections::BTreeMap::from([(std::path::PathBuf::from("/p/a.mlsys"), "param a: int64 = 1".to_owned())]);
    let file_system = mlsys_driver::InMemory { files };
    let compiler =
        mlsys_driver::Compiler::load(&file_system, "/p/a.mlsys".as_ref(), mlsys_driver::Settings::default()).unwrap();
    let problems = compiler.check_library();
    assert!(problems.is_empty(), "{}", concise(&problems, compiler.files()));
}
