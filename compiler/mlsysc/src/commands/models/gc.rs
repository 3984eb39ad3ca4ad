//! `mlsysc models gc`.

use clap::Args;
use mlsys_engine::models::{Actor, Removed};

use super::{Exit, Place, table};

#[derive(Args)]
pub(super) struct Arguments {
    /// How many of the newest versions of each model keep their files; those with an alias always do
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    keep: usize,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Arguments { keep, dry_run, place } = arguments;
    place.with(async |models| {
        print(&models.collect(*keep, *dry_run, &Actor::here()).await?, *dry_run);
        Ok(())
    })
}

fn print(removed: &[Removed], dry_run: bool) {
    if removed.is_empty() {
        println!("nothing to remove");
        return;
    }
    let line = |one: &Removed| {
        let what = match (&one.model, one.version) {
            (Some(model), Some(version)) => format!("{model} version {version}"),
            _ => "of no version".to_owned(),
        };
        vec![what, size(one.bytes), one.folder.display().to_string()]
    };
    table::print(&removed.iter().map(line).collect::<Vec<_>>(), &[1]);
    let total = size(removed.iter().map(|one| one.bytes).sum());
    println!("{} {total}", if dry_run { "would free" } else { "freed" });
}

/// A size in the largest unit of which there is at least one.
#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 || unit == "GiB" {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{bytes} B")
}
