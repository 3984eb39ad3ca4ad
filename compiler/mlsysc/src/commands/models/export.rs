//! `mlsysc models export`.

use std::path::PathBuf;

use clap::Args;
use mlsys_engine::models::{Actor, Card};

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
    /// The licence that the model card names, as the Hugging Face Hub calls it, such as `apache-2.0`
    #[arg(long, value_name = "NAME", value_parser = license_of)]
    license: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Arguments { version: Named { model, which }, into, because, license, place } = arguments;
    place.with_model(model, async |models| {
        let detail = models.detail(model, which).await?;
        let actor = Actor::here().because(because.clone());
        let card = Card { license: license.clone(), ..models.card(&detail).await? };
        models.export(&detail, &card, into, &actor).await?;
        println!("version {} of {model} is in {}", detail.version.version, into.display());
        Ok(())
    })
}

/// Reads the name of a licence.
fn license_of(text: &str) -> Result<String, String> {
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
    if !text.is_empty() && text.len() <= 60 && text.chars().all(is_name) {
        return Ok(text.to_owned());
    }
    Err("a licence is named by small letters, digits, `-` and `.`, such as `apache-2.0`".to_owned())
}
