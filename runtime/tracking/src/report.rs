//! What came of it: one sentence if not everything arrived.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::news::News;

/// How many reasons of a server are repeated.
const SHOWN: usize = 3;

/// What became of the news of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingReport {
    /// The server's address, without credentials.
    pub server: String,
    /// What did not arrive, why, and what becomes of it; none where everything arrived.
    pub warning: Option<String>,
}

/// What is known at the end.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Why nothing more could be sent, with what to do about it.
    pub(crate) trouble: Option<String>,
    /// What was not sent.
    pub(crate) unsent: Vec<News>,
    /// Whether that is kept.
    pub(crate) kept: Option<Result<std::path::PathBuf, String>>,
    /// What the server did not want.
    pub(crate) refusals: Vec<String>,
    /// Epochs that were left out.
    pub(crate) thinned: u64,
}

impl Outcome {
    pub(crate) fn report(&self, server: String) -> TrackingReport {
        let sentences: Vec<String> =
            [self.unsent(&server), self.refused(&server), self.left_out(&server)].into_iter().flatten().collect();
        let warning = (!sentences.is_empty()).then(|| sentences.join("; "));
        TrackingReport { server, warning }
    }

    fn unsent(&self, server: &str) -> Option<String> {
        let reason = self.trouble.as_deref().unwrap_or("it did not take everything in time");
        if self.unsent.is_empty() {
            return None;
        }
        let kept = match &self.kept {
            Some(Ok(path)) => format!("kept in `{}` for the next run", shown(path)),
            Some(Err(error)) => format!("not kept either, because {error}"),
            None => "not kept".to_owned(),
        };
        Some(format!("the tracking server `{server}` was not told of {}: {reason}; {kept}", counted(&self.unsent)))
    }

    fn refused(&self, server: &str) -> Option<String> {
        let different: BTreeSet<&str> = self.refusals.iter().map(String::as_str).collect();
        let further = different.len().saturating_sub(SHOWN);
        let further = if further > 0 { format!(", and {further} more") } else { String::new() };
        let shown: Vec<&str> = different.into_iter().take(SHOWN).collect();
        let all = shown.join("; ");
        (!all.is_empty()).then(|| format!("the tracking server `{server}` did not take everything: {all}{further}"))
    }

    fn left_out(&self, server: &str) -> Option<String> {
        let epochs = if self.thinned == 1 { "epoch was" } else { "epochs were" };
        (self.thinned > 0).then(|| {
            format!(
                "the tracking server `{server}` was too slow: {} {epochs} left out while trainings ran",
                self.thinned
            )
        })
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// What news tell of, in numbers and names.
fn counted(news: &[News]) -> String {
    let (mut trainings, mut versions, mut aliases, mut figures) = (0, 0, 0, 0);
    for each in news {
        match each {
            News::Began(_) => {}
            News::Ended(_) => trainings += 1,
            News::Registered(_) => versions += 1,
            News::Moved(_) => aliases += 1,
            News::Epoch { .. } | News::Trial { .. } | News::TrialBegan { .. } => figures += 1,
        }
    }
    let count = |number: usize, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {many}")),
    };
    let counts: Vec<String> = [
        count(trainings, "training", "trainings"),
        count(versions, "judgement of gates", "judgements of gates"),
        count(aliases, "alias", "aliases"),
        count(figures, "figure of epochs and trials", "figures of epochs and trials"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let models: BTreeSet<&str> = news.iter().map(News::model).collect();
    let models: Vec<String> = models.into_iter().map(|model| format!("`{model}`")).collect();
    let counts = if counts.is_empty() { "the beginning of a training".to_owned() } else { counts.join(", ") };
    format!("{counts} ({})", models.join(", "))
}
