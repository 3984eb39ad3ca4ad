//! What of the looked-up tables rows can see: a lookup as of a moment sees what was there by then, and so do the lookups of
//! what it sees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{AsOf, Table, Tables};
use crate::error::DataError;
use crate::join::Reach;
use crate::table::{Member, Span};

/// What of tables is looked up.
pub(crate) struct Looked<'a> {
    tables: &'a Tables,
    asked: BTreeMap<String, Asked<'a>>,
}

/// What of a table is looked up.
struct Asked<'a> {
    table: &'a AsOf,
    /// The places of its files.
    members: BTreeSet<usize>,
    /// The instants of the rows that ask.
    at: Span,
}

impl<'a> Looked<'a> {
    /// What rows look up, each table by its name and with the instants of the rows that ask.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(crate) fn of<'n>(
        tables: &'a Tables,
        asked: impl IntoIterator<Item = (&'n str, Span)>,
    ) -> Result<Self, DataError> {
        let mut looked = Looked { tables, asked: BTreeMap::new() };
        for (name, at) in asked {
            looked.look_up(name, at)?;
        }
        Ok(looked)
    }

    /// Adds what a lookup as of instants sees, and what the rows that it sees look up themselves.
    fn look_up(&mut self, name: &str, at: Span) -> Result<(), DataError> {
        let Some(Table::AsOf(table)) = self.tables.get(name) else { return Ok(()) };
        let (spans, reach) = (table.spans()?, table.reach());
        let known = self.asked.entry(name.to_owned());
        let known = known.or_insert_with(|| Asked { table, members: BTreeSet::new(), at: Span::Empty });
        known.members.extend(met(spans, reach, at));
        known.at = known.at.and(at);
        for other in table.lookups() {
            self.look_up(other, until(reach, at))?;
        }
        Ok(())
    }

    /// The names of the tables and the fingerprints of the files that are enough.
    pub(crate) fn read(&self) -> Vec<String> {
        let each = self.asked.iter().flat_map(|(name, asked)| {
            let ids = asked.members().filter_map(|member| member.id.clone());
            std::iter::once(name.clone()).chain(ids)
        });
        each.collect()
    }

    /// The tables, of these files alone; static ones are whole.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(crate) fn tables(&self) -> Result<Tables, DataError> {
        let mut tables = self.tables.clone();
        for (name, asked) in &self.asked {
            let seen = asked.table.seeing(asked.members().cloned().collect(), asked.at.bounds())?;
            tables.insert(name.clone(), Table::AsOf(Arc::new(seen)));
        }
        Ok(tables)
    }
}

impl Asked<'_> {
    fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().map(|place| &self.table.members()[*place])
    }
}

/// The places of the files of which rows may be seen between some instants; the files' rows lie between others.
pub(crate) fn met(files: &[Span], reach: Reach, at: Span) -> Vec<usize> {
    let met: Vec<usize> = (0..files.len()).filter(|place| reach.sees(at, files[*place])).collect();
    // Where nothing is seen any file tells which columns there are.
    if met.is_empty() && !files.is_empty() { vec![0] } else { met }
}

/// The instants of rows that are seen between some instants: a row may be seen long after its own time, never before.
pub(crate) fn until(reach: Reach, at: Span) -> Span {
    match at {
        Span::Bounds(first, last) => Span::Bounds(i64::MIN, reach.between(first, last).1),
        other => other,
    }
}
