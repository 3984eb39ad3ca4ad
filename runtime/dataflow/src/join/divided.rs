//! A join in parts: which of them have to be made, and what each of them sees.

use std::collections::BTreeSet;
use std::path::PathBuf;

use mlsys_plan::{ExprKind, Features, Join, columns};

use super::plan::output_name;
use super::reach::Reach;
use super::sets::{FeatureSet, feature_sets, keep_sets};
use super::tiles::{Kept, Tiles};
use super::{Seen, Work};
use crate::error::DataError;
use crate::parts::{Parts, PartsReport};
use crate::source::Progress;
use crate::table::{Columns, Manifest, Member, Span, span_of};

/// Both inputs, with the instants of each part.
pub(super) struct Dated<'a> {
    pub(super) observations: &'a [Member],
    pub(super) at: Vec<Span>,
    pub(super) source: &'a [Member],
    pub(super) rows: Vec<Span>,
}

/// A part that is to be made.
struct Missing<'a> {
    id: String,
    observations: &'a Member,
    at: Span,
    /// The parts of the source that its windows may see, by number.
    seen: Vec<usize>,
}

/// Features that are kept together: their parts, of which some are to be made.
struct Found<'a> {
    join: Join,
    files: Vec<Option<Member>>,
    missing: Vec<Missing<'a>>,
}

/// A join in parts.
pub(super) struct Divided {
    pub(super) manifest: Manifest,
    pub(super) report: PartsReport,
    pub(super) explain: Option<String>,
}

/// Makes the parts that are not there. Features that were changed, or are new, are made apart from the others, which stay.
///
/// # Errors
/// As [`crate::Dataflow::join`].
pub(super) async fn divided(
    work: &Work<'_>,
    parts: Parts<'_>,
    observations: &[Member],
    source: &[Member],
    progress: Progress<'_>,
) -> Result<Divided, DataError> {
    let sets = feature_sets(work.join, work.features, parts)?;
    let rows = source.iter().map(|member| source_span(work.features, member)).collect::<Result<Vec<_>, _>>()?;
    let at = observations.iter().map(|member| span_of(&member.path, columns::AT)).collect::<Result<Vec<_>, _>>()?;
    let dated = Dated { observations, at, source, rows };
    let mut found = Vec::new();
    for set in &sets {
        found.push(find(work, parts, set, &dated).await?);
    }
    let (mut all, mut report, mut explain) = (Vec::new(), PartsReport::default(), None);
    let is_complete = found.iter().all(|found| found.missing.is_empty());
    let mut tiles = Kept::default();
    for (found, set) in found.into_iter().zip(&sets) {
        let one = Work { dataflow: work.dataflow, join: &found.join, features: work.features };
        if !is_complete {
            let kept = Tiles::of(&one, parts, set.reach, &dated)?;
            explain = make(&one, parts, &found.missing, &dated, kept.as_ref(), progress).await?.or(explain);
            if let Some(kept) = kept {
                tiles.and(kept.prepare(&one).await?);
            }
        }
        report.total += found.files.len() as u64;
        report.made += found.missing.len() as u64;
        let names = found.join.features.iter().map(|name| output_name(&found.join, name)).collect();
        all.push(Columns { names, files: found.complete(parts)? });
    }
    if !is_complete {
        tiles.forget_others(parts);
    }
    keep_sets(&sets, parts)?;
    let mut all = all.into_iter();
    let files = all.next().map(|columns| columns.files).unwrap_or_default();
    Ok(Divided { manifest: Manifest { files, beside: all.collect() }, report, explain })
}

/// The parts of features that are kept together, and those that are not there.
///
/// # Errors
/// E0911 if what was made elsewhere cannot be had.
async fn find<'a>(
    work: &Work<'_>,
    parts: Parts<'_>,
    set: &FeatureSet,
    dated: &Dated<'a>,
) -> Result<Found<'a>, DataError> {
    let wanted: Vec<(Vec<usize>, [String; 2])> = dated.parts().map(|part| wanted(parts, set, dated, part)).collect();
    parts.look_ahead(wanted.iter().map(|(_, known)| known.to_vec()).collect()).await?;
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for ((observations, at), (seen, known)) in dated.parts().zip(wanted) {
        let found = known.iter().find_map(|id| parts.find(id));
        if found.is_none() {
            let [_, id] = known;
            missing.push(Missing { id, observations, at, seen });
        }
        files.push(found);
    }
    let join = Join { features: set.wanted.clone(), ..work.join.clone() };
    Ok(Found { join, files, missing })
}

/// What a part of the observations sees of the source, and the fingerprints under which its features may be kept: files may
/// have columns that nobody wants any more.
fn wanted(
    parts: Parts<'_>,
    set: &FeatureSet,
    dated: &Dated<'_>,
    (member, at): (&Member, Span),
) -> (Vec<usize>, [String; 2]) {
    let seen = dated.seen(set.reach, at);
    let read = || [member].into_iter().chain(seen.iter().map(|number| &dated.source[*number]));
    let inputs = || read().filter_map(|member| member.id.as_deref());
    let known = set.fingerprints().map(|of_features| parts.id(of_features.into_iter().chain(inputs())));
    (seen, known)
}

/// Makes parts in one join: each of them sees a bit more than it must, which windows leave out.
async fn make(
    work: &Work<'_>,
    parts: Parts<'_>,
    missing: &[Missing<'_>],
    dated: &Dated<'_>,
    tiles: Option<&Tiles<'_>>,
    progress: Progress<'_>,
) -> Result<Option<String>, DataError> {
    if missing.is_empty() {
        return Ok(None);
    }
    let observations: Vec<Member> = missing.iter().map(|part| part.observations.clone()).collect();
    let seen: BTreeSet<usize> = missing.iter().flat_map(|part| part.seen.iter().copied()).collect();
    let asked: Vec<Span> = missing.iter().map(|part| part.at).collect();
    let covered = tiles.and_then(|tiles| Some((tiles, tiles.cover(&seen, &asked)?)));
    let seen = match covered {
        Some((tiles, cover)) => Seen { features: &tiles.features, ..cover },
        None => {
            let mut rows: Vec<Member> = seen.iter().map(|number| dated.source[*number].clone()).collect();
            if rows.is_empty() {
                // Nothing is seen: any file tells which columns there are.
                rows.extend(dated.source.first().cloned());
            }
            Seen { features: work.features, rows, tiles: Vec::new() }
        }
    };
    let sinks: Vec<(PathBuf, u64)> =
        missing.iter().map(|part| (parts.table(&part.id), part.observations.rows)).collect();
    work.write(&observations, seen, sinks, progress).await
}

impl Found<'_> {
    /// All parts, now that those that were missing are there.
    fn complete(self, parts: Parts<'_>) -> Result<Vec<Member>, DataError> {
        let mut made = self.missing.iter().map(|part| parts.find(&part.id));
        let files = self.files.into_iter().map(|file| file.or_else(|| made.next().flatten()));
        let files: Option<Vec<Member>> = files.collect();
        files.ok_or_else(|| DataError::internal("a part of a join was not made"))
    }
}

impl<'a> Dated<'a> {
    /// The parts of the observations, with their instants.
    fn parts(&self) -> impl Iterator<Item = (&'a Member, Span)> {
        self.observations.iter().zip(self.at.iter().copied())
    }

    /// The parts of the source of which a window at observations between these instants may see rows.
    pub(super) fn seen(&self, reach: Reach, at: Span) -> Vec<usize> {
        (0..self.source.len()).filter(|number| sees(reach, at, self.rows[*number])).collect()
    }
}

/// The instants at which a group may see rows of a part.
fn source_span(features: &Features, member: &Member) -> Result<Span, DataError> {
    match &features.at.kind {
        ExprKind::Column { name } => span_of(&member.path, name),
        _ => Ok(Span::Unknown),
    }
}

/// Whether a window at one of the observations may see a row of a part.
fn sees(reach: Reach, at: Span, rows: Span) -> bool {
    match at {
        Span::Empty => false,
        Span::Unknown => true,
        Span::Bounds(first, last) => {
            let (from, until) = reach.between(first, last);
            rows.may_meet(from, until)
        }
    }
}
