//! The address of a registry that machines share: a database of a PostgreSQL server.

use std::fmt::{self, Debug, Display, Formatter};
use std::path::Path;

use sqlx::any::AnyConnectOptions;

use crate::error::StoreError;

/// What an address begins with.
const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

/// What may stand behind the `?`; settings of the session besides, as `options[search_path]=fraud`.
const PARAMETERS: [&str; 8] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "application_name", "options"];

/// Those of them that name files.
const FILES: [&str; 3] = ["sslrootcert", "sslcert", "sslkey"];

/// How much a connection is protected, from not at all to a server that proves its name.
const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Where a registry is that machines share, and how one gets in. Only host and database are ever shown.
#[derive(Clone)]
pub struct RegistryAddress {
    options: AnyConnectOptions,
    shown: String,
}

impl RegistryAddress {
    /// Reads `postgres://user@host:port/database?sslmode=…`. Without a password the one in `PGPASSWORD` is taken, or that of
    /// `~/.pgpass`. A server on another machine has to be encrypted and to prove its name unless `sslmode` or `PGSSLMODE` says
    /// otherwise. (PostgreSQL 16 documentation, 34.1.1.2 "Connection URIs" and 34.15 "Environment Variables".)
    ///
    /// # Errors
    /// It is another one, or has a password in it. Nothing of it is repeated.
    pub fn read(text: &str, password: Option<&str>) -> Result<Self, StoreError> {
        let wrong = |reason: &'static str| StoreError::RegistryAddress { reason };
        let mut options: AnyConnectOptions = text.parse().map_err(|_| wrong("it is no address"))?;
        let url = &mut options.database_url;
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let given = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let is_known = |key: &String| PARAMETERS.contains(&key.as_str()) || key.starts_with("options[");
        if !SCHEMES.contains(&url.scheme()) {
            return Err(wrong("it does not begin with `postgres://`"));
        }
        if url.password().is_some() || given("password").is_some() {
            return Err(wrong("it has a password in it"));
        }
        let database = url.path().trim_matches('/').to_owned();
        if database.is_empty() || database.contains('/') {
            return Err(wrong("it does not name one database"));
        }
        let host = given("host").or_else(|| url.host_str().map(str::to_owned)).filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("it names no host"))?;
        if !pairs.iter().all(|(key, _)| is_known(key)) {
            return Err(wrong("it has a parameter that is not known"));
        }
        if given("sslmode").is_some_and(|mode| !MODES.contains(&mode.as_str())) {
            return Err(wrong("its `sslmode` is not known"));
        }
        if FILES.iter().filter_map(|name| given(name)).any(|file| !Path::new(&file).is_file()) {
            return Err(wrong("it names a file with a certificate or a key that is not there"));
        }
        if given("sslmode").is_none() && std::env::var_os("PGSSLMODE").is_none() && !is_near(&host) {
            url.query_pairs_mut().append_pair("sslmode", "verify-full");
        }
        if let Some(password) = password {
            // The sign that begins a number is the one that is not written as one.
            let set = url.set_password(Some(&password.replace('%', "%25")));
            set.map_err(|()| wrong("it names no host"))?;
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(RegistryAddress { shown: format!("{host}{port}/{database}"), options })
    }

    pub(super) fn options(&self) -> &AnyConnectOptions {
        &self.options
    }
}

/// Whether a host is this machine: what is sent there does not leave it.
fn is_near(host: &str) -> bool {
    let is_loopback = host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    // The folder of a socket, as a parameter or as a host.
    host == "localhost" || is_loopback || host.starts_with('/') || host.to_ascii_lowercase().starts_with("%2f")
}

impl Display for RegistryAddress {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

/// Without the password.
impl Debug for RegistryAddress {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RegistryAddress").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RegistryAddress, StoreError> {
        RegistryAddress::read(text, None)
    }

    #[test]
    fn host_and_database_are_shown() {
        for (text, shown) in [
            ("postgres://ann@registry.example/mlsys", "registry.example/mlsys"),
            ("postgresql://ann@registry.example:6432/mlsys?sslmode=require", "registry.example:6432/mlsys"),
            ("postgres:///mlsys?host=/run/postgresql", "/run/postgresql/mlsys"),
            ("postgres://registry.example/mlsys?options[search_path]=fraud", "registry.example/mlsys"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_such_address_is_refused_and_not_repeated() {
        for (text, expected) in [
            ("registry", "no address"),
            ("mysql://secret@host/mlsys", "postgres://"),
            ("postgres://ann:secret@host/mlsys", "a password in it"),
            ("postgres://ann@host/mlsys?password=secret", "a password in it"),
            ("postgres://secret@host/", "one database"),
            ("postgres://secret@host/a/b", "one database"),
            ("postgres:///secret", "no host"),
            ("postgres://host/mlsys?secret=1", "a parameter"),
            ("postgres://host/mlsys?sslmode=secret", "`sslmode`"),
            ("postgres://host/mlsys?sslrootcert=/secret/file", "not there"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code(), "E0915");
            assert!(error.to_string().contains(expected) && !error.to_string().contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn the_password_is_taken_as_it_is_and_never_shown() {
        let address = RegistryAddress::read("postgres://ann@host/mlsys", Some("se%41cret@/?")).unwrap();
        assert!(!format!("{address} {address:?}").contains("cret"));
        assert_eq!(address.options().database_url.password(), Some("se%2541cret%40%2F%3F"));
    }

    #[test]
    fn only_this_machine_is_reached_without_encryption() {
        for (host, is_encrypted) in
            [("db.example", true), ("10.0.0.1", true), ("localhost", false), ("127.0.0.1", false), ("[::1]", false)]
        {
            let address = read(&format!("postgres://ann@{host}/mlsys")).unwrap();
            let query = address.options().database_url.query().unwrap_or_default();
            let is_free = std::env::var_os("PGSSLMODE").is_some();
            assert!(is_free || query.contains("sslmode=verify-full") == is_encrypted, "{host}: {query}");
        }
    }
}
