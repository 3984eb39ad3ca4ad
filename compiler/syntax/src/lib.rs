//! Text to tree: chunks, grammar, recovery and the syntax tree.
//!
//! A file is cut into chunks, one a declaration ([`chunks`]); each chunk is parsed by itself ([`parse`]). Parsing never
//! fails: it returns what could be understood and the problems it met. pest is named in this crate only.

pub mod ast;
mod chunks;
mod format;
mod parse;
mod time;

pub use chunks::{Chunk, Kind, chunks};
pub use format::format;
pub use parse::{Parsed, SyntaxError, parse};
pub use time::{duration, instant};
