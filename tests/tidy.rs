//! Habits that no lint holds: headers, sizes, and what must not be said.

use std::path::PathBuf;

use mlsys_tests::{files_under, repository};

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
    let rooms = ["compiler", "runtime", "stdlib", "tests"].into_iter();
    let found: Vec<PathBuf> = rooms.flat_map(|room| files_under(&repository().join(room), "rs")).collect();
    assert!(found.len() > 50, "only {} files were found", found.len());
    found
}
