//! The plan's expression tree: typed, with every widening written as a cast.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::ValueType;

/// A row expression and the type of its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// What is computed.
    #[serde(flatten)]
    pub kind: ExprKind,
    /// The type of the result.
    #[serde(flatten)]
    pub ty: ValueType,
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ExprKind {
    /// A column of the row.
    Column {
        /// The column's name.
        name: String,
    },
    /// A constant.
    Literal {
        /// The constant's value.
        value: Literal,
    },
    /// An operator with one operand.
    Unary {
        /// The operator.
        operator: UnaryOp,
        /// The operand.
        arg: Box<Expr>,
    },
    /// An operator with two operands. Operands of arithmetic and comparison have equal types, except that
    /// `timestamp ± duration` and `duration * number`, `duration / number` (duration first) keep theirs.
    Binary {
        /// The operator.
        operator: BinaryOp,
        /// The left operand.
        left: Box<Expr>,
        /// The right operand.
        right: Box<Expr>,
    },
    /// `arg is null`: never null itself.
    IsNull {
        /// The value that is looked at.
        arg: Box<Expr>,
    },
    /// A function of the standard library, by its name in the language.
    Call {
        /// The function's name, such as `hour_of_day`.
        function: String,
        /// The arguments in declared order, defaults filled in.
        args: Vec<Expr>,
    },
    /// A value where a condition holds, another one where it does not or is null.
    If {
        /// What is asked.
        condition: Box<Expr>,
        /// The value where it holds.
        then: Box<Expr>,
        /// The value elsewhere, of the same type.
        otherwise: Box<Expr>,
    },
    /// A list of values of one type.
    List {
        /// The values.
        items: Vec<Expr>,
    },
    /// A value of another table: a source read by its key, or a feature of a group, as of the row's own time.
    /// Null where the table has no such row.
    Lookup {
        /// The source or the group.
        table: String,
        /// The keys, in the order of the table's own.
        keys: Vec<Expr>,
        /// The column or the feature.
        column: String,
    },
    /// The moment for which the value is asked: the observation's time, or the request's when serving.
    Now,
    /// The argument widened to this expression's type.
    Cast {
        /// The value that is widened.
        arg: Box<Expr>,
    },
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnaryOp {
    /// Three-valued negation.
    Not,
    /// Arithmetic negation.
    Negate,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinaryOp {
    /// `+`; null when an integer result leaves its range.
    Add,
    /// `-`; null when an integer result leaves its range.
    Subtract,
    /// `*`; null when an integer result leaves its range.
    Multiply,
    /// `/`, always a `float64` (or a duration divided by a number).
    Divide,
    /// `//` on integers, rounded towards negative infinity; null when the divisor is zero.
    IntegerDivide,
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
    /// Three-valued conjunction.
    And,
    /// Three-valued disjunction.
    Or,
    /// `??`: the right value where the left is missing.
    Coalesce,
}

impl BinaryOp {
    /// How the operator is written in a program.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::IntegerDivide => "//",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessOrEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterOrEqual => ">=",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Coalesce => "??",
        }
    }
}

/// A constant value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Literal {
    /// A missing value.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of either width.
    Int(i64),
    /// A finite floating-point number of either width.
    Float(f64),
    /// Text.
    String(String),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds.
    Duration(i64),
    /// Values in order, each of the list's item type; the 32-bit floats of a vector.
    List(Vec<Literal>),
}

/// A named expression over the row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// The name of the result.
    pub name: String,
    /// How it is computed.
    pub expr: Expr,
}

impl Expr {
    /// A reference to a column.
    pub fn column(name: impl Into<String>, ty: ValueType) -> Self {
        Expr { kind: ExprKind::Column { name: name.into() }, ty }
    }

    /// A constant.
    pub fn literal(value: Literal, ty: ValueType) -> Self {
        Expr { kind: ExprKind::Literal { value }, ty }
    }

    /// The column's name, if the expression is a bare column.
    pub fn as_column(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Column { name } => Some(name),
            _ => None,
        }
    }

    /// The expression with columns replaced where `replacement` has something for their name.
    #[must_use]
    pub fn with_columns(self, replacement: &impl Fn(&str) -> Option<Expr>) -> Expr {
        let map = |expr: Box<Expr>| Box::new(expr.with_columns(replacement));
        let kind = match self.kind {
            ExprKind::Column { name } => match replacement(&name) {
                Some(expr) => return expr,
                None => ExprKind::Column { name },
            },
            ExprKind::Literal { value } => ExprKind::Literal { value },
            ExprKind::Unary { operator, arg } => ExprKind::Unary { operator, arg: map(arg) },
            ExprKind::Binary { operator, left, right } => {
                ExprKind::Binary { operator, left: map(left), right: map(right) }
            }
            ExprKind::IsNull { arg } => ExprKind::IsNull { arg: map(arg) },
            ExprKind::Call { function, args } => {
                ExprKind::Call { function, args: args.into_iter().map(|arg| arg.with_columns(replacement)).collect() }
            }
            ExprKind::If { condition, then, otherwise } => {
                ExprKind::If { condition: map(condition), then: map(then), otherwise: map(otherwise) }
            }
            ExprKind::List { items } => {
                ExprKind::List { items: items.into_iter().map(|item| item.with_columns(replacement)).collect() }
            }
            ExprKind::Lookup { table, keys, column } => ExprKind::Lookup {
                table,
                keys: keys.into_iter().map(|key| key.with_columns(replacement)).collect(),
                column,
            },
            ExprKind::Now => ExprKind::Now,
            ExprKind::Cast { arg } => ExprKind::Cast { arg: map(arg) },
        };
        Expr { kind, ty: self.ty }
    }

    /// Calls `visit` with the name of every column the expression reads, in order of appearance.
    pub fn visit_columns<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        self.visit(&mut |expr| {
            if let ExprKind::Column { name } = &expr.kind {
                visit(name);
            }
        });
    }

    /// The tables that expressions look up, without repetition.
    pub fn lookups<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> BTreeSet<&'a str> {
        let mut tables = BTreeSet::new();
        for expr in exprs {
            expr.visit(&mut |each| {
                if let ExprKind::Lookup { table, .. } = &each.kind {
                    tables.insert(table.as_str());
                }
            });
        }
        tables
    }

    /// Calls `visit` with this expression and every expression in it, outer ones first.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        self.children().into_iter().for_each(|child| child.visit(visit));
    }

    /// The operands, in written order.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Column { .. } | ExprKind::Literal { .. } | ExprKind::Now => Vec::new(),
            ExprKind::Unary { arg, .. } | ExprKind::IsNull { arg } | ExprKind::Cast { arg } => vec![arg],
            ExprKind::Binary { left, right, .. } => vec![left, right],
            ExprKind::If { condition, then, otherwise } => vec![condition, then, otherwise],
            ExprKind::Call { args, .. } => args.iter().collect(),
            ExprKind::List { items } => items.iter().collect(),
            ExprKind::Lookup { keys, .. } => keys.iter().collect(),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Column { name } => f.write_str(name),
            ExprKind::Literal { value } => write!(f, "{value}"),
            ExprKind::Unary { operator: UnaryOp::Not, arg } => write!(f, "not {arg}"),
            ExprKind::Unary { operator: UnaryOp::Negate, arg } => write!(f, "-{arg}"),
            ExprKind::Binary { operator, left, right } => write!(f, "({left} {} {right})", operator.symbol()),
            ExprKind::IsNull { arg } => write!(f, "({arg} is null)"),
            ExprKind::Call { function, args } => {
                write!(f, "{function}({})", listed(args))
            }
            ExprKind::If { condition, then, otherwise } => write!(f, "(if {condition} then {then} else {otherwise})"),
            ExprKind::List { items } => write!(f, "[{}]", listed(items)),
            ExprKind::Lookup { table, keys, column } => write!(f, "{table}[{}].{column}", listed(keys)),
            ExprKind::Now => f.write_str("now"),
            ExprKind::Cast { arg } => write!(f, "{}({arg})", self.ty.ty),
        }
    }
}

fn listed(items: &[impl fmt::Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("null"),
            Literal::Bool(value) => write!(f, "{value}"),
            Literal::Int(value) => write!(f, "{value}"),
            Literal::Float(value) => write!(f, "{value:?}"),
            Literal::String(value) => write!(f, "{value:?}"),
            Literal::Timestamp(micros) => f.write_str(&crate::text::instant(*micros)),
            Literal::Date(days) => f.write_str(&crate::text::day(*days)),
            Literal::Duration(micros) => f.write_str(&crate::text::duration(*micros)),
            Literal::List(items) => write!(f, "[{}]", listed(items)),
        }
    }
}
