//! A join in parts: which of them have to be made, and what each of them sees.

use std::path::PathBuf;

use mlsys_plan::{ExprKind, Features, Join, columns};

use super::Work;
use super::plan::output_name;
use super::reach::Reach;
use super::sets::{FeatureSet, feature_sets, keep_sets};
use crate::error::DataError;
use crate::parts::{Parts, PartsReport};
use crate::source::Progress;
use crate::table::{Columns, Manifest, Member, Span, span_of};

/// Both inputs, with the instants of each part.
struct Dated<'a> {
    observations: &'a [Member],
    at: Vec<Span>,
    source: &'a [Member],
    rows: Vec<Span>,
}

/// A part that is to be made.
struct Missing<'a> {
    id: String,
    observations: &'a Member,
    /// The parts of the source that its windows may see, by number.
    seen: Vec<usize>,
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
    let (mut all, mut report, mut explain) = (Vec::new(), PartsReport::default(), None);
    for set in &sets {
        let join = Join { features: set.wanted.clone(), ..work.join.clone() };
        let one = Work { dataflow: work.dataflow, join: &join, features: work.features };
        let (files, made, how) = of_set(&one, parts, set, &dated, progress).await?;
        report.total += files.len() as u64;
        report.made += made;
        explain = how.or(explain);
        let names = join.features.iter().map(|name| output_name(&join, name)).collect();
        all.push(Columns { names, files });
    }
    keep_sets(&sets, parts)?;
    let mut all = all.into_iter();
    let files = all.next().map(|columns| columns.files).unwrap_or_default();
    Ok(Divided { manifest: Manifest { files, beside: all.collect() }, report, explain })
}

/// The parts of features that are kept together, and how many of them were made.
async fn of_set(
    work: &Work<'_>,
    parts: Parts<'_>,
    set: &FeatureSet,
    dated: &Dated<'_>,
    progress: Progress<'_>,
) -> Result<(Vec<Member>, u64, Option<String>), DataError> {
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for (member, at) in dated.observations.iter().zip(&dated.at) {
        let seen: Vec<usize> =
            (0..dated.source.len()).filter(|number| sees(set.reach, *at, dated.rows[*number])).collect();
        let read = || [member].into_iter().chain(seen.iter().map(|number| &dated.source[*number]));
        let inputs = || read().filter_map(|member| member.id.as_deref());
        // Files may have columns that nobody wants any more.
        let known = set.fingerprints().map(|of_features| parts.id(of_features.into_iter().chain(inputs())));
        let found = known.iter().find_map(|id| parts.find(id));
        if found.is_none() {
            let [_, id] = known;
            missing.push(Missing { id, observations: member, seen });
        }
        files.push(found);
    }
    let explain = if missing.is_empty() { None } else { make(work, parts, &missing, dated.source, progress).await? };
    let mut made = missing.iter().map(|part| parts.find(&part.id));
    let files = files.into_iter().map(|file| file.or_else(|| made.next().flatten()));
    let files: Option<Vec<Member>> = files.collect();
    let files = files.ok_or_else(|| DataError::internal("a part of a join was not made"))?;
    Ok((files, missing.len() as u64, explain))
}

/// Makes parts in one join: each of them sees a bit more than it must, which windows leave out.
async fn make(
    work: &Work<'_>,
    parts: Parts<'_>,
    missing: &[Missing<'_>],
    source: &[Member],
    progress: Progress<'_>,
) -> Result<Option<String>, DataError> {
    let observations: Vec<Member> = missing.iter().map(|part| part.observations.clone()).collect();
    let is_seen = |number: &usize| missing.iter().any(|part| part.seen.contains(number));
    let mut read: Vec<Member> = (0..source.len()).filter(is_seen).map(|number| source[number].clone()).collect();
    if read.is_empty() {
        // Nothing is seen: any file tells which columns there are.
        read.extend(source.first().cloned());
    }
    let sinks: Vec<(PathBuf, u64)> =
        missing.iter().map(|part| (parts.table(&part.id), part.observations.rows)).collect();
    work.write(&observations, &read, sinks, progress).await
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
