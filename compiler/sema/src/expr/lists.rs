//! Lists: constants in brackets, and values of rows put together.

use mlsys_diagnostics::Span;
use mlsys_plan::{Expr, ExprKind, Literal, Type};
use mlsys_syntax::ast;

use super::coerce::unify;
use crate::report::{Reports, a};
use crate::scope::Scope;

impl Scope<'_> {
    /// `[a, b]`: values of one type that are always present.
    pub(super) fn list(&mut self, items: &[ast::Expr], span: Span, reports: &mut Reports) -> Option<Expr> {
        let typed: Vec<Option<Expr>> = items.iter().map(|item| self.expr(item, reports)).collect();
        let typed: Vec<Expr> = typed.into_iter().collect::<Option<_>>()?;
        let Some(first) = typed.first() else {
            reports.error("E0318", span, "an empty list has no type", "of what?").help("name at least one value");
            return None;
        };
        let mut shared = first.clone();
        for (expr, item) in typed.iter().zip(items) {
            if expr.ty.nullable {
                let message = "a value in a list is always present, this one may be missing";
                reports.error("E0318", item.span, message, "may be missing").help("give a value for it with `??`");
                return None;
            }
            match unify(shared.clone(), expr.clone()) {
                Ok((wider, _)) => shared = wider,
                Err((wider, other)) => {
                    let message = format!("a list holds values of one type, here {} and {}", wider.ty.ty, other.ty.ty);
                    let item_ref = reports.item().clone();
                    reports
                        .error("E0318", item.span, message, format!("this is {}", a(&other.ty)))
                        .also(&item_ref, items[0].span, format!("this is {}", a(&wider.ty)))
                        .help("write all of them as values of one type");
                    return None;
                }
            }
        }
        let ty = shared.ty.ty;
        let typed: Vec<Expr> = typed.into_iter().map(|expr| crate::expr::widened(expr, &ty)).collect::<Option<_>>()?;
        Some(folded(typed, ty))
    }
}

/// A list of constants is a constant itself.
fn folded(items: Vec<Expr>, ty: Type) -> Expr {
    let constants: Option<Vec<Literal>> = items
        .iter()
        .map(|item| match &item.kind {
            ExprKind::Literal { value } => Some(value.clone()),
            _ => None,
        })
        .collect();
    let ty = Type::List(Box::new(ty)).required();
    match constants {
        Some(values) => Expr::literal(Literal::List(values), ty),
        None => Expr { kind: ExprKind::List { items }, ty },
    }
}
