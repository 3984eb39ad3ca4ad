//! Sources, and the columns and definitions that other declarations share with them.

use mlsys_diagnostics::Span;

use super::{Call, Expr, Name, Spanned, TypeRef};

/// A source of rows.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Source {
    /// Its name.
    pub name: Name,
    /// `from connector(…)`, every time it is written.
    pub from: Vec<Call>,
    /// `stream connector(…)`, every time it is written.
    pub stream: Vec<Call>,
    /// The columns of `schema`.
    pub columns: Vec<Column>,
    /// The columns of `derive`.
    pub derived: Vec<Definition>,
    /// `time column lateness d`, every time it is written.
    pub time: Vec<Time>,
    /// `key (columns)`, every time it is written.
    pub key: Vec<Vec<Name>>,
    /// `static`, every time it is written.
    pub fixed: Vec<Span>,
    /// `retention d`, every time it is written.
    pub retention: Vec<Spanned<i64>>,
    /// `expect …`
    pub expectations: Vec<Expectation>,
}

/// A declared column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Doc comment.
    pub doc: String,
    /// Its name.
    pub name: Name,
    /// Its type; none if the column could not be read.
    pub ty: Option<TypeRef>,
    /// When its value becomes known, if later than the row.
    pub known_at: Option<Expr>,
    /// Where it says that the value is personal data.
    pub pii: Option<Span>,
    /// What stands for a missing value.
    pub default: Option<Expr>,
}

/// `time column lateness d`
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    /// The column.
    pub column: Name,
    /// How late rows may come, in microseconds.
    pub lateness: Option<i64>,
    /// The whole clause.
    pub span: Span,
}

/// `expect … over window else action`
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// What must hold.
    pub kind: ExpectationKind,
    /// The window it must hold over, in microseconds.
    pub over: Option<Spanned<i64>>,
    /// What happens where it does not.
    pub action: Option<Name>,
    /// The whole clause.
    pub span: Span,
}

/// What an expectation asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectationKind {
    /// A condition on a row, or on the whole table such as `unique(id)` and `rows between 1 and 100`.
    Condition(Expr),
    /// `fresh within d`
    Fresh(Spanned<i64>),
}

/// `name = expr`
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Doc comment.
    pub doc: String,
    /// The name.
    pub name: Name,
    /// The meaning.
    pub value: Expr,
    /// When the value becomes known, where it is said.
    pub known_at: Option<Expr>,
}
