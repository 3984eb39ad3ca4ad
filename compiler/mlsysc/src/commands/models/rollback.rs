//! `mlsysc models rollback`.

use clap::Args;
use mlsys_engine::models::{Actor, CHAMPION};

use super::{Exit, Place};

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
    place.with_told(model, async |models, told| {
        let actor = Actor::here().because(because.clone());
        let (from, to) = models.roll_back(model, &actor).await?;
        println!("version {to} of {model} is the champion again; it was version {from}");
        told.alias(models, model, to, CHAMPION).await
    })
}
