//! `mlsysc models export`.

use std::path::PathBuf;

use clap::Args;
use mlsys_engine::models::Actor;

use super::{Exit, Named, Place, named};

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
    place.with_model(model, async |models| {
        let detail = models.detail(model, which).await?;
        let actor = Actor::here().because(because.clone());
        models.export(&detail, into, &actor).await?;
        println!("version {} of {model} is in {}", detail.version.version, into.display());
        Ok(())
    })
}
