//! The arrows between rooms, held over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use mlsys_tests::repository;
use serde_json::Value;

/// Crates of the compiler other than its binary.
const COMPILER: [&str; 6] =
    ["mlsys-diagnostics", "mlsys-driver", "mlsys-lower", "mlsys-plan", "mlsys-sema", "mlsys-syntax"];

/// Crates of the runtime other than its binary.
const RUNTIME: [&str; 15] = [
    "mlsys-aggregates",
    "mlsys-collective",
    "mlsys-connectors",
    "mlsys-dataflow",
    "mlsys-engine",
    "mlsys-lightgbm",
    "mlsys-live",
    "mlsys-metrics",
    "mlsys-online",
    "mlsys-report",
    "mlsys-rows",
    "mlsys-serve",
    "mlsys-store",
    "mlsys-torch",
    "mlsys-tracking",
];

#[test]
fn the_compiler_reaches_no_engine() {
    let graph = Graph::read();
    for name in COMPILER.into_iter().chain(["mlsys-stdlib"]) {
        let reached = graph.reached(name);
        for engine in ["datafusion", "arrow", "object_store", "parquet", "tokio", "tch", "torch-sys", "sqlx", "miette"]
        {
            assert!(!reached.contains(engine), "{name} reaches {engine}");
        }
    }
}

#[test]
fn compiler_and_runtime_meet_at_the_plan_alone() {
    let graph = Graph::read();
    for name in RUNTIME.into_iter().chain(["mlsysd"]) {
        let of_compiler: BTreeSet<String> =
            graph.reached(name).into_iter().filter(|each| COMPILER.contains(&each.as_str())).collect();
        assert!(of_compiler.iter().all(|each| each == "mlsys-plan"), "{name} reaches {of_compiler:?}");
    }
    for name in COMPILER {
        let of_runtime = graph.reached(name).into_iter().find(|each| RUNTIME.contains(&each.as_str()));
        assert_eq!(of_runtime, None, "{name}");
    }
}

#[test]
fn each_library_is_named_in_one_room() {
    let graph = Graph::read();
    let rooms = [
        ("apache-avro", &["mlsys-connectors"][..]),
        ("async-nats", &["mlsys-connectors"]),
        ("datafusion", &["mlsys-dataflow"]),
        ("fjall", &["mlsys-online"]),
        ("maud", &["mlsys-report"]),
        ("miette", &["mlsysc"]),
        ("object_store", &["mlsys-store"]),
        ("pest", &["mlsys-syntax"]),
        ("rdkafka", &["mlsys-connectors"]),
        ("redis", &["mlsys-online"]),
        ("reqwest", &["mlsys-connectors", "mlsys-tracking"]),
        ("salsa", &["mlsys-driver", "mlsys-sema"]),
        ("sqlx", &["mlsys-store"]),
        ("tch", &["mlsys-torch"]),
        ("tonic", &["mlsys-serve"]),
    ];
    for (library, expected) in rooms {
        let users: Vec<&str> = graph.members().filter(|name| graph.direct[*name].contains(library)).collect();
        assert_eq!(users, expected, "{library}");
    }
}

/// What is shown of a version is plain data: it can be shown by whoever has it.
#[test]
fn reports_know_nothing_of_where_versions_are_kept() {
    let reached = Graph::read().reached("mlsys-report");
    for name in ["mlsys-store", "mlsys-engine", "mlsys-dataflow", "tokio", "sqlx", "arrow"] {
        assert!(!reached.contains(name), "mlsys-report reaches {name}");
    }
}

#[test]
fn the_binary_for_users_links_no_libtorch() {
    let reached = Graph::read().reached("mlsysc");
    assert!(!reached.contains("tch") && !reached.contains("torch-sys"));
}

/// Dependencies other than those for tests, by package name.
struct Graph {
    direct: BTreeMap<String, BTreeSet<String>>,
    own: BTreeSet<String>,
}

impl Graph {
    fn read() -> Self {
        // Packages of other platforms are never fetched: only this one's are looked at.
        let rustc = Command::new("rustc").arg("-vV").output().unwrap();
        let rustc = String::from_utf8(rustc.stdout).unwrap();
        let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host])
            .current_dir(repository())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let own: BTreeSet<&str> =
            metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        let packages = metadata["packages"].as_array().unwrap().iter();
        let names: BTreeMap<&str, &str> =
            packages.map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap())).collect();
        let mut graph = Graph { direct: BTreeMap::new(), own: own.iter().map(|id| names[id].to_owned()).collect() };
        // What is resolved, and not what is declared: optional dependencies count only where they are used.
        for node in metadata["resolve"]["nodes"].as_array().unwrap() {
            let used = node["deps"].as_array().unwrap().iter().filter(|dependency| {
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
            });
            let used = used.map(|dependency| names[dependency["pkg"].as_str().unwrap()].to_owned());
            graph.direct.entry(names[node["id"].as_str().unwrap()].to_owned()).or_default().extend(used);
        }
        graph
    }

    fn members(&self) -> impl Iterator<Item = &str> {
        self.own.iter().map(String::as_str).filter(|name| *name != "mlsys-tests")
    }

    fn reached(&self, name: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![name.to_owned()];
        while let Some(next) = waiting.pop() {
            for dependency in self.direct.get(&next).into_iter().flatten() {
                if reached.insert(dependency.clone()) {
                    waiting.push(dependency.clone());
                }
            }
        }
        reached
    }
}
