//! The syntax tree of one declaration. Spans are bytes relative to the declaration's chunk.

use mlsys_diagnostics::Span;

/// A name as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// A value set from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
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

/// A source of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its name.
    pub name: Name,
    /// `from connector(…)`, every time it is written.
    pub from: Vec<Call>,
    /// The columns of `schema`.
    pub columns: Vec<Column>,
    /// The columns of `derive`.
    pub derived: Vec<Definition>,
    /// `time column lateness d`, every time it is written.
    pub time: Vec<Time>,
    /// `key (columns)`, every time it is written.
    pub key: Vec<Vec<Name>>,
    /// `expect …`
    pub expectations: Vec<Expectation>,
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

/// `expect expr else action`
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// What every row must satisfy.
    pub predicate: Expr,
    /// What happens to a row that does not.
    pub action: Option<Name>,
    /// The whole clause.
    pub span: Span,
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
    /// The features.
    pub members: Vec<Member>,
}

/// A member that defines a value or takes over a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Member {
    /// `name = expr`
    Definition(Definition),
    /// A bare name.
    Bare(Name),
    /// Something of that name that could not be read.
    Broken(Name),
}

/// A model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name.
    pub name: Name,
    /// `observe source at time where filter`
    pub observe: Vec<Observe>,
    /// `label name = expr`
    pub label: Vec<Label>,
    /// The members of `inputs`.
    pub inputs: Vec<Input>,
    /// The span of the `inputs` keyword, if the block is there.
    pub inputs_span: Option<Span>,
    /// `impute strategy with indicator`
    pub impute: Vec<Impute>,
    /// `split time(…)`
    pub split: Vec<Call>,
    /// `learn learner(…)`
    pub learn: Vec<Call>,
    /// The members of `train`.
    pub train: Vec<Setting>,
    /// `require metric op bound`
    pub require: Vec<Require>,
}

/// `observe source at time where filter`
#[derive(Clone, Debug, PartialEq)]
pub struct Observe {
    /// The source.
    pub source: Name,
    /// The time of an observation.
    pub at: Option<Expr>,
    /// Which rows are observed.
    pub filter: Option<Expr>,
}

/// `label name = expr`
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The label's name, where it is given.
    pub name: Option<Name>,
    /// The label's value.
    pub value: Expr,
}

/// A member of `inputs`.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// `name = expr`
    Definition(Definition),
    /// A column of the observed row.
    Column(Name),
    /// `group.*`
    All(Name),
    /// `group.{a, b}` or `group.a`
    Some(Name, Vec<Name>),
    /// Something that could not be read.
    Broken(Name),
}

/// `impute strategy with indicator`
#[derive(Clone, Debug, PartialEq)]
pub struct Impute {
    /// A strategy's name or a number.
    pub strategy: Expr,
    /// Whether missing values are marked.
    pub indicator: bool,
}

/// A setting of `train`: `epochs 20`, `optimizer adam(…)`, `stop_early(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The setting's name.
    pub name: Name,
    /// Its value.
    pub value: SettingValue,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// One value.
    Value(Expr),
    /// Named arguments.
    Arguments(Vec<Argument>),
}

/// `require part.metric by column min n op bound`
#[derive(Clone, Debug, PartialEq)]
pub struct Require {
    /// The part of the examples.
    pub part: Name,
    /// The metric.
    pub metric: Name,
    /// The column of the slices.
    pub by: Option<Name>,
    /// The smallest slice that is judged.
    pub min: Option<i64>,
    /// The comparison.
    pub operator: BinaryOp,
    /// The bound.
    pub bound: Expr,
    /// The whole clause.
    pub span: Span,
}

/// A deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its name.
    pub name: Name,
    /// `model name`
    pub model: Vec<Name>,
    /// `serve transport(…)`
    pub serve: Vec<Call>,
    /// `budget p99 20ms`
    pub budget: Vec<(Name, Spanned<i64>)>,
    /// `cache 60s`
    pub cache: Vec<Spanned<i64>>,
    /// `fallback value`
    pub fallback: Vec<Expr>,
    /// `canary { … }`
    pub canary: Vec<Canary>,
    /// `log predictions`
    pub log: Vec<Name>,
}

/// `canary { steps […] hold d abort when … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// The keyword.
    pub span: Span,
    /// `steps […]`
    pub steps: Vec<Expr>,
    /// `hold d`
    pub hold: Vec<Spanned<i64>>,
    /// `abort when …`
    pub abort: Vec<Expr>,
}

/// A monitor.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    /// Its name.
    pub name: Name,
    /// `watch deployment`
    pub watch: Vec<Name>,
    /// `when condition over window then action`
    pub when: Vec<When>,
}

/// `when condition over window then action`
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// The condition.
    pub condition: Expr,
    /// The window in microseconds.
    pub over: Option<Spanned<i64>>,
    /// The action's name.
    pub action: Name,
    /// What the action is done to: a declaration or a call.
    pub target: Expr,
    /// The whole clause.
    pub span: Span,
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
    /// The task it is for.
    pub task: Option<Name>,
}

/// `test "name" { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Its name.
    pub name: Name,
    /// Rows of sources.
    pub given: Vec<(Name, Vec<Expr>)>,
    /// Expected features.
    pub expect: Vec<ExpectRows>,
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
}

/// `use path.{names}`
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The module's path.
    pub path: Vec<Name>,
    /// The names taken from it.
    pub names: Vec<Name>,
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What is computed.
    pub kind: ExprKind,
    /// The whole expression.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A name.
    Name(String),
    /// A constant.
    Literal(Literal),
    /// `base.name`
    Field(Box<Expr>, Name),
    /// `base.*`
    EveryField(Box<Expr>),
    /// `name(…)`, with a window if it is an aggregate.
    Call(Call),
    /// `not x`, `-x`
    Unary(UnaryOp, Box<Expr>),
    /// `x op y`
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `x is null`, `x is not null`
    IsNull {
        /// The value that is looked at.
        arg: Box<Expr>,
        /// Whether `not` is written.
        negated: bool,
    },
    /// `x between low and high`
    Between {
        /// The value.
        arg: Box<Expr>,
        /// The smallest value allowed.
        low: Box<Expr>,
        /// The largest value allowed.
        high: Box<Expr>,
    },
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{ a: 1 }`
    Record(Vec<(Name, Expr)>),
}

/// A constant as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `1_000`
    Int(i64),
    /// `0.25`, `1e-3`, and `5%` as 0.05
    Float(f64),
    /// Text with `{name}` places.
    Text(Vec<TextPart>),
    /// Microseconds.
    Duration(i64),
    /// `@2013-09-01T08:00:00Z`: microseconds since 1970.
    Instant(i64),
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPart {
    /// Text as it is, escapes resolved.
    Plain(String),
    /// A parameter's value.
    Param(Name),
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `not`
    Not,
    /// `-`
    Negate,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `and`
    And,
    /// `or`
    Or,
    /// `??`
    Coalesce,
}

/// `name(arguments)`, with a window if it is an aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is called.
    pub name: Name,
    /// The arguments.
    pub arguments: Vec<Argument>,
    /// `where filter over window`
    pub tail: Option<Box<AggregateTail>>,
    /// The whole call.
    pub span: Span,
}

/// An argument, named or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its name, where it is written.
    pub name: Option<Name>,
    /// Its value.
    pub value: Expr,
}

/// `where filter over window`
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateTail {
    /// Which rows count.
    pub filter: Option<Expr>,
    /// The windows.
    pub window: Windows,
    /// From `over` to the end.
    pub span: Span,
}

/// The windows of an aggregate.
#[derive(Clone, Debug, PartialEq)]
pub enum Windows {
    /// `over all`
    All,
    /// `over 7d`, in microseconds
    One(Spanned<i64>),
    /// `over [1d, 7d]`: one feature each, with the unit as it was written.
    Many(Vec<(Spanned<i64>, String)>),
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

impl Expr {
    /// The name, if the expression is a bare name.
    pub fn as_name(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        }
    }
}
