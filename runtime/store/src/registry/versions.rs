//! Versions: registered once for each training, and never changed but for their aliases.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::history::{Actor, note};
use super::{Detail, Expected, NewVersion, Registered, Registry, Version, aliases, now};
use crate::error::StoreError;

/// The columns of a version in lists.
const LISTED: &str = "v.version, v.created_at, v.training, v.artefact, v.removed_at, d.definition,
    (SELECT string_agg(a.alias, ',') FROM aliases a WHERE a.model = v.model AND a.version = v.version) AS aliases";

/// The tables that they are read from.
const FROM: &str = "versions v LEFT JOIN definitions d ON d.model = v.model AND d.version = v.version";

impl Registry {
    /// Registers a version and gives it the alias; a training that is registered already keeps its number, and gets the alias
    /// only if nobody has given it to another version by hand since. None, and nothing is written, if the alias is not what is
    /// expected of it: another writer has moved it meanwhile.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn register(
        &self,
        new: &NewVersion<'_>,
        alias: &str,
        expected: Expected,
        actor: &Actor,
    ) -> Result<Option<Registered>, StoreError> {
        let (mut transaction, latest) = self.writer(new.model).await?;
        if let Expected::Holder(expected) = expected
            && aliases::holder(&mut transaction, new.model, alias).await? != expected
        {
            return Ok(None);
        }
        let known = number(&mut transaction, new).await?;
        let registered = match known {
            Some(version) => Registered { version, fresh: false },
            None => {
                insert(&mut transaction, new, latest + 1, actor).await?;
                Registered { version: latest + 1, fresh: true }
            }
        };
        sqlx::query(
            "INSERT INTO definitions (model, version, definition) VALUES ($1, $2, $3)
             ON CONFLICT (model, version) DO UPDATE SET definition = excluded.definition",
        )
        .bind(new.model)
        .bind(registered.version)
        .bind(new.definition)
        .execute(&mut *transaction)
        .await?;
        // A training that comes back brings files that were removed.
        sqlx::query("UPDATE versions SET removed_at = NULL WHERE model = $1 AND version = $2")
            .bind(new.model)
            .bind(registered.version)
            .execute(&mut *transaction)
            .await?;
        if registered.fresh || !aliases::is_by_hand(&mut transaction, new.model, alias).await? {
            aliases::give(&mut transaction, new.model, alias, registered.version, actor, aliases::BY_A_RUN).await?;
        }
        transaction.commit().await?;
        Ok(Some(registered))
    }

    /// The names of all models, in order.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn models(&self) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar("SELECT DISTINCT model FROM versions ORDER BY model").fetch_all(&self.pool).await?)
    }

    /// The versions of a model, newest first.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn versions(&self, model: &str) -> Result<Vec<Version>, StoreError> {
        let text = format!("SELECT {LISTED} FROM {FROM} WHERE v.model = $1 ORDER BY v.version DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(model).fetch_all(&self.pool).await?;
        rows.iter().map(listed).collect()
    }

    /// Everything that is known of a version; none if there is no such version.
    ///
    /// # Errors
    /// The database refuses, or its report cannot be read.
    pub async fn detail(&self, model: &str, version: i64) -> Result<Option<Detail>, StoreError> {
        let text = format!(
            "SELECT {LISTED}, v.plan, v.data, v.seed, v.report, v.gates, v.lineage FROM {FROM}
             WHERE v.model = $1 AND v.version = $2"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(text)).bind(model).bind(version).fetch_optional(&self.pool).await?;
        row.as_ref().map(|row| detailed(model, row)).transpose()
    }

    /// Notes that the files of a version are gone.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn removed(&self, model: &str, version: i64, actor: &Actor) -> Result<(), StoreError> {
        let (mut transaction, _) = self.writer(model).await?;
        sqlx::query("UPDATE versions SET removed_at = $1 WHERE model = $2 AND version = $3")
            .bind(now())
            .bind(model)
            .bind(version)
            .execute(&mut *transaction)
            .await?;
        note(&mut transaction, model, version, "files removed", None, actor).await?;
        Ok(transaction.commit().await?)
    }
}

/// The number of a training that is registered.
async fn number(connection: &mut AnyConnection, new: &NewVersion<'_>) -> Result<Option<i64>, StoreError> {
    let found = sqlx::query_scalar("SELECT version FROM versions WHERE model = $1 AND training = $2")
        .bind(new.model)
        .bind(new.training)
        .fetch_optional(connection)
        .await?;
    Ok(found)
}

async fn insert(
    connection: &mut AnyConnection,
    new: &NewVersion<'_>,
    version: i64,
    actor: &Actor,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO versions
             (model, version, created_at, training, plan, data, seed, seconds, artefact, report, gates, lineage)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(new.model)
    .bind(version)
    .bind(now())
    .bind(new.training)
    .bind(new.plan)
    .bind(new.data)
    .bind(i64::try_from(new.seed).unwrap_or(i64::MAX))
    .bind(new.report.seconds)
    .bind(new.artefact)
    .bind(serde_json::to_string(new.report).map_err(StoreError::unwritable)?)
    .bind(serde_json::to_string(new.gates).map_err(StoreError::unwritable)?)
    .bind(serde_json::to_string(new.lineage).map_err(StoreError::unwritable)?)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE models SET latest = $1 WHERE model = $2")
        .bind(version)
        .bind(new.model)
        .execute(&mut *connection)
        .await?;
    note(connection, new.model, version, "registered", None, actor).await
}

fn listed(row: &AnyRow) -> Result<Version, StoreError> {
    let aliases: Option<String> = row.try_get("aliases")?;
    let mut aliases: Vec<String> =
        aliases.unwrap_or_default().split(',').filter(|alias| !alias.is_empty()).map(str::to_owned).collect();
    aliases.sort();
    Ok(Version {
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
        training: row.try_get("training")?,
        definition: row.try_get("definition")?,
        artefact: row.try_get("artefact")?,
        removed_at: row.try_get("removed_at")?,
        aliases,
    })
}

fn detailed(model: &str, row: &AnyRow) -> Result<Detail, StoreError> {
    let version = listed(row)?;
    let (report, gates, lineage): (String, Option<String>, Option<String>) =
        (row.try_get("report")?, row.try_get("gates")?, row.try_get("lineage")?);
    let unreadable = |error: serde_json::Error| StoreError::Report {
        model: model.to_owned(),
        version: version.version,
        reason: error.to_string(),
    };
    let gates = gates.map(|text| serde_json::from_str(&text)).transpose().map_err(unreadable)?;
    let lineage = lineage.map(|text| serde_json::from_str(&text)).transpose().map_err(unreadable)?;
    Ok(Detail {
        model: model.to_owned(),
        plan: row.try_get("plan")?,
        data: row.try_get("data")?,
        seed: row.try_get("seed")?,
        report: serde_json::from_str(&report).map_err(unreadable)?,
        gates: gates.unwrap_or(Value::Null),
        lineage,
        version,
    })
}
