//! Parameters, entities, functions, externs, tests and uses.

use mlsys_diagnostics::Span;

use super::{Column, Definition, Expr, Name, TypeRef};

/// A value set from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Doc comment.
    pub doc: String,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeRef,
    /// The value when none is set.
    pub default: Option<Expr>,
}

/// What features are keyed by.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its name.
    pub name: Name,
    /// Its keys.
    pub keys: Vec<Column>,
}

/// `fn name(…) -> type = expr`
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Doc comment.
    pub doc: String,
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// The type of its value.
    pub result: TypeRef,
    /// Its value.
    pub body: Expr,
}

/// A parameter of a function or an extern.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeRef,
    /// A kind of library entry that may stand there instead.
    pub or: Option<Name>,
    /// The value when none is given.
    pub default: Option<Expr>,
    /// The smallest and the largest value allowed, of each item if it is a list.
    pub bounds: Option<(Expr, Expr)>,
}

/// `extern kind name<T>(…) -> type for task`
#[derive(Clone, Debug, PartialEq)]
pub struct Extern {
    /// Doc comment.
    pub doc: String,
    /// What it is: `fn`, `aggregate`, `connector`, `learner`, …
    pub kind: Name,
    /// Its name.
    pub name: Name,
    /// Names that stand for any type.
    pub type_parameters: Vec<Name>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// The type of its value.
    pub result: Option<TypeRef>,
    /// The smallest and the largest value it gives.
    pub bounds: Option<(Expr, Expr)>,
    /// The tasks, or the types of column, it is for.
    pub tasks: Vec<Name>,
}

/// `test "name" for model { … }`
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Test {
    /// Its name.
    pub name: Name,
    /// The model that it is about; none where it is about definitions.
    pub model: Option<Name>,
    /// Rows of sources.
    pub given: Vec<(Name, Vec<Expr>)>,
    /// What must hold.
    pub expect: Vec<TestExpectation>,
}

/// What a test asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum TestExpectation {
    /// Values of a group's features.
    Rows(ExpectRows),
    /// A condition without columns, such as `div(7, 2) == 3`.
    Condition(Expr),
    /// How predictions follow an input.
    Behaviour(Behaviour),
}

/// `expect rising in input within tolerance in 95% of examples`
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// What is expected.
    pub relation: Relation,
    /// The input that is changed, with its group's name if it has one, such as `habits.days_known`.
    pub input: Name,
    /// By how much a prediction may go where it must not.
    pub tolerance: Option<Expr>,
    /// The share of comparisons that must hold.
    pub share: Option<Expr>,
    /// The whole clause.
    pub span: Span,
}

/// How predictions follow an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `invariant to`
    Invariant,
    /// `rising in`
    Rising,
    /// `falling in`
    Falling,
}

/// `expect group { key: value } at time { feature = value }`
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectRows {
    /// The group.
    pub group: Name,
    /// The entity's keys.
    pub keys: Vec<(Name, Expr)>,
    /// When the features are asked for.
    pub at: Expr,
    /// The expected values.
    pub values: Vec<Definition>,
    /// The whole clause.
    pub span: Span,
}

/// `use path.{names}`
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The module's path.
    pub path: Vec<Name>,
    /// The names taken from it.
    pub names: Vec<Name>,
}
