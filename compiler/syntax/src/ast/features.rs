//! Feature groups.

use super::{Definition, Expr, Name, Spanned};

/// A feature group.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Its name.
    pub name: Name,
    /// The entity.
    pub entity: Name,
    /// Entity keys that are source columns of other names.
    pub key_map: Vec<(Name, Name)>,
    /// The source.
    pub source: Name,
    /// When a row is seen.
    pub at: Option<Expr>,
    /// `where expr`
    pub filters: Vec<Expr>,
    /// `refresh every d`, every time it is written.
    pub refresh: Vec<Spanned<i64>>,
    /// The features.
    pub members: Vec<Member>,
}

/// A member that defines a value or takes over a column.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are few of them, and boxes would stand in the way of every reader"
)]
pub enum Member {
    /// `name = expr`
    Definition(Definition),
    /// A bare name.
    Bare(Name),
    /// Something of that name that could not be read.
    Broken(Name),
}
