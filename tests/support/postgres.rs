//! A PostgreSQL server of the tests' own, from `.testenv`: started when a test first asks for it, on loopback, in a folder of
//! its own, and ended with the process that runs the tests, whatever becomes of that.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The password of its user; what would mean something in an address is in it.
pub(crate) const PASSWORD: &str = "a pass%41word@/?";

/// Ends the server when nobody holds the other end of standard input any more.
const KEEPER: &str = r#""$0" -D "$1/data" -k "$1" -h 127.0.0.1 -p "$2" -c fsync=off -c max_connections=200 >"$1/log" 2>&1 &
server=$!
read -r end
kill -INT "$server"
wait "$server"
rm -rf "$1""#;

/// How long it may take to begin.
const START: Duration = Duration::from_secs(60);

/// A server.
pub(crate) struct Postgres {
    folder: PathBuf,
    binaries: PathBuf,
    port: u16,
    /// It ends when this is closed.
    _keeper: Child,
}

impl Postgres {
    /// The one server of this process.
    pub(crate) fn server() -> &'static Postgres {
        static SERVER: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        &SERVER
    }

    /// The address of an empty database that nobody else has.
    pub(crate) fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("case_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let made = self.psql("postgres", &format!("CREATE DATABASE {name}"));
        assert!(made.is_ok(), "{made:?}");
        self.address(&name)
    }

    /// The address of a database, without the password.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://mlsys@127.0.0.1:{}/{database}", self.port)
    }

    /// Sends a database a statement as its own client does; what it prints.
    ///
    /// # Errors
    /// What the client says of it.
    pub(crate) fn psql(&self, database: &str, statement: &str) -> Result<String, String> {
        let mut client = Command::new(self.binaries.join("psql"));
        client.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--host", "127.0.0.1"]);
        client.args(["--port", &self.port.to_string(), "--username", "mlsys", "--dbname", database]);
        let output = client.args(["--command", statement]).env("PGPASSWORD", PASSWORD).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_path_buf();
        let installed = installed();
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| owner(&process) == Some(0));
        // It refuses to be the administrator's; another user does not get to the folders of the administrator.
        let binaries = if is_root { copied(&installed, &folder) } else { installed.join("bin") };
        fs::write(folder.join("password"), PASSWORD).unwrap();
        if is_root {
            let given = Command::new("chown").args(["-R", "65534:65534"]).arg(&folder).status().unwrap();
            assert!(given.success());
        }
        let made = as_user(&binaries.join("initdb"), is_root)
            .args(["--username", "mlsys", "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"])
            .arg("--pwfile")
            .arg(folder.join("password"))
            .arg("--pgdata")
            .arg(folder.join("data"))
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let keeper = as_user(Path::new("/bin/sh"), is_root)
            .args(["-c", KEEPER])
            .arg(binaries.join("postgres"))
            .arg(&folder)
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        // The keeper removes it.
        let folder = temporary.keep();
        let server = Postgres { folder, binaries, port, _keeper: keeper };
        server.wait();
        server
    }

    fn wait(&self) {
        let began = Instant::now();
        while let Err(reason) = self.psql("postgres", "SELECT 1") {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < START, "PostgreSQL does not begin: {reason}\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The server as it lies in the tests' Python environment.
fn installed() -> PathBuf {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let repository = above.find(|folder| folder.join(".setup").is_dir()).unwrap();
    let inside = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let packages = inside(repository.join(".testenv/lib")).flat_map(|python| inside(python.join("site-packages")));
    // The package has two names, for earlier and later Pythons.
    let found = packages.map(|package| package.join("pginstall")).find(|folder| folder.join("bin/postgres").is_file());
    found.expect("the tests' PostgreSQL is missing: `python3 .setup testenv` makes it")
}

/// Copies a server with the libraries beside its package; the folder of its programs.
fn copied(installed: &Path, into: &Path) -> PathBuf {
    let package = installed.parent().unwrap();
    let mut libraries = package.as_os_str().to_owned();
    libraries.push(".libs");
    let libraries = PathBuf::from(libraries);
    let to = into.join("package");
    fs::create_dir(&to).unwrap();
    let there = [installed.to_path_buf(), libraries.clone()].into_iter().filter(|folder| folder.is_dir());
    for (folder, to) in there.zip([to, into.join(libraries.file_name().unwrap())]) {
        let copied = Command::new("cp").arg("-R").arg(folder).arg(to).status().unwrap();
        assert!(copied.success());
    }
    into.join("package/pginstall/bin")
}

/// A command that the administrator starts as the user `nobody`.
fn as_user(program: &Path, is_root: bool) -> Command {
    let mut command = Command::new(program);
    command.env_remove("PGPASSWORD").stdout(Stdio::null()).stderr(Stdio::piped());
    #[cfg(unix)]
    if is_root {
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
        std::os::unix::process::CommandExt::gid(&mut command, 65534);
    }
    command
}

#[cfg(unix)]
fn owner(metadata: &fs::Metadata) -> Option<u32> {
    Some(std::os::unix::fs::MetadataExt::uid(metadata))
}

#[cfg(not(unix))]
fn owner(_: &fs::Metadata) -> Option<u32> {
    None
}
