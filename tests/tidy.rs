//! Habits that no lint holds: headers, sizes, and what must not be said.

use std::path::{Path, PathBuf};

use mlsys_tests::repository;

/// How many lines a file may have.
const MAX_LINES: usize = 800;

#[test]
fn every_file_says_what_room_it_is() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with a `//!` line", path.display());
    }
}

#[test]
fn files_hold_one_thing() {
    for path in sources() {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn nothing_is_left_open() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        for mark in
            [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[ig", "nore"), concat!("FIX", "ME")]
        {
            assert!(!text.contains(mark), "{} contains `{mark}`", path.display());
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for room in ["compiler", "runtime", "stdlib", "tests"] {
        collect(&repository().join(room), &mut found);
    }
    assert!(found.len() > 50, "only {} files were found", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
