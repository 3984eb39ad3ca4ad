//! Artefacts, through the server's proxy: `report.json`, and the files of the model in `model/`.

use std::path::{Path, PathBuf};

use super::runs::Run;
use super::{Mlflow, Refusals, limits};
use crate::tracker::{Refusal, Trouble};

/// The scheme of places that a server passes on to where artefacts really lie.
const PROXY: &str = "mlflow-artifacts:";

/// The folder of the model's files, as MLflow's own flavours have it.
pub(super) const MODEL: &str = "model";

/// The file beside it.
const REPORT: &str = "report.json";

/// How many files a model may have.
const MOST: usize = 10_000;

impl Mlflow {
    /// Puts the files of a folder where the run's artefacts lie.
    pub(super) async fn put_folder(&self, run: &Run, folder: &Path, refusals: &mut Refusals) -> Result<(), Trouble> {
        let Some(root) = proxied(&run.artefacts) else {
            refusals.0.push(Refusal(format!(
                "it keeps artefacts in `{}`, which it does not pass on; start it with `--serve-artifacts`",
                run.artefacts
            )));
            return Ok(());
        };
        let files = files_below(folder);
        if files.is_empty() {
            refusals.0.push(Refusal(format!("the files of the model are not in `{}` any more", folder.display())));
        }
        for file in files {
            let name = file.iter().map(|step| step.to_string_lossy()).collect::<Vec<_>>().join("/");
            let name = if name == REPORT { name } else { format!("{MODEL}/{name}") };
            let (original, name) = (name.clone(), limits::file(&name));
            if name != original {
                refusals.note(self.log(&run.id, "tags", vec![limits::renamed_to(&name, &original)]).await)?;
            }
            let path = format!("mlflow-artifacts/artifacts/{root}/{name}");
            refusals.note(self.client.put_file(&path, &folder.join(&file)).await)?;
        }
        Ok(())
    }
}

/// The path behind the proxy; none where artefacts lie elsewhere. `mlflow-artifacts:/1/a` and
/// `mlflow-artifacts://host:port/1/a` name the same.
fn proxied(address: &str) -> Option<&str> {
    let rest = address.strip_prefix(PROXY)?;
    let path = match rest.strip_prefix("//") {
        Some(with_host) => with_host.split_once('/').map_or("", |(_, path)| path),
        None => rest,
    };
    Some(path.trim_matches('/')).filter(|path| !path.is_empty() && path.split('/').all(|step| step != ".."))
}

/// The files of a folder and those below it, relative to it, in order; links are not followed.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut waiting) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(within) = waiting.pop() {
        for entry in std::fs::read_dir(folder.join(&within)).into_iter().flatten().flatten() {
            let below = within.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(below),
                Ok(kind) if kind.is_file() && files.len() < MOST => files.push(below),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::proxied;

    #[test]
    fn only_what_the_server_passes_on_can_be_put() {
        assert_eq!(proxied("mlflow-artifacts:/1/abc/artifacts"), Some("1/abc/artifacts"));
        assert_eq!(proxied("mlflow-artifacts://host:5000/1/abc/artifacts"), Some("1/abc/artifacts"));
        for elsewhere in ["s3://bucket/1/abc", "/tmp/mlruns/1", "", "mlflow-artifacts:", "mlflow-artifacts:/../1"] {
            assert_eq!(proxied(elsewhere), None, "{elsewhere}");
        }
    }
}
