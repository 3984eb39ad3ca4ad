//! `mlsysc models promote`.

use clap::Args;
use mlsys_engine::models::{Actor, CHAMPION, Which};

use super::{Exit, Place, alias, which_of};

#[derive(Args)]
pub(super) struct Arguments {
    /// The model
    model: String,
    /// An alias or the number of a version
    #[arg(value_parser = which_of)]
    version: Which,
    /// The alias that it gets
    #[arg(long = "to", value_name = "ALIAS", default_value = CHAMPION, value_parser = alias)]
    alias: String,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Arguments { model, version, alias, because, place } = arguments;
    place.with_told(model, async |models, told| {
        let actor = Actor::here().because(because.clone());
        let (number, before) = models.promote(model, version, alias, &actor).await?;
        match before {
            Some(before) => println!("version {number} of {model} is the {alias} now; it was version {before}"),
            None => println!("version {number} of {model} is the {alias}"),
        }
        told.alias(models, model, number, alias).await
    })
}
