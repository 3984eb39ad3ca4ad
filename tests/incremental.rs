//! What is checked again after an edit: the queries that salsa executes, by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mlsys_driver::{Compiler, InMemory, Settings};
use mlsys_tests::{large_project, repository};

/// The flights program in a compiler that has checked it, and the log of its queries.
struct Session {
    compiler: Compiler,
    text: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Session {
    fn new() -> Self {
        let text = std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap();
        let files = BTreeMap::from([(PathBuf::from("/project/flights.mlsys"), text.clone())]);
        let log = Arc::new(Mutex::new(Vec::new()));
        let observed = Arc::clone(&log);
        let observer = move |query: String| observed.lock().unwrap().push(query);
        let path = Path::new("/project");
        let compiler = Compiler::load_observed(&InMemory { files }, path, Settings::default(), observer).unwrap();
        assert!(compiler.check().is_empty());
        Session { compiler, text, log }
    }

    /// Edits, checks again, and returns how often each query was executed.
    fn edit(&mut self, from: &str, to: &str) -> BTreeMap<String, usize> {
        assert!(self.text.contains(from), "{from}");
        self.text = self.text.replacen(from, to, 1);
        self.log.lock().unwrap().clear();
        assert!(self.compiler.edit("flights.mlsys", &self.text));
        self.compiler.check();
        let mut counts = BTreeMap::new();
        for query in self.log.lock().unwrap().iter() {
            *counts.entry(query.split('(').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
        counts
    }
}

#[test]
fn moving_declarations_checks_nothing_again() {
    let counts = Session::new().edit("use std.time", "// a remark\n\nuse std.time");
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["items"], "{counts:?}");
}

#[test]
fn an_edit_reaches_what_depends_on_it() {
    let mut session = Session::new();
    let counts = session.edit("rain = sum(precip) over 6h", "rain = sum(precip) over 7h");
    assert_eq!(counts["parsed"], 1, "{counts:?}");
    assert_eq!(counts["features_of"], 1, "{counts:?}");
    assert!(!counts.contains_key("source_of"), "{counts:?}");
    // A blank changes the text of one declaration and the meaning of none: those that read it look again, once.
    let counts = session.edit("expect distance > 0  ", "expect distance >  0  ");
    assert_eq!((counts["parsed"], counts["source_of"]), (1, 1), "{counts:?}");
    assert!(!counts.contains_key("entity_of") && counts["model_of"] == 1, "{counts:?}");
}

#[test]
fn nothing_is_executed_without_an_edit() {
    let session = Session::new();
    session.log.lock().unwrap().clear();
    session.compiler.check();
    assert!(session.log.lock().unwrap().is_empty());
}

/// In a large project one changed line checks one group and the models that read it, whatever else there is.
#[test]
fn an_edit_in_a_large_project_leaves_the_rest_alone() {
    const FILES: usize = 20;
    let files = large_project(FILES, 10, 10);
    let log = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&log);
    let observer = move |query: String| observed.lock().unwrap().push(query);
    let path = PathBuf::from("/project/part_7.mlsys");
    let text = files[&path].replacen("f1 = mean(net) over 2d", "f1 = mean(net) over 45d", 1);
    let file_system = InMemory { files };
    let mut compiler =
        Compiler::load_observed(&file_system, Path::new("/project"), Settings::default(), observer).unwrap();
    assert!(compiler.check().is_empty() && compiler.hygiene().is_empty());
    log.lock().unwrap().clear();
    assert!(compiler.edit("part_7.mlsys", &text));
    assert!(compiler.check().is_empty() && compiler.hygiene().is_empty());
    let log = log.lock().unwrap();
    let count = |name: &str| log.iter().filter(|query| query.split('(').next() == Some(name)).count();
    // Of 200 sources, 200 groups and 20 models: one declaration is read again, one group and its model are.
    assert_eq!((count("parsed"), count("features_of"), count("model_of")), (1, 1, 1), "{log:?}");
    assert_eq!((count("items"), count("file_reports")), (1, 1), "{log:?}");
    assert_eq!((count("source_of"), count("entity_of"), count("deployment_of")), (0, 0, 0), "{log:?}");
    assert!(log.len() < 60, "{} queries: {log:?}", log.len());
}
