//! Golden plans: what the examples compile to, as snapshots without hashes or absolute paths.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mlsys_driver::{Compiler, Drawing, Format, InMemory, Settings};
use mlsys_plan::{Plan, fingerprint};
use mlsys_tests::repository;

#[test]
fn flights() {
    let plan = plan("flights");
    insta::assert_snapshot!("flights.plan", plan.to_text());
    insta::assert_snapshot!("flights.dot", Drawing::nodes(&plan).render(Format::Dot));
}

/// The other acceptance programs: plans, and from which source columns their columns come.
#[test]
fn programs_of_other_kinds() {
    let mut paths = mlsys_tests::files_under(&repository().join("tests/programs"), "mlsys");
    paths.push(repository().join("examples/fraud/fraud.mlsys"));
    assert_eq!(paths.len(), 5);
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let plan = named(&name, &std::fs::read_to_string(&path).unwrap());
        insta::assert_snapshot!(format!("{name}.plan"), plan.to_text());
        insta::assert_snapshot!(format!("{name}.columns"), Drawing::columns(&plan).render(Format::Text));
    }
}

/// Every form of a drawing, on the smallest of the programs.
#[test]
fn drawings() {
    let text = std::fs::read_to_string(repository().join("tests/programs/maintenance.mlsys")).unwrap();
    let plan = named("maintenance", &text);
    for (name, format) in [("mermaid", Format::Mermaid), ("json", Format::Json), ("svg", Format::Svg)] {
        insta::assert_snapshot!(format!("maintenance.{name}"), Drawing::nodes(&plan).render(format));
        insta::assert_snapshot!(format!("maintenance.columns.{name}"), Drawing::columns(&plan).render(format));
    }
}

#[test]
fn flights_batch_jobs() {
    let plan = plan("flights");
    let jobs = plan.nodes.iter().filter_map(|node| {
        let explained = mlsys_dataflow::explain(&plan, node).unwrap()?;
        Some(format!("# {}\n{explained}\n", node.id))
    });
    insta::assert_snapshot!("flights.jobs", jobs.collect::<String>());
}

#[test]
fn flights_serving() {
    let plan = plan("flights");
    let served = plan.nodes.iter().filter(|node| matches!(node.operation.kind(), "deployment" | "monitor"));
    let specs: Vec<_> = served.map(|node| serde_json::to_value(&node.operation).unwrap()).collect();
    insta::assert_snapshot!("flights.serving", serde_json::to_string_pretty(&specs).unwrap());
}

/// A plan that is written and read is the same plan; two builds give the same bytes.
#[test]
fn plans_survive_writing() {
    let first = plan("flights").to_json().unwrap();
    let second = plan("flights").to_json().unwrap();
    assert_eq!(first, second);
    assert_eq!(Plan::from_json(&first).unwrap(), plan("flights"));
}

/// A plan of another version is refused, and so is one whose nodes are out of order.
#[test]
fn other_plans_are_refused() {
    let mut plan = plan("flights");
    plan.version += 1;
    let error = Plan::from_json(&plan.to_json().unwrap()).unwrap_err().to_string();
    assert!(error.contains("version"), "{error}");
    plan.version -= 1;
    plan.nodes.reverse();
    let error = Plan::from_json(&plan.to_json().unwrap()).unwrap_err().to_string();
    assert!(error.contains("does not come before it"), "{error}");
}

/// A comment moves every line and changes no fingerprint.
#[test]
fn comments_change_no_fingerprint() {
    let text = std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap();
    let (before, after) = (compile(&text), compile(&format!("// a remark\n\n{text}")));
    for (left, right) in before.nodes.iter().zip(&after.nodes) {
        assert_ne!(left.origin.line, right.origin.line);
        let of = |node: &mlsys_plan::Node| fingerprint(&node.operation, &[]).unwrap();
        assert_eq!(of(left), of(right), "{}", left.id);
    }
}

fn plan(example: &str) -> Plan {
    let path = repository().join("examples").join(example).join(format!("{example}.mlsys"));
    compile(&std::fs::read_to_string(path).unwrap())
}

fn compile(text: &str) -> Plan {
    let (plan, warnings) = built("flights", text);
    assert!(warnings.is_empty(), "{warnings:?}");
    plan
}

fn named(name: &str, text: &str) -> Plan {
    built(name, text).0
}

fn built(name: &str, text: &str) -> (Plan, Vec<mlsys_diagnostics::Diagnostic>) {
    let files = BTreeMap::from([(PathBuf::from(format!("/project/{name}.mlsys")), text.to_owned())]);
    let compiler = Compiler::load(&InMemory { files }, Path::new("/project"), Settings::default()).unwrap();
    compiler.build().unwrap()
}
