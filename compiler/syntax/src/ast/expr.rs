//! Expressions and calls.

use mlsys_diagnostics::Span;

use super::{Name, Spanned};

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
    /// `base[key, …]`
    Index(Box<Expr>, Vec<Expr>),
    /// `name(…)`, with a window if it is an aggregate.
    Call(Call),
    /// `[mean, max](x) over …`: one aggregate each; the call's own name is the first.
    Each(Vec<Name>, Call),
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
    /// `x in [a, b]`, `x not in [a, b]`
    In {
        /// The value that is looked for.
        arg: Box<Expr>,
        /// The values it is looked for among.
        items: Vec<Expr>,
        /// Whether `not` is written.
        negated: bool,
    },
    /// `if condition then value else other`
    If {
        /// What is asked.
        condition: Box<Expr>,
        /// The value where it holds.
        then: Box<Expr>,
        /// The value where it does not, or is not known.
        otherwise: Box<Expr>,
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
    /// `from source for entity where filter over next d`
    pub ahead: Option<Box<LookAhead>>,
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

/// `where filter over window step d offset d`
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateTail {
    /// Which rows count.
    pub filter: Option<Expr>,
    /// The windows.
    pub window: Windows,
    /// By how much the window's far end moves at once, in microseconds.
    pub step: Option<Spanned<i64>>,
    /// How far the window is shifted into the past.
    pub offset: Option<Expr>,
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
    /// `over last 20`: rows
    Last(Spanned<i64>),
}

/// `from source for entity where filter over next d`
#[derive(Clone, Debug, PartialEq)]
pub struct LookAhead {
    /// The source.
    pub source: Name,
    /// The entity.
    pub entity: Name,
    /// Entity keys that are source columns of other names.
    pub key_map: Vec<(Name, Name)>,
    /// Which rows count.
    pub filter: Option<Expr>,
    /// How far it looks, in microseconds.
    pub width: Spanned<i64>,
    /// From `from` to the end.
    pub span: Span,
}

impl Expr {
    /// The name, if the expression is a bare name.
    pub fn as_name(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        }
    }

    /// A bare name as an expression.
    pub fn of_name(name: &Name) -> Expr {
        Expr { kind: ExprKind::Name(name.text.clone()), span: name.span }
    }

    /// The expressions that this one is made of, in written order; filters of aggregates among them.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Name(_) | ExprKind::Literal(_) => Vec::new(),
            ExprKind::Field(base, _) | ExprKind::EveryField(base) | ExprKind::Unary(_, base) => vec![base],
            ExprKind::IsNull { arg, .. } => vec![arg],
            ExprKind::Index(base, keys) => std::iter::once(base.as_ref()).chain(keys).collect(),
            ExprKind::Call(call) | ExprKind::Each(_, call) => call.children(),
            ExprKind::Binary(_, left, right) => vec![left, right],
            ExprKind::Between { arg, low, high } => vec![arg, low, high],
            ExprKind::In { arg, items, .. } => std::iter::once(arg.as_ref()).chain(items).collect(),
            ExprKind::If { condition, then, otherwise } => vec![condition, then, otherwise],
            ExprKind::List(items) => items.iter().collect(),
            ExprKind::Record(fields) => fields.iter().map(|(_, value)| value).collect(),
        }
    }
}

impl Expr {
    /// As [`Expr::children`], to change them.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.kind {
            ExprKind::Name(_) | ExprKind::Literal(_) => Vec::new(),
            ExprKind::Field(base, _) | ExprKind::EveryField(base) | ExprKind::Unary(_, base) => vec![base],
            ExprKind::IsNull { arg, .. } => vec![arg],
            ExprKind::Index(base, keys) => std::iter::once(base.as_mut()).chain(keys).collect(),
            ExprKind::Call(call) | ExprKind::Each(_, call) => call.children_mut(),
            ExprKind::Binary(_, left, right) => vec![left, right],
            ExprKind::Between { arg, low, high } => vec![arg, low, high],
            ExprKind::In { arg, items, .. } => std::iter::once(arg.as_mut()).chain(items).collect(),
            ExprKind::If { condition, then, otherwise } => vec![condition, then, otherwise],
            ExprKind::List(items) => items.iter_mut().collect(),
            ExprKind::Record(fields) => fields.iter_mut().map(|(_, value)| value).collect(),
        }
    }
}

impl Call {
    /// A call without arguments and window.
    pub fn bare(name: Name) -> Call {
        Call { span: name.span, name, arguments: Vec::new(), tail: None, ahead: None }
    }

    fn children(&self) -> Vec<&Expr> {
        let mut children: Vec<&Expr> = self.arguments.iter().map(|argument| &argument.value).collect();
        if let Some(tail) = &self.tail {
            children.extend(tail.filter.iter().chain(&tail.offset));
        }
        if let Some(ahead) = &self.ahead {
            children.extend(&ahead.filter);
        }
        children
    }

    fn children_mut(&mut self) -> Vec<&mut Expr> {
        let mut children: Vec<&mut Expr> = self.arguments.iter_mut().map(|argument| &mut argument.value).collect();
        if let Some(tail) = &mut self.tail {
            children.extend(tail.filter.iter_mut().chain(&mut tail.offset));
        }
        if let Some(ahead) = &mut self.ahead {
            children.extend(&mut ahead.filter);
        }
        children
    }
}
