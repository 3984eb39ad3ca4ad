//! `mlsysc models export`.

use std::path::PathBuf;

use clap::Args;
use mlsys_engine::models::Actor;

use super::{Exit, Named, Place, failed, known, named};

#[derive(Args)]
pub(super) struct Arguments {
    /// MODEL, MODEL@ALIAS or MODEL@VERSION; without one the champion
    #[arg(value_parser = named)]
    version: Named,
    /// A folder that is not there yet
    into: PathBuf,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Arguments { version: Named { model, which }, into, because, place } = arguments;
    let exported = place.with(async |models| {
        known(models, model).await?;
        let detail = models.detail(model, which).await.map_err(|error| failed(&error))?;
        let actor = Actor::here().because(because.clone());
        models.export(&detail, into, &actor).await.map_err(|error| failed(&error))?;
        println!("version {} of {model} is in {}", detail.version.version, into.display());
        Ok(())
    });
    exported.err().unwrap_or(Exit::Fine)
}
