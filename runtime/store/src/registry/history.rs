//! The history: who did what to which version, when and why. It only grows; the database refuses everything else.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Registry, now};
use crate::error::StoreError;

/// Who does something, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// Who: `user@machine`, or what the environment variable MLSYS_USER says.
    pub who: String,
    /// Why, in their own words.
    pub why: Option<String>,
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The version.
    pub version: i64,
    /// What happened: `registered`, `alias`, `promoted`, `rolled back`, `exported`, `files removed`.
    pub what: String,
    /// The alias that it got.
    pub alias: Option<String>,
    /// The version that had the alias before.
    pub previous: Option<i64>,
    /// Who did it; none for what happened before this was kept.
    pub who: Option<String>,
    /// Why, if they said so.
    pub why: Option<String>,
}

impl Actor {
    /// Whoever runs this process.
    pub fn here() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user = || variable("USER").or_else(|| variable("USERNAME")).unwrap_or_else(|| "unknown".to_owned());
        let machine = || {
            let named = variable("HOSTNAME").or_else(|| std::fs::read_to_string("/etc/hostname").ok());
            named.map(|name| name.trim().to_owned()).unwrap_or_else(|| "unknown".to_owned())
        };
        Actor { who: variable("MLSYS_USER").unwrap_or_else(|| format!("{}@{}", user(), machine())), why: None }
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(self, why: Option<String>) -> Self {
        Actor { why, ..self }
    }
}

impl Registry {
    /// What happened to a model's versions, the latest first.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn history(&self, model: &str) -> Result<Vec<Entry>, StoreError> {
        let rows = sqlx::query(
            "SELECT at, version, what, alias, previous, who, why FROM history WHERE model = $1 ORDER BY id DESC",
        )
        .bind(model)
        .fetch_all(&self.pool)
        .await?;
        let entry = |row: &AnyRow| {
            Ok(Entry {
                at: row.try_get("at")?,
                version: row.try_get("version")?,
                what: row.try_get("what")?,
                alias: row.try_get("alias")?,
                previous: row.try_get("previous")?,
                who: row.try_get("who")?,
                why: row.try_get("why")?,
            })
        };
        rows.iter().map(entry).collect()
    }

    /// Notes something that changes no version.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn note(&self, model: &str, version: i64, what: &str, actor: &Actor) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        note(&mut connection, model, version, what, None, actor).await
    }
}

/// Adds a line; `alias` with the version that had it before.
pub(super) async fn note(
    connection: &mut AnyConnection,
    model: &str,
    version: i64,
    what: &str,
    alias: Option<(&str, Option<i64>)>,
    actor: &Actor,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO history (at, model, version, what, alias, previous, who, why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(now())
    .bind(model)
    .bind(version)
    .bind(what)
    .bind(alias.map(|(alias, _)| alias))
    .bind(alias.and_then(|(_, previous)| previous))
    .bind(&actor.who)
    .bind(&actor.why)
    .execute(connection)
    .await?;
    Ok(())
}
