//! Aliases: names that a version of a model has until another one gets them.

use sqlx::{AnyConnection, Row};

use super::history::{Actor, note};
use super::{Registry, Version};
use crate::error::StoreError;

/// What the history says where a run has given an alias.
pub(super) const BY_A_RUN: &str = "alias";

/// What it says where somebody has.
const BY_HAND: &str = "promoted";

/// What it says where an alias was given back.
const BACK: &str = "rolled back";

impl Registry {
    /// The version of a model that has the alias, if one has it.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn holder(&self, model: &str, alias: &str) -> Result<Option<Version>, StoreError> {
        let versions = self.versions(model).await?;
        Ok(versions.into_iter().find(|version| version.aliases.iter().any(|held| held == alias)))
    }

    /// Gives a version an alias, and takes it from the one that had it, which is told.
    ///
    /// # Errors
    /// The database refuses, also where there is no such version.
    pub async fn give(&self, model: &str, alias: &str, version: i64, actor: &Actor) -> Result<Option<i64>, StoreError> {
        let (mut transaction, _) = self.writer(model).await?;
        let before = give(&mut transaction, model, alias, version, actor, BY_HAND).await?;
        transaction.commit().await?;
        Ok(before)
    }

    /// Gives an alias back to the version that had it before the present one, whose number is told, and then that of the one
    /// that has it again; none if there was none before. Going back twice goes back further.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn go_back(&self, model: &str, alias: &str, actor: &Actor) -> Result<Option<(i64, i64)>, StoreError> {
        let (mut transaction, _) = self.writer(model).await?;
        let Some(present) = holder(&mut transaction, model, alias).await? else { return Ok(None) };
        let Some(before) = before(&mut transaction, model, alias, present).await? else { return Ok(None) };
        give(&mut transaction, model, alias, before, actor, BACK).await?;
        transaction.commit().await?;
        Ok(Some((present, before)))
    }
}

/// The version that has an alias.
pub(super) async fn holder(
    connection: &mut AnyConnection,
    model: &str,
    alias: &str,
) -> Result<Option<i64>, StoreError> {
    let found = sqlx::query_scalar("SELECT version FROM aliases WHERE model = $1 AND alias = $2")
        .bind(model)
        .bind(alias)
        .fetch_optional(connection)
        .await?;
    Ok(found)
}

/// The version that had an alias when the present one got it by moving forward.
async fn before(
    connection: &mut AnyConnection,
    model: &str,
    alias: &str,
    present: i64,
) -> Result<Option<i64>, StoreError> {
    let row = sqlx::query(
        "SELECT previous FROM history
         WHERE model = $1 AND alias = $2 AND version = $3 AND what <> $4 AND previous IS NOT NULL
         ORDER BY id DESC LIMIT 1",
    )
    .bind(model)
    .bind(alias)
    .bind(present)
    .bind(BACK)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| row.try_get("previous")).transpose()?)
}

/// Whether somebody, and no run, has given the alias last.
pub(super) async fn is_by_hand(connection: &mut AnyConnection, model: &str, alias: &str) -> Result<bool, StoreError> {
    let last: Option<String> =
        sqlx::query_scalar("SELECT what FROM history WHERE model = $1 AND alias = $2 ORDER BY id DESC LIMIT 1")
            .bind(model)
            .bind(alias)
            .fetch_optional(connection)
            .await?;
    Ok(last.is_some_and(|what| what != BY_A_RUN))
}

/// Gives a version an alias; the version that had it, if that is another one.
pub(super) async fn give(
    connection: &mut AnyConnection,
    model: &str,
    alias: &str,
    version: i64,
    actor: &Actor,
    what: &str,
) -> Result<Option<i64>, StoreError> {
    let before = holder(connection, model, alias).await?;
    if before == Some(version) {
        return Ok(None);
    }
    sqlx::query(
        "INSERT INTO aliases (model, alias, version) VALUES ($1, $2, $3)
         ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version",
    )
    .bind(model)
    .bind(alias)
    .bind(version)
    .execute(&mut *connection)
    .await?;
    note(connection, model, version, what, Some((alias, before)), actor).await?;
    Ok(before)
}
