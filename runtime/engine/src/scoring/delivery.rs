//! How predictions leave: as files beside each other in a folder, or as one file, always whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mlsys_dataflow::Dataflow;
use mlsys_plan::{Call, Expr, Fingerprint};
use mlsys_store::{Digests, Scores, discard_unfinished, put};

use super::ledger::{Entry, Ledger, Written, note_pending, pending};
use super::predictions::file_of;
use super::sinks::{Place, format, place};
use crate::error::RunError;

/// The folder of files that are about to be delivered.
const STAGED: &str = "staged";

/// What is to be delivered.
pub(crate) struct Delivery<'a> {
    /// Where.
    pub(crate) into: &'a Call,
    /// Which predictions.
    pub(crate) filter: Option<&'a Expr>,
    /// The project's folder, to which paths are relative.
    pub(crate) project: &'a Path,
    /// The pieces, in the source's order.
    pub(crate) entries: Vec<Entry>,
}

/// A file as it should be.
struct Wanted {
    path: PathBuf,
    made_of: String,
    parts: Vec<PathBuf>,
}

/// What there is, and what there should be.
struct Difference {
    /// Files that are what they should be, each with its number.
    kept: Vec<(usize, Written)>,
    /// Files that are to be written, each with its number.
    missing: Vec<(usize, Wanted)>,
    /// Files that no piece has any more.
    gone: Vec<PathBuf>,
    /// Files in places where predictions went before.
    left: Vec<Written>,
}

/// Delivers predictions, and remembers that; how many files were written. Files that are what they should be are left alone,
/// and those that no piece has any more are removed; what went to another place before stays there. Nothing is touched before
/// everything that leaves is complete.
///
/// # Errors
/// E0941 if a file cannot be written, E0942 if there is one that this program has not written, E0911.
pub(crate) async fn deliver(
    dataflow: &Dataflow,
    scores: &Scores,
    digests: &mut Digests,
    ledger: &mut Ledger,
    delivery: Delivery<'_>,
) -> Result<u64, RunError> {
    let begun = pending(scores)?;
    begun.iter().for_each(|file| discard_unfinished(&delivery.project.join(&file.path)));
    let own: Vec<Written> = ledger.files.iter().chain(&begun).chain(&ledger.left).cloned().collect();
    let Difference { kept, missing, gone, left } = compare(&own, wanted(scores, &delivery)?, &delivery, digests)?;
    let written = stage(dataflow, scores, digests, &delivery, &missing).await?;
    let count = written.len() as u64;
    note_pending(scores, &written)?;
    put_all(scores, delivery.project, &written, &gone)?;
    let numbered = missing.into_iter().map(|(number, _)| number).zip(written);
    let mut files: Vec<(usize, Written)> = kept.into_iter().chain(numbered).collect();
    files.sort_by_key(|(number, _)| *number);
    *ledger = Ledger {
        into: delivery.into.clone(),
        filter: delivery.filter.cloned(),
        entries: delivery.entries,
        files: files.into_iter().map(|(_, file)| file).collect(),
        left,
    };
    ledger.write(scores)?;
    note_pending(scores, &[])?;
    scores.empty_subfolder(STAGED)?;
    Ok(count)
}

/// Holds the files that this program has written against those that are wanted.
fn compare(
    own: &[Written],
    wanted: Vec<Wanted>,
    delivery: &Delivery<'_>,
    digests: &mut Digests,
) -> Result<Difference, RunError> {
    let (project, into) = (delivery.project, delivery.into);
    let paths: BTreeSet<PathBuf> = wanted.iter().map(|one| one.path.clone()).collect();
    let (mut kept, mut missing) = (Vec::new(), Vec::new());
    for (number, one) in wanted.into_iter().enumerate() {
        let found = own_digest(project, &one.path, own, digests)?;
        let same = |known: &&Written| {
            known.path == one.path && known.made_of == one.made_of && Some(&known.digest) == found.as_ref()
        };
        match own.iter().find(same) {
            Some(known) => kept.push((number, Written { into: into.clone(), ..known.clone() })),
            None => missing.push((number, one)),
        }
    }
    let others = own.iter().filter(|known| !paths.contains(&known.path) && project.join(&known.path).exists());
    let (here, left): (Vec<&Written>, Vec<&Written>) = others.partition(|known| known.into == *into);
    let gone: BTreeSet<PathBuf> = here.into_iter().map(|known| known.path.clone()).collect();
    for path in &gone {
        own_digest(project, path, own, digests)?;
    }
    Ok(Difference { kept, missing, gone: gone.into_iter().collect(), left: left.into_iter().cloned().collect() })
}

/// Puts what is staged into its place, and removes what is gone.
fn put_all(scores: &Scores, project: &Path, written: &[Written], gone: &[PathBuf]) -> Result<(), RunError> {
    for (number, file) in written.iter().enumerate() {
        put(&staged(scores, number), &project.join(&file.path)).map_err(|error| unwritable(&error.to_string()))?;
    }
    for path in gone.iter().map(|path| project.join(path)) {
        fs::remove_file(&path).map_err(|error| unwritable(&format!("cannot remove `{}`: {error}", path.display())))?;
    }
    Ok(())
}

fn wanted(scores: &Scores, delivery: &Delivery<'_>) -> Result<Vec<Wanted>, RunError> {
    let filter = serde_json::to_string(&delivery.filter)?;
    let made_of = |parts: &[&Entry]| {
        let names: Vec<&str> = parts.iter().map(|entry| entry.part.as_str()).collect();
        let text = format!("{}\n{filter}\n{}", delivery.into.name, names.join("\n"));
        Fingerprint::of(text.as_bytes()).as_str().to_owned()
    };
    let file = |path: PathBuf, entries: &[&Entry]| Wanted {
        path,
        made_of: made_of(entries),
        parts: entries.iter().map(|entry| file_of(scores, &entry.part)).collect(),
    };
    let entries: Vec<&Entry> = delivery.entries.iter().collect();
    Ok(match place(delivery.into) {
        Place::File(_) if entries.is_empty() => Vec::new(),
        Place::File(path) => vec![file(path, &entries)],
        Place::Folder(folder) => {
            let extension = format(delivery.into).extension();
            let path = |entry: &Entry| folder.join(format!("scores-{}.{extension}", &entry.part[..16]));
            entries.iter().map(|entry| file(path(entry), &[entry])).collect()
        }
    })
}

/// The digest of a file that this program has written; none if there is no file.
fn own_digest(project: &Path, path: &Path, own: &[Written], digests: &mut Digests) -> Result<Option<String>, RunError> {
    let file = project.join(path);
    if !file.exists() {
        return Ok(None);
    }
    if file.is_file() {
        let found = digests.of(&file)?;
        if own.iter().any(|known| known.path == path && known.digest == found) {
            return Ok(Some(found));
        }
    }
    let message = format!("`{}` is in the way: it is not what a run has delivered there", file.display());
    let help = "move it away, or let the deployment write to another place; nothing was changed";
    Err(RunError::new("E0942", message, Some(help)))
}

/// Makes files in the state folder, as they are to be delivered.
async fn stage(
    dataflow: &Dataflow,
    scores: &Scores,
    digests: &mut Digests,
    delivery: &Delivery<'_>,
    missing: &[(usize, Wanted)],
) -> Result<Vec<Written>, RunError> {
    scores.empty_subfolder(STAGED)?;
    let mut written = Vec::new();
    for (number, (_, one)) in missing.iter().enumerate() {
        let path = staged(scores, number);
        let form = format(delivery.into);
        let rows = dataflow.export_predictions(&one.parts, delivery.filter, form, &path).await?;
        let digest = digests.of(&path)?;
        let (path, made_of) = (one.path.clone(), one.made_of.clone());
        written.push(Written { path, into: delivery.into.clone(), made_of, digest, rows });
    }
    Ok(written)
}

fn staged(scores: &Scores, number: usize) -> PathBuf {
    scores.file(STAGED).join(number.to_string())
}

fn unwritable(reason: &str) -> RunError {
    let message = format!("predictions cannot be delivered: {reason}");
    let help = "make the place writable and run again: nothing has to be scored again";
    RunError::new("E0941", message, Some(help))
}
