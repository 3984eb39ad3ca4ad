//! What a tracking server is told of aliases that commands move.

use std::path::PathBuf;

use mlsys_engine::models::Models;
use mlsys_engine::{RunError, tell_alias};

/// Who is told, if anybody is.
pub(super) struct Told {
    /// The server's address.
    pub(super) tracking: Option<String>,
    /// The state folder, where it is kept what the server could not be told.
    pub(super) state: PathBuf,
}

impl Told {
    /// A version was given an alias. A server that is away is a warning.
    pub(super) async fn alias(&self, models: &Models, model: &str, version: i64, alias: &str) -> Result<(), RunError> {
        let Some(address) = &self.tracking else { return Ok(()) };
        let versions = models.versions(model).await?;
        let Some(version) = versions.iter().find(|known| known.version == version) else { return Ok(()) };
        let report = tell_alias(address, &self.state, model, version, alias).await?;
        if let Some(warning) = report.warning {
            println!("warning: {warning}");
        }
        Ok(())
    }
}
