//! Where a registry of a case lies: a file in a folder of its own, or a database of its own.

use mlsys_store::{Registry, RegistryAddress};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tempfile::TempDir;

use crate::postgres::{PASSWORD, Postgres};

pub(crate) enum Place {
    File(TempDir),
    Server(String),
}

impl Place {
    /// An empty place on each database.
    pub(crate) fn both() -> [Place; 2] {
        [Place::File(tempfile::tempdir().unwrap()), Place::Server(Postgres::server().database())]
    }

    /// The same place, as another process names it.
    pub(crate) fn name(&self) -> String {
        match self {
            Place::File(folder) => folder.path().join("registry.db").to_string_lossy().into_owned(),
            Place::Server(address) => address.clone(),
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Place::Server(_))
    }

    pub(crate) async fn open(&self) -> Registry {
        open(&self.name()).await
    }

    /// Sends a statement past the registry.
    pub(crate) async fn tell(&self, statement: &str) -> Result<(), String> {
        match self {
            Place::Server(address) => {
                let database = address.rsplit('/').next().unwrap_or_default();
                Postgres::server().psql(database, statement).map(drop)
            }
            Place::File(_) => {
                sqlx::any::install_default_drivers();
                let mut raw = AnyConnection::connect(&format!("sqlite://{}?mode=rwc", self.name())).await.unwrap();
                let told = sqlx::query(AssertSqlSafe(statement)).execute(&mut raw).await;
                raw.close().await.unwrap();
                told.map(drop).map_err(|error| error.to_string())
            }
        }
    }
}

/// Opens the registry that has this name.
pub(crate) async fn open(name: &str) -> Registry {
    if name.starts_with("postgres://") {
        let address = RegistryAddress::read(name, Some(PASSWORD)).unwrap();
        Registry::connect(&address).await.unwrap()
    } else {
        Registry::open(std::path::Path::new(name)).await.unwrap()
    }
}
