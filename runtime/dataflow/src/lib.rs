//! Plan nodes on DataFusion: sources, expressions, quality checks and the point-in-time join.
//!
//! [`Dataflow`] runs the batch nodes of a plan: [`Dataflow::source`], [`Dataflow::observe`], [`Dataflow::join`]. Each
//! reads files, streams through memory that is bounded, and leaves one Parquet file that appears complete or not at
//! all. [`supports`] says before a run whether everything in a plan is implemented, [`explain`] shows what would run.
//!
//! Rows of a table are in a fixed order: that of its source. Results do not depend on the number of threads, on the
//! size of batches, or on what was spilled.

mod error;
mod explain;
mod expr;
mod functions;
mod in_memory;
mod infer;
mod join;
mod literal;
mod live;
mod lookup;
mod names;
mod observe;
mod options;
mod order;
mod parts;
mod predictions;
mod profile;
mod session;
mod shipped;
mod sink;
mod source;
mod sources;
mod supports;
mod table;
mod types;
mod zip;

pub use error::DataError;
pub use explain::explain;
pub use functions::function_names;
pub use in_memory::{InMemory, Question, Rows};
pub use infer::{Inferred, InferredColumn, UnsupportedColumn, infer};
pub use join::{AS_OF, Frame, GroupJoin, JoinReport, ValuesReport, join_groups};
pub use live::{Asked, AskedKey, LiveExamples, LiveFilter, LiveGroup, LiveInputs, LiveSource, SetAside, Sought, Taken};
pub use observe::{Ahead, ObserveReport, Piece, Scored};
pub use options::Options;
pub use parts::{Elsewhere, Listed, Parts, PartsReport, Target, files_of, forget_parts, listed, part_of, write_table};
pub use predictions::{Format, no_predictions};
pub use profile::{Bar, ColumnReport, Lengths, Profile, ProfileFrom, ProfileReport, Specials, TopValue};
pub use session::{Dataflow, LookedUp};
pub use shipped::Shipped;
pub use source::{CheckReport, Progress, ReadSource, SourceReport, TableCheckReport, is_there};
pub use sources::{connector_names, source_files};
pub use supports::{NOT_YET, implemented, supports, supports_node};
