//! The binaries under test, and runs of them in folders of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::repository;

/// The folder of `mlsysc` and `mlsysd`, built if they are not current: with all targets, as the tests themselves, since
/// another selection has other features of dependencies and would build them anew.
///
/// # Panics
/// They cannot be built.
pub fn binaries() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let this = std::env::current_exe().expect("this test has a path");
        let folder = this.parent().and_then(Path::parent).expect("tests lie in `deps` of the target folder");
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--workspace", "--all-targets", "--quiet", "--offline", "--locked"])
            .current_dir(repository());
        // Of what cargo has told this test: a build script that reads it would run again, with all that depends on it.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_package(&name.to_string_lossy())) {
            build.env_remove(name);
        }
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built = build.status().expect("cargo can be started");
        assert!(built.success(), "the binaries cannot be built");
        folder.to_path_buf()
    })
}

/// Whether a variable tells of the package that cargo is at work on.
fn is_of_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_"]
        .iter()
        .any(|of| name.starts_with(of))
}

/// A call of `mlsysc`, without colours.
pub fn mlsysc(arguments: &[&str]) -> Command {
    let mut command = Command::new(binaries().join("mlsysc"));
    command.args(arguments).env("NO_COLOR", "1").env_remove("MLSYSD");
    command
}

/// What a finished call printed on both streams.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
