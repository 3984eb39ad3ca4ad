//! A join in parts: which of them have to be made, and what each of them sees.

use std::collections::BTreeSet;

use mlsys_plan::{Expr, ExprKind, Features, Join, columns};

use super::passes::Unit;
use super::plan::output_name;
use super::reach::Reach;
use super::sets::{FeatureSet, feature_sets, keep_sets};
use super::tiles::{Kept, Tiles};
use super::{Input, Seen, Work, passes};
use crate::error::DataError;
use crate::lookup::{Looked, until};
use crate::parts::{Parts, PartsReport};
use crate::source::Progress;
use crate::table::{Columns, Manifest, Member, Span, read_footers, span_of};

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
    /// The instants of the rows that it sees.
    rows: Span,
}

/// Features that are kept together: their parts, of which some are to be made.
struct Found<'a> {
    join: Join,
    files: Vec<Option<Member>>,
    missing: Vec<Missing<'a>>,
    /// What may be read in place of rows, if something is to be made.
    tiles: Option<Tiles<'a>>,
}

/// A join in parts.
pub(super) struct Divided {
    pub(super) manifest: Manifest,
    pub(super) report: PartsReport,
    pub(super) explain: Option<String>,
}

/// Makes the parts of joins that are not there; each join has a number. Features that were changed, or are new, are made
/// apart from the others, which stay.
///
/// # Errors
/// As [`crate::Dataflow::join`].
pub(super) async fn divided(
    inputs: Vec<(usize, &Input<'_>)>,
    observations: &[Member],
    progress: Progress<'_>,
) -> Result<Vec<(usize, Divided)>, DataError> {
    read_footers(&observations.iter().map(|member| member.path.clone()).collect::<Vec<_>>());
    let at = observations.iter().map(|member| span_of(&member.path, columns::AT)).collect::<Result<Vec<_>, _>>()?;
    let dated = inputs.iter().map(|(_, input)| Dated::of(input, observations, &at));
    let dated = dated.collect::<Result<Vec<_>, DataError>>()?;
    let mut all: Vec<(usize, Sets<'_>)> = Vec::new();
    for ((number, input), dated) in inputs.iter().zip(&dated) {
        all.push((*number, Sets::find(input, dated).await?));
    }
    let units = all.iter().map(|(number, sets)| sets.units(*number)).collect::<Result<Vec<_>, _>>()?;
    let explained = passes::write(units.into_iter().flatten().collect(), progress).await?;
    for (_, sets) in &all {
        sets.prepare().await?;
    }
    let how = |number: usize| explained.iter().rfind(|(other, _)| *other == number).and_then(|(_, how)| how.clone());
    all.into_iter().map(|(number, sets)| Ok((number, sets.complete(how(number))?))).collect()
}

/// The features of one join, in sets that are kept together.
struct Sets<'a> {
    input: &'a Input<'a>,
    parts: Parts<'a>,
    sets: Vec<FeatureSet>,
    found: Vec<Found<'a>>,
    dated: &'a Dated<'a>,
}

impl<'a> Sets<'a> {
    /// What is there, what is to be made, and the tiles that may be read for it.
    async fn find(input: &'a Input<'a>, dated: &'a Dated<'a>) -> Result<Self, DataError> {
        let Input { work, parts, .. } = input;
        let parts = parts.ok_or_else(|| DataError::internal("a join in parts without a place for them"))?;
        let sets = feature_sets(work.join, work.features, parts)?;
        let mut found = Vec::new();
        for set in &sets {
            found.push(find(work, parts, set, dated).await?);
        }
        // What rows look up may change while they stay: tiles would not know.
        let looks_up = !Expr::lookups(work.features.exprs()).is_empty();
        if !looks_up && found.iter().any(|found| !found.missing.is_empty()) {
            for (found, set) in found.iter_mut().zip(&sets) {
                let work = Work { dataflow: work.dataflow, join: &found.join, features: work.features };
                found.tiles = Tiles::of(&work, parts, set.reach, dated)?;
            }
        }
        Ok(Sets { input, parts, sets, found, dated })
    }

    /// What is to be made.
    fn units(&self, number: usize) -> Result<Vec<Unit<'_>>, DataError> {
        let missing = self.found.iter().filter(|found| !found.missing.is_empty());
        missing.map(|found| self.unit(number, found)).collect()
    }

    /// The missing parts of some features: each of them sees a bit more than it must, which windows leave out.
    fn unit<'s>(&'s self, number: usize, found: &'s Found<'_>) -> Result<Unit<'s>, DataError> {
        let missing = &found.missing;
        let seen: BTreeSet<usize> = missing.iter().flat_map(|part| part.seen.iter().copied()).collect();
        let spans: Vec<Span> = missing.iter().map(|part| part.at).collect();
        let covered = found.tiles.as_ref().and_then(|tiles| tiles.cover(&seen, &spans));
        let seen = covered.unwrap_or_else(|| {
            let source = self.dated.source;
            let mut rows: Vec<Member> = seen.iter().map(|number| source[*number].clone()).collect();
            if rows.is_empty() {
                // Nothing is seen: any file tells which columns there are.
                rows.extend(source.first().cloned());
            }
            Seen { features: self.input.work.features, rows, tiles: Vec::new() }
        });
        let rows = missing.iter().map(|part| part.rows).fold(Span::Empty, Span::and);
        let tables = looked(&self.input.work, rows)?.tables()?;
        Ok(Unit {
            number,
            dataflow: self.input.work.dataflow.clone().with_tables(tables),
            join: &found.join,
            observations: missing.iter().map(|part| part.observations.clone()).collect(),
            seen,
            sinks: missing.iter().map(|part| (self.parts.table(&part.id), part.observations.rows)).collect(),
        })
    }

    /// Makes the tiles for which the next part is going to ask.
    async fn prepare(&self) -> Result<(), DataError> {
        let mut kept = Kept::default();
        for found in &self.found {
            if let Some(tiles) = &found.tiles {
                kept.and(tiles.prepare(self.input.work.dataflow).await?);
            }
        }
        if self.found.iter().any(|found| !found.missing.is_empty()) {
            kept.forget_others(self.parts);
        }
        Ok(())
    }

    /// The join, now that everything is there.
    fn complete(self, explain: Option<String>) -> Result<Divided, DataError> {
        let (mut all, mut report) = (Vec::new(), PartsReport::default());
        for found in self.found {
            report.total += found.files.len() as u64;
            report.made += found.missing.len() as u64;
            let names = found.join.features.iter().map(|name| output_name(&found.join, name)).collect();
            all.push(Columns { names, files: found.complete(self.parts)? });
        }
        keep_sets(&self.sets, self.parts)?;
        self.parts.keep_counts(all.iter().flat_map(|columns| &columns.files))?;
        let mut all = all.into_iter();
        let files = all.next().map(|columns| columns.files).unwrap_or_default();
        Ok(Divided { manifest: Manifest { files, beside: all.collect() }, report, explain })
    }
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
    let wanted =
        dated.parts().map(|part| wanted(work, parts, set, dated, part)).collect::<Result<Vec<_>, DataError>>()?;
    let known: Vec<Vec<String>> = wanted.iter().map(|(_, known)| known.to_vec()).collect();
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for (((observations, at), (seen, known)), found) in dated.parts().zip(wanted).zip(parts.found(&known).await?) {
        if found.is_none() {
            let [_, id] = known;
            missing.push(Missing { id, observations, at, seen, rows: until(set.reach, at) });
        }
        files.push(found);
    }
    let join = Join { features: set.wanted.clone(), ..work.join.clone() };
    Ok(Found { join, files, missing, tiles: None })
}

/// What a part of the observations sees of the source, and the fingerprints under which its features may be kept: files may
/// have columns that nobody wants any more.
fn wanted(
    work: &Work<'_>,
    parts: Parts<'_>,
    set: &FeatureSet,
    dated: &Dated<'_>,
    (member, at): (&Member, Span),
) -> Result<(Vec<usize>, [String; 2]), DataError> {
    let seen = dated.seen(set.reach, at);
    // What the rows that are seen look up.
    let looked = looked(work, until(set.reach, at))?.read();
    // A label that has become known, or another input, asks for nothing else.
    let asks = member.asks.as_deref().or(member.id.as_deref());
    let rows = || seen.iter().filter_map(|number| dated.source[*number].id.as_deref());
    let inputs = || asks.into_iter().chain(rows()).chain(looked.iter().map(String::as_str));
    let known = set.fingerprints().map(|of_features| parts.id(of_features.into_iter().chain(inputs())));
    Ok((seen, known))
}

/// What a group's rows between two instants look up.
fn looked<'a>(work: &Work<'a>, rows: Span) -> Result<Looked<'a>, DataError> {
    let names = Expr::lookups(work.features.exprs());
    Looked::of(work.dataflow.tables(), names.into_iter().map(|name| (name, rows)))
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
    fn of(input: &'a Input<'_>, observations: &'a [Member], at: &[Span]) -> Result<Self, DataError> {
        let source = &input.source;
        let rows = source.iter().map(|member| source_span(input.work.features, member)).collect::<Result<_, _>>()?;
        Ok(Dated { observations, at: at.to_vec(), source, rows })
    }

    /// The parts of the observations, with their instants.
    fn parts(&self) -> impl Iterator<Item = (&'a Member, Span)> {
        self.observations.iter().zip(self.at.iter().copied())
    }

    /// The parts of the source of which a window at observations between these instants may see rows.
    pub(super) fn seen(&self, reach: Reach, at: Span) -> Vec<usize> {
        (0..self.source.len()).filter(|number| reach.sees(at, self.rows[*number])).collect()
    }
}

/// The instants at which a group may see rows of a part.
pub(crate) fn source_span(features: &Features, member: &Member) -> Result<Span, DataError> {
    match &features.at.kind {
        ExprKind::Column { name } => span_of(&member.path, name),
        _ => Ok(Span::Unknown),
    }
}
