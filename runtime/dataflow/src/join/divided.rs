//! A join in parts: which of them have to be made, and what each of them sees.

use std::path::PathBuf;

use mlsys_plan::{ExprKind, Features, columns};

use super::Work;
use super::plan::{seen, wanted_aggregates};
use crate::error::DataError;
use crate::parts::Parts;
use crate::source::Progress;
use crate::table::{Manifest, Member, Span, span_of};

/// A part that is to be made.
struct Missing<'a> {
    id: String,
    observations: &'a Member,
    /// The parts of the source that its windows may see, by number.
    seen: Vec<usize>,
}

/// Makes the parts that are not there; all of them, how many were made, and how the last ones were.
///
/// # Errors
/// As [`crate::Dataflow::join`].
pub(super) async fn divided(
    work: &Work<'_>,
    parts: Parts<'_>,
    observations: &[Member],
    source: &[Member],
    progress: Progress<'_>,
) -> Result<(Manifest, u64, Option<String>), DataError> {
    let spans = source.iter().map(|member| source_span(work.features, member)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = source.iter().enumerate().map(|(number, member)| identity(number, member)).collect();
    let (mut ids, mut missing) = (Vec::new(), Vec::new());
    for member in observations {
        let at = span_of(&member.path, columns::AT)?;
        let seen: Vec<usize> = (0..source.len()).filter(|number| sees(work, at, spans[*number])).collect();
        let read = seen.iter().map(|number| names[*number].as_str());
        let id = parts.id(member.id.as_deref().into_iter().chain(read));
        if parts.find(&id).is_none() {
            missing.push(Missing { id: id.clone(), observations: member, seen });
        }
        ids.push(id);
    }
    let made = missing.len() as u64;
    let explain = if missing.is_empty() { None } else { make(work, parts, &missing, source, progress).await? };
    let found = |id: &String| parts.find(id).ok_or_else(|| DataError::internal("a part of a join was not made"));
    Ok((Manifest { files: ids.iter().map(found).collect::<Result<_, _>>()? }, made, explain))
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

/// What tells a part of the source from others: where nobody has asked what it depends on, its place and size.
fn identity(number: usize, member: &Member) -> String {
    let place = || format!("{number} {} {}", member.rows, member.size);
    member.id.clone().unwrap_or_else(place)
}

/// The instants at which a group may see rows of a part.
fn source_span(features: &Features, member: &Member) -> Result<Span, DataError> {
    match &features.at.kind {
        ExprKind::Column { name } => span_of(&member.path, name),
        _ => Ok(Span::Unknown),
    }
}

/// Whether a window at one of the observations may see a row of a part.
fn sees(work: &Work<'_>, at: Span, rows: Span) -> bool {
    match at {
        Span::Empty => false,
        Span::Unknown => true,
        Span::Bounds(first, last) => {
            let (from, until) = seen(&wanted_aggregates(work.join, work.features), first, last);
            rows.may_meet(from, until)
        }
    }
}
