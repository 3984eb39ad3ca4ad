//! What a condition that holds says about columns: which of them are present.

use std::collections::BTreeSet;

use mlsys_plan::{BinaryOp, Expr, ExprKind, UnaryOp};

/// The columns that are present in every row for which the condition holds.
pub(crate) fn present_when(condition: &Expr) -> BTreeSet<String> {
    match &condition.kind {
        ExprKind::Binary { operator: BinaryOp::And, left, right } => {
            present_when(left).into_iter().chain(present_when(right)).collect()
        }
        ExprKind::Binary { operator: BinaryOp::Or, left, right } => {
            present_when(left).intersection(&present_when(right)).cloned().collect()
        }
        ExprKind::Unary { operator: UnaryOp::Not, arg } => match &arg.kind {
            ExprKind::IsNull { arg } => strict_columns(arg),
            _ => strict_columns(arg),
        },
        ExprKind::Binary { operator, .. } if is_comparison(*operator) => strict_columns(condition),
        ExprKind::Column { name } => BTreeSet::from([name.clone()]),
        _ => BTreeSet::new(),
    }
}

fn is_comparison(operator: BinaryOp) -> bool {
    matches!(
        operator,
        BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessOrEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterOrEqual
    )
}

/// The columns without which the expression would be null.
fn strict_columns(expr: &Expr) -> BTreeSet<String> {
    match &expr.kind {
        ExprKind::Column { name } => BTreeSet::from([name.clone()]),
        ExprKind::Cast { arg } | ExprKind::Unary { arg, .. } => strict_columns(arg),
        ExprKind::Binary { operator, left, right } => match operator {
            // Three-valued logic and `??` can have a value where an operand has none.
            BinaryOp::And | BinaryOp::Or | BinaryOp::Coalesce => BTreeSet::new(),
            _ => strict_columns(left).into_iter().chain(strict_columns(right)).collect(),
        },
        ExprKind::Call { args, .. } => args.iter().flat_map(strict_columns).collect(),
        // A lookup may find nothing, and the branches of a condition read different columns.
        ExprKind::Lookup { .. } | ExprKind::If { .. } => BTreeSet::new(),
        ExprKind::List { items } => items.iter().flat_map(strict_columns).collect(),
        ExprKind::Literal { .. } | ExprKind::IsNull { .. } | ExprKind::Now => BTreeSet::new(),
    }
}
