//! What a registry's database answers when it does not do what is asked: one sentence, and what to do about it.

use std::io::ErrorKind;

use sqlx::Error;

use super::RegistryAddress;
use crate::error::StoreError;

/// Codes of PostgreSQL (documentation, appendix A), the reason that is told of them, and the help.
const KNOWN: [(&[&str], &str, &str); 6] = [
    (
        &["28P01"],
        "it does not take the password",
        "set the password of the user in the environment variable `PGPASSWORD`, or in the one that `secrets` of the profile \
         names for it",
    ),
    (
        &["28000"],
        "it does not let this user in",
        "name another user as `postgres://USER@HOST/DATABASE`, or let this one in (`pg_hba.conf` of the server)",
    ),
    (
        &["3D000"],
        "there is no such database",
        "make the database (`createdb NAME`), or name another one as `registry` in `mlsys.toml`",
    ),
    (
        &["42501"],
        "the user may not do this there",
        "the first to use a registry makes its tables (`GRANT CREATE ON SCHEMA`); later ones read all of them, write all but \
         rows of the history, and add to that",
    ),
    (
        &["42P07", "42723", "42P06", "42703"],
        "its tables are those of another program",
        "give the registry a database of its own, or a schema: `?options[search_path]=NAME`",
    ),
    (
        &["53300", "57P01", "57P02", "57P03"],
        "it takes no connection now",
        "wait until it is up again, and run again: what was finished is kept",
    ),
];

/// The help for a server that is not reached.
const REACH: &str = "check host and port in `registry` of `mlsys.toml`, the network, and that the server runs";

/// The help for what is not known.
const HELP: &str = "check that `registry.db` in the state folder, or the server that the profile names as `registry`, may be \
                    read and written, and run again: what was finished is kept";

/// An error of a server while it is reached for.
pub(super) fn of(address: &RegistryAddress, error: &Error) -> StoreError {
    let (reason, help) = told(error);
    StoreError::Server { address: address.to_string(), reason, help }
}

/// The same error, told of a server.
pub(super) fn at(address: &RegistryAddress, error: StoreError) -> StoreError {
    match error {
        StoreError::Registry { reason, help } => StoreError::Server { address: address.to_string(), reason, help },
        other => other,
    }
}

/// A server that does not answer.
pub(super) fn too_late(address: &RegistryAddress) -> StoreError {
    StoreError::Server { address: address.to_string(), reason: "it does not answer".to_owned(), help: REACH }
}

/// An error of a registry that was reached before.
impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let (reason, help) = told(&error);
        StoreError::Registry { reason, help }
    }
}

fn told(error: &Error) -> (String, &'static str) {
    match error {
        Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            let known = KNOWN.iter().find(|(codes, _, _)| codes.contains(&code.as_ref()));
            known.map_or_else(
                || (first_line(database.message()), HELP),
                |(_, reason, help)| ((*reason).to_owned(), *help),
            )
        }
        Error::Tls(error) => unprotected(&error.to_string()),
        // A certificate that does not hold comes as data that is not right.
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => unprotected(&error.to_string()),
        Error::PoolTimedOut => ("it does not answer".to_owned(), REACH),
        Error::Io(error) => (format!("it cannot be reached: {}", first_line(&error.to_string())), REACH),
        other => (first_line(&other.to_string()), HELP),
    }
}

/// A connection that is not encrypted, or that leads to somebody else.
fn unprotected(reason: &str) -> (String, &'static str) {
    let help = "name the file with the certificate of its authority as `?sslrootcert=FILE`; on a network that is trusted, \
                `?sslmode=require` does without its name, and `?sslmode=disable` without protection";
    (format!("its connection cannot be protected: {}", first_line(reason)), help)
}

/// The beginning of what a database says.
fn first_line(text: &str) -> String {
    /// Longer ones tell users nothing.
    const MOST: usize = 200;
    text.lines().next().unwrap_or_default().chars().take(MOST).collect()
}
