//! The syntax tree of one declaration. Spans are bytes relative to the declaration's chunk.

mod expr;
mod features;
mod library;
mod model;
mod serving;
mod source;

use mlsys_diagnostics::Span;

pub use expr::{
    AggregateTail, Argument, BinaryOp, Call, Expr, ExprKind, Literal, LookAhead, TextPart, UnaryOp, Windows,
};
pub use features::{Features, Member};
pub use library::{
    Behaviour, Entity, ExpectRows, Extern, Function, Param, Parameter, Relation, Test, TestExpectation, Use,
};
pub use model::{
    Allow, Bound, Encode, Encoded, GroupInput, Impute, Input, Label, Metric, Model, Observe, Observed, OfGroup,
    Require, Setting, SettingValue, Tune, TuneMember,
};
pub use serving::{
    Arm, Clock, Deployment, Log, Monitor, Outcome, Rate, Rollout, RolloutKind, Score, Stage, Variant, When,
};
pub use source::{Column, Definition, Expectation, ExpectationKind, Source, Time};

/// A name as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Name {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A declaration.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `param name: type = default`
    Param(Param),
    /// `entity name { key: type }`
    Entity(Entity),
    /// `source name { … }`
    Source(Source),
    /// `features name for entity from source at time { … }`
    Features(Features),
    /// `model name { … }`
    Model(Model),
    /// `deployment name { … }`
    Deployment(Deployment),
    /// `monitor name { … }`
    Monitor(Monitor),
    /// `fn name(…) -> type = expr`
    Function(Function),
    /// `extern kind name(…) -> type`
    Extern(Extern),
    /// `test "name" { … }`
    Test(Test),
    /// `use path.{names}`
    Use(Use),
}

/// A type as written.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeRef {
    /// The type's name.
    pub name: Name,
    /// What stands between angle brackets.
    pub argument: Option<TypeArgument>,
    /// The names of an `enum("a", "b")`.
    pub names: Vec<String>,
    /// Whether a `?` follows.
    pub nullable: bool,
    /// The whole type.
    pub span: Span,
}

/// What stands between a type's angle brackets.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeArgument {
    /// `list<string>`
    Type(Box<TypeRef>),
    /// `vector<64>`
    Length(i64),
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl Item {
    /// The declared name; none for `use`.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Item::Param(item) => Some(&item.name),
            Item::Entity(item) => Some(&item.name),
            Item::Source(item) => Some(&item.name),
            Item::Features(item) => Some(&item.name),
            Item::Model(item) => Some(&item.name),
            Item::Deployment(item) => Some(&item.name),
            Item::Monitor(item) => Some(&item.name),
            Item::Function(item) => Some(&item.name),
            Item::Extern(item) => Some(&item.name),
            Item::Test(item) => Some(&item.name),
            Item::Use(_) => None,
        }
    }
}
