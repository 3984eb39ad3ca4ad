//! The registry's tables: made where there are none, and those of earlier versions brought to this one.

use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use super::dialect::Dialect;
use crate::error::StoreError;

/// Takes the steps that a database has not taken yet, all or none of them.
///
/// # Errors
/// The database refuses, or is of a later version.
pub(super) async fn bring_up_to_date(connection: &mut AnyConnection, dialect: &Dialect) -> Result<(), StoreError> {
    if taken(connection, dialect).await? == dialect.steps.len() {
        return Ok(());
    }
    let [begin, alone @ ..] = dialect.alone else { return Ok(()) };
    let mut transaction = connection.begin_with(*begin).await?;
    for statement in alone {
        sqlx::query(*statement).execute(&mut *transaction).await?;
    }
    // Another process may have taken them meanwhile.
    let taken = taken(&mut transaction, dialect).await?;
    for statement in dialect.steps[taken..].concat() {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    // It takes no parameters; the number is the program's own.
    let keep = AssertSqlSafe((dialect.keep_version)(dialect.steps.len()));
    sqlx::query(keep).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// How many steps a database has taken.
async fn taken(connection: &mut AnyConnection, dialect: &Dialect) -> Result<usize, StoreError> {
    let found: i64 = sqlx::query_scalar(dialect.version).fetch_one(connection).await?;
    let (found, known) = (usize::try_from(found).unwrap_or_default(), dialect.steps.len());
    if found > known { Err(StoreError::Later { what: "the registry", found, known }) } else { Ok(found) }
}
