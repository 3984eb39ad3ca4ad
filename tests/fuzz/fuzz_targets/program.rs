//! Any text as a program: it is checked, built and formatted; formatting twice is formatting once.
#![no_main]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use mlsys_driver::{Compiler, InMemory, Settings, format};

fuzz_target!(|text: &str| {
    let files = BTreeMap::from([(PathBuf::from("/p/program.mlsys"), text.to_owned())]);
    let path = Path::new("/p/program.mlsys");
    if let Ok(compiler) = Compiler::load(&InMemory { files }, path, Settings::default()) {
        let built = compiler.build();
        assert!(built.is_ok() || built.is_err_and(|problems| !problems.is_empty()), "no plan and no reason");
    }
    let once = format(text);
    assert_eq!(format(&once), once, "formatting twice");
});
