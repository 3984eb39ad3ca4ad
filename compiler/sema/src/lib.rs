//! Meaning: names, types, availability and signatures, as incremental queries.
//!
//! A file is an input; its declarations are tracked [`Item`]s whose text is parsed one by one. Every kind of declaration
//! has a query that answers with its meaning and the reports on it. Reports name places relative to their declaration, so
//! that moving text never checks anything again; only the edge ([`check_file`]) makes places absolute. Nothing here
//! reads a file, a clock or the environment.

mod args;
mod condition;
mod db;
mod deployment;
mod entity;
mod expr;
mod features;
mod function;
mod hygiene;
mod imports;
mod known;
mod library;
mod model;
mod monitor;
mod narrowing;
mod order;
mod param;
mod program;
mod reach;
mod refer;
mod report;
mod scope;
mod source;
mod test;
mod types;

pub use db::{Checked, Db, Item, ItemRef, Project, SourceFile, items, parsed};
pub use deployment::deployment_of;
pub use features::{GroupDef, features_of};
pub use hygiene::hygiene;
pub use model::{ModelDef, model_of};
pub use monitor::monitor_of;
pub use param::ParamValue;
pub use program::{check_file, check_item, check_project};
pub use report::Report;
pub use source::{Column, SourceDef, source_of};
pub use test::{ModelTest, TestDef, test_of};
