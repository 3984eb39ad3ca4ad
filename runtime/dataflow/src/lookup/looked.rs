//! What of the looked-up tables rows can see: a lookup as of a moment sees what was there by then, and so do the lookups of
//! what it sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mlsys_plan::Operation;

use super::{Table, Tables};
use crate::error::DataError;
use crate::join::{Reach, source_span};
use crate::table::{Member, Span};

/// What of tables is looked up.
pub(crate) struct Looked {
    /// The names of the tables and the fingerprints of the files that are enough.
    pub(crate) read: Vec<String>,
    /// The tables, of these files alone; static ones are whole.
    pub(crate) tables: Tables,
}

/// What of a table is looked up.
struct Asked {
    /// The places of its files.
    members: BTreeSet<usize>,
    /// The instants of the rows that ask.
    at: Span,
}

impl Looked {
    /// What rows look up, each table by its name and with the instants of the rows that ask.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(crate) fn of(tables: &Tables, asked: Vec<(String, Span)>) -> Result<Self, DataError> {
        let mut all: BTreeMap<String, Asked> = BTreeMap::new();
        for (name, at) in asked {
            look_up(tables, &name, at, &mut all)?;
        }
        let mut looked = Looked { read: Vec::new(), tables: tables.clone() };
        for (name, Asked { members, at }) in all {
            let Some(Table::AsOf(table)) = tables.get(&name) else { continue };
            let members: Vec<Member> = members.into_iter().map(|place| table.members()[place].clone()).collect();
            looked.read.push(name.clone());
            looked.read.extend(members.iter().filter_map(|member| member.id.clone()));
            looked.tables.insert(name, Table::AsOf(Arc::new(table.seeing(members, at.bounds())?)));
        }
        Ok(looked)
    }
}

/// Adds what a lookup as of instants sees, and what the rows that it sees look up themselves.
fn look_up(tables: &Tables, name: &str, at: Span, all: &mut BTreeMap<String, Asked>) -> Result<(), DataError> {
    let Some(Table::AsOf(table)) = tables.get(name) else { return Ok(()) };
    let features = table.features();
    let reach = Reach::of(&features.aggregates.iter().collect::<Vec<_>>());
    let met = met(table.members(), |member| source_span(features, member), reach, at)?;
    let known = all.entry(name.to_owned());
    let known = known.or_insert_with(|| Asked { members: BTreeSet::new(), at: Span::Empty });
    known.members.extend(met);
    known.at = known.at.and(at);
    for other in Operation::Features(features.clone()).lookups() {
        look_up(tables, other, until(reach, at), all)?;
    }
    Ok(())
}

/// The places of the files of which rows may be seen between some instants.
pub(crate) fn met(
    members: &[Member],
    span: impl Fn(&Member) -> Result<Span, DataError>,
    reach: Reach,
    at: Span,
) -> Result<Vec<usize>, DataError> {
    let mut met = Vec::new();
    for (place, member) in members.iter().enumerate() {
        if reach.sees(at, span(member)?) {
            met.push(place);
        }
    }
    // Where nothing is seen any file tells which columns there are.
    Ok(if met.is_empty() && !members.is_empty() { vec![0] } else { met })
}

/// The instants of rows that are seen between some instants: a row may be seen long after its own time, never before.
pub(crate) fn until(reach: Reach, at: Span) -> Span {
    match at {
        Span::Bounds(first, last) => Span::Bounds(i64::MIN, reach.between(first, last).1),
        other => other,
    }
}
