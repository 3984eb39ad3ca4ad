//! `mlsysc models rollback`.

use clap::Args;
use mlsys_engine::models::Actor;

use super::{Exit, Place, failed, known};

/// The alias that goes back.
const CHAMPION: &str = "champion";

#[derive(Args)]
pub(super) struct Arguments {
    /// The model
    model: String,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Arguments { model, because, place } = arguments;
    let back = place.with_told(async |models, told| {
        known(models, model).await?;
        let actor = Actor::here().because(because.clone());
        let (from, to) = models.roll_back(model, &actor).await.map_err(|error| failed(&error))?;
        println!("version {to} of {model} is the champion again; it was version {from}");
        told.alias(models, model, to, CHAMPION).await
    });
    back.err().unwrap_or(Exit::Fine)
}
