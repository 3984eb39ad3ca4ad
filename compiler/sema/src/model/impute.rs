//! What fills missing inputs.

use mlsys_plan::{Impute, ImputeStrategy, Literal, Type};
use mlsys_syntax::ast;

use super::{Context, Inputs};
use crate::report::Reports;
use crate::scope::{Scope, listed};
use crate::source::only_one;

/// What fills missing inputs; inputs that may be missing without it are an error.
pub(super) fn impute(context: &Context<'_, '_>, collected: &Inputs, reports: &mut Reports) -> Option<Impute> {
    let model = context.model;
    let written = only_one(&model.impute, |impute| impute.strategy.span, "impute", reports);
    let Some(written) = written else {
        let missing: Vec<usize> =
            (0..collected.inputs.len()).filter(|&index| collected.inputs[index].ty.nullable).collect();
        if let Some(&first) = missing.first().filter(|_| !context.filter_failed) {
            let names: Vec<&str> = missing.iter().map(|&index| collected.inputs[index].name.as_str()).collect();
            let message = match names.len() {
                1 => format!("the input `{}` may be missing, and nothing says what fills it", names[0]),
                more => format!("{more} inputs may be missing, and nothing says what fills them"),
            };
            reports
                .error("E0310", collected.spans[first], message, format!("may be missing: {}", listed(&names)))
                .help("add `impute median with indicator` to the model");
        }
        return None;
    };
    let strategy = match &written.strategy.kind {
        ast::ExprKind::Name(_) | ast::ExprKind::Call(_) => {
            match context.constants.nested("imputation", &written.strategy, reports)?.name.as_str() {
                "mean" => ImputeStrategy::Mean,
                _ => ImputeStrategy::Median,
            }
        }
        _ => {
            let constants = &context.constants;
            let scope = Scope::constant(constants.db, constants.project, constants.file);
            match scope.literal(&written.strategy, &Type::Float64, reports)? {
                Literal::Float(value) => ImputeStrategy::Constant(value),
                _ => return None,
            }
        }
    };
    Some(Impute { strategy, indicator: written.indicator })
}
