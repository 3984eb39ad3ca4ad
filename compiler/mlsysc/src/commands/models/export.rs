//! `mlsysc models export`.

use std::path::PathBuf;

use clap::Args;
use mlsys_engine::models::{Actor, Card};

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
    /// The licence that the model card names, as the Hugging Face Hub calls it, such as `apache-2.0`
    #[arg(long, value_name = "NAME", value_parser = license_of)]
    license: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Arguments { version: Named { model, which }, into, because, license, place } = arguments;
    let exported = place.with(async |models| {
        known(models, model).await?;
        let detail = models.detail(model, which).await.map_err(|error| failed(&error))?;
        let actor = Actor::here().because(because.clone());
        let card = models.card(&detail).await.map_err(|error| failed(&error))?;
        let card = Card { license: license.clone(), ..card };
        models.export(&detail, &card, into, &actor).await.map_err(|error| failed(&error))?;
        println!("version {} of {model} is in {}", detail.version.version, into.display());
        Ok(())
    });
    exported.err().unwrap_or(Exit::Fine)
}

/// Reads the name of a licence.
fn license_of(text: &str) -> Result<String, String> {
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
    if !text.is_empty() && text.len() <= 60 && text.chars().all(is_name) {
        return Ok(text.to_owned());
    }
    Err("a licence is named by small letters, digits, `-` and `.`, such as `apache-2.0`".to_owned())
}
