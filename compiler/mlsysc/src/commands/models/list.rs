//! `mlsysc models list`.

use clap::Args;
use mlsys_engine::RunError;
use mlsys_engine::models::{Models, Version, Which};
use mlsys_plan::Part;

use super::{Exit, Place, known, table};

#[derive(Args)]
pub(super) struct Arguments {
    /// Only the versions of this model
    model: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    arguments.place.with(async |models| {
        if let Some(model) = &arguments.model {
            known(models, model).await?;
        }
        let names = match &arguments.model {
            Some(model) => vec![model.clone()],
            None => models.names().await?,
        };
        let mut all = Vec::new();
        for name in names {
            let versions = models.versions(&name).await?;
            all.push((name, versions));
        }
        if arguments.json {
            let all: std::collections::BTreeMap<_, _> = all.into_iter().collect();
            println!("{}", serde_json::to_string_pretty(&all).unwrap_or_default());
            return Ok(());
        }
        print(models, &all).await
    })
}

async fn print(models: &Models, all: &[(String, Vec<Version>)]) -> Result<(), RunError> {
    let mut lines = vec![table::line(["model", "version", "registered", "aliases", "test", "files"])];
    for (name, versions) in all {
        for version in versions {
            let which = Which::Number(version.version);
            let detail = models.detail(name, &which).await;
            // What cannot be read of one version is no reason not to list the others.
            let first = detail.ok().and_then(|detail| {
                let score = detail.report.parts.get(&Part::Test)?.metrics.0.first()?.clone();
                Some(format!("{} {:.4}", score.metric, score.value))
            });
            lines.push(vec![
                name.clone(),
                version.version.to_string(),
                version.created_at.clone(),
                version.aliases.join(", "),
                first.unwrap_or_default(),
                if version.removed_at.is_some() {
                    "removed".to_owned()
                } else {
                    version.artefact[..12.min(version.artefact.len())].to_owned()
                },
            ]);
        }
    }
    table::print(&lines, &[1]);
    Ok(())
}
