//! How a registry is reached: a file of this machine, or a server.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Connection};

use super::dialect::Dialect;
use super::postgres::POSTGRES;
use super::sqlite::SQLITE;
use super::{Registry, RegistryAddress, failure, schema};
use crate::error::StoreError;

/// How long a server may take until it is connected.
const REACHED: Duration = Duration::from_secs(10);

/// How long a statement may wait for a connection that was lost and is made again, or for a file that is just made.
const AGAIN: Duration = Duration::from_secs(30);

impl Registry {
    /// Opens a registry in a file, or makes one. One of an earlier version is brought up to date.
    ///
    /// # Errors
    /// The database cannot be opened, or is of a later version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let mut first = AnyConnection::connect_with(&of_file(path)?).await?;
        tell(&mut first, &SQLITE).await?;
        schema::bring_up_to_date(&mut first, &SQLITE).await?;
        first.close().await?;
        Ok(Registry { pool: pool(of_file(path)?, &SQLITE) })
    }

    /// Opens the registry of a server, or makes its tables. Those of an earlier version are brought up to date.
    ///
    /// # Errors
    /// The server cannot be reached in time, does not let the user in, has no such database, or its registry is of a later
    /// version. What is told of it is host and database.
    pub async fn connect(address: &RegistryAddress) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let reached = tokio::time::timeout(REACHED, first(address)).await;
        reached.unwrap_or_else(|_| Err(failure::too_late(address)))?;
        Ok(Registry { pool: pool(address.options().clone(), &POSTGRES) })
    }

    /// Closes the database, so that everything is in one file.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// The first connection to a server tells more of what is wrong than a pool does, which tries again until its time is up.
async fn first(address: &RegistryAddress) -> Result<(), StoreError> {
    let failed = |error: sqlx::Error| failure::of(address, &error);
    let mut first = AnyConnection::connect_with(address.options()).await.map_err(failed)?;
    tell(&mut first, &POSTGRES).await.map_err(failed)?;
    let made = schema::bring_up_to_date(&mut first, &POSTGRES).await;
    made.map_err(|error| failure::at(address, error))?;
    // It has done what it was for; a server that has gone meanwhile is told by whatever is asked next.
    let _ = first.close().await;
    Ok(())
}

/// One connection, made when something is asked, and made again when it was lost.
fn pool(options: AnyConnectOptions, dialect: &'static Dialect) -> AnyPool {
    AnyPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(AGAIN)
        .after_connect(move |connection, _| Box::pin(tell(connection, dialect)))
        .connect_lazy_with(options)
}

/// Tells a connection its settings. SQLite does not wait for a file that another process is just making: it is asked again.
async fn tell(connection: &mut AnyConnection, dialect: &'static Dialect) -> Result<(), sqlx::Error> {
    let began = Instant::now();
    for statement in dialect.settings {
        while let Err(error) = sqlx::query(*statement).execute(&mut *connection).await {
            if !is_busy(&error) || began.elapsed() > AGAIN {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

/// Whether it is SQLite's SQLITE_BUSY, SQLITE_BUSY_RECOVERY or SQLITE_BUSY_SNAPSHOT (documentation, "Result and Error Codes").
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["5", "261", "517"].contains(&code.as_ref()))
}

/// A file as an address: every byte that may mean something else there is written as a number.
fn of_file(path: &Path) -> Result<AnyConnectOptions, StoreError> {
    sqlx::any::install_default_drivers();
    let failed = |error: std::io::Error| StoreError::io(path, &error);
    // An address has no `..`, and a relative one would begin with the name of a host.
    let folder = path.parent().unwrap_or(path).canonicalize().map_err(failed)?;
    let whole = folder.join(path.file_name().unwrap_or_default());
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_');
    let written = |byte: u8| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let encoded: String = whole.as_os_str().as_encoded_bytes().iter().copied().map(written).collect();
    Ok(format!("sqlite://{encoded}?mode=rwc").parse()?)
}
