//! Plan nodes run on files, as the engine runs them.

mod build;
mod explain;
mod expressions;
mod join;
mod observe;
mod oracle;
mod random;
mod sources;
mod traps;
