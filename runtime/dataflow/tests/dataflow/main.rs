//! Plan nodes run on files, as the engine runs them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod asked;
mod build;
mod checks;
mod explain;
mod expressions;
mod infer;
mod join;
mod live;
mod observe;
mod oracle;
mod parts;
mod pieces;
mod profiles;
mod random;
mod seen_parts;
mod sources;
mod tiles;
mod traps;
mod values;
