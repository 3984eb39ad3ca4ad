//! What differs between the databases that a registry lies in: settings, how its tables are made and how their version is kept.
//! What is asked of them is the same SQL.

/// A database.
#[derive(Debug)]
pub(super) struct Dialect {
    /// What every connection is told first.
    pub(super) settings: &'static [&'static str],
    /// What begins a transaction in which tables are made, and lets others that would make them wait.
    pub(super) alone: &'static [&'static str],
    /// Asks for the version of the tables; 0 if there are none, or if they are from before versions were counted.
    pub(super) version: &'static str,
    /// Keeps the version of the tables.
    pub(super) keep_version: fn(usize) -> String,
    /// What brings tables from each version to the next; the first list makes them.
    pub(super) steps: &'static [&'static [&'static str]],
}
