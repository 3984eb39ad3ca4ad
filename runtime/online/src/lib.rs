//! What is kept of an entity while rows come: its recent past in order, what windows over it come to at a moment, and where it is stored.
//!
//! A [`Layout`] says what a group of features keeps. A [`Past`] holds the rows of one entity in order, adds late ones where
//! they belong, forgets what nothing can see any more, and computes every feature at any moment from the rows themselves:
//! windows are exact at both ends and shrink as time passes. [`Groups`] are the pasts of all entities, behind a bounded
//! cache that many requests read while one job writes, and a [`Store`] makes them last: [`stores`] has one file for each.

mod cache;
mod code;
mod columns;
mod error;
mod groups;
mod layout;
mod past;
mod rows;
mod seen;
pub mod stores;
mod texts;

pub use code::Keys;
pub use error::OnlineError;
pub use groups::{Asked, Begun, Group, Groups, Replaced};
pub use layout::{Frame, Kept, Layout, Measure, Order};
pub use past::{Added, Past};
pub use rows::Rows;
pub use seen::Seen;
pub use stores::{Change, Commit, Entity, Guard, Item, Part, Parts, Space, Store, Stored};
