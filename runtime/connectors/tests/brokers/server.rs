//! Starting the broker of `tests/broker`, and clients of it that are not ours.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A broker of a test's own; it ends with the value.
pub(crate) struct Broker {
    process: Child,
    /// Where it listens.
    pub(crate) address: String,
}

impl Broker {
    /// Starts an empty broker on a free port.
    pub(crate) fn start() -> Self {
        let mut process =
            Command::new(program()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the broker starts");
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Broker { process, address: address.trim().to_owned() }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The repository's folder.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The broker's program: the one that is named by the environment, or what its own workspace builds, once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(named) = std::env::var_os("MLSYS_TEST_BROKER") {
            return named.into();
        }
        let folder = repository().join("tests/broker");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(folder.join("target"))
            .status();
        let how = "see tests/broker/README.md";
        assert!(built.is_ok_and(|status| status.success()), "the test broker cannot be built; {how}");
        folder.join("target/release/mlsys-test-broker")
    })
}

/// Runs a script of the client in Python, with its input and the arguments; the answer is what it prints.
pub(crate) fn python(script: &str, broker: &Broker, arguments: &[&str], input: &str) -> String {
    let named = std::env::var_os("MLSYS_TEST_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| repository().join(".testenv/bin/python"));
    assert!(python.exists(), "the tests' Python environment is missing: `python3 .setup testenv` makes it");
    let mut process = Command::new(python)
        .args(["-c", script, &broker.address])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
