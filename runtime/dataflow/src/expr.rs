//! Row expressions of the plan as DataFusion expressions.
//!
//! Integer and time arithmetic give null out of range, comparisons of floats follow IEEE 754 (see
//! [`crate::functions`]); everything else is DataFusion's own.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::functions::core::coalesce;
use datafusion::functions_nested::make_array::make_array;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, cast, lit, not, when};
use mlsys_plan::{BinaryOp, Expr as PlanExpr, ExprKind, Type, UnaryOp, columns};

use crate::error::{Code, DataError};
use crate::functions::{FUNCTIONS, Function, function_names, operators};
use crate::lookup::lookup;
use crate::names;
use crate::types::{arrow_type, scalar};

/// The DataFusion expression that computes a plan expression; `now` is the column `__at`.
///
/// # Errors
/// E0910 if a function is not known; E0999 if the plan's types do not fit together.
pub(crate) fn lower(expr: &PlanExpr) -> Result<Expr, DataError> {
    Ok(match &expr.kind {
        ExprKind::Column { name } => column(name),
        ExprKind::Literal { value } => lit(scalar(value, &expr.ty.ty)?),
        ExprKind::Unary { operator: UnaryOp::Not, arg } => not(lower(arg)?),
        ExprKind::Unary { operator: UnaryOp::Negate, arg } => negate(arg)?,
        ExprKind::Binary { operator, left, right } => binary(*operator, left, right)?,
        ExprKind::IsNull { arg } => lower(arg)?.is_null(),
        ExprKind::Call { function, args } => {
            let arguments = args.iter().map(lower).collect::<Result<_, _>>()?;
            language_function(function, args)?.udf().call(arguments)
        }
        ExprKind::If { condition, then, otherwise } => {
            when(lower(condition)?, lower(then)?).otherwise(lower(otherwise)?)?
        }
        ExprKind::List { items } => {
            let items = items.iter().map(lower).collect::<Result<_, _>>()?;
            // An array of nothing has no type of its own.
            cast(make_array(items), arrow_type(&expr.ty.ty))
        }
        ExprKind::Lookup { table, keys, column } => {
            let keys = keys.iter().map(lower).collect::<Result<_, _>>()?;
            lookup(table, column, arrow_type(&expr.ty.ty), keys)
        }
        ExprKind::Now => column(columns::AT),
        ExprKind::Cast { arg } => cast(lower(arg)?, arrow_type(&expr.ty.ty)),
    })
}

/// As [`lower`], where `now` is the value of another expression.
///
/// # Errors
/// As [`lower`].
pub(crate) fn lower_at(expr: &PlanExpr, now: &Expr) -> Result<Expr, DataError> {
    let lowered = lower(expr)?;
    if !reads_now(expr) {
        return Ok(lowered);
    }
    let at = column(columns::AT);
    let replaced =
        lowered.transform(|each| Ok(if each == at { Transformed::yes(now.clone()) } else { Transformed::no(each) }))?;
    Ok(replaced.data)
}

/// Whether an expression depends on the moment for which it is asked.
pub(crate) fn reads_now(expr: &PlanExpr) -> bool {
    let mut found = false;
    expr.visit(&mut |each| found |= each.kind == ExprKind::Now);
    found
}

/// What an integer is above a multiple of a length that is more than zero, also where it is negative.
///
/// # Errors
/// E0999, which does not happen.
pub(crate) fn remainder(value: &Expr, length: i64) -> Result<Expr, DataError> {
    let rest = value.clone() % lit(length);
    Ok(when(rest.clone().lt(lit(0_i64)), rest.clone() + lit(length)).otherwise(rest)?)
}

/// A column by its exact name: no case folding, and a dot is part of the name.
pub(crate) fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn language_function(name: &str, args: &[PlanExpr]) -> Result<Function, DataError> {
    let function = FUNCTIONS.iter().copied().find(|function| function.name == name).ok_or_else(|| {
        DataError::new(Code::Unsupported, format!("this runtime has no function `{name}`"))
            .with_help(format!("its functions are {}", names::list(function_names())))
    })?;
    let types: Vec<_> = args.iter().map(|arg| arrow_type(&arg.ty.ty)).collect();
    if types.len() != function.arity || (function.returns)(&types).is_none() {
        let given: Vec<String> = args.iter().map(|arg| arg.ty.ty.to_string()).collect();
        let message = format!("this runtime has no function `{name}({})`", given.join(", "));
        return Err(DataError::new(Code::Unsupported, message));
    }
    Ok(function)
}

fn negate(arg: &PlanExpr) -> Result<Expr, DataError> {
    let operand = lower(arg)?;
    match arg.ty.ty {
        Type::Int32 | Type::Int64 => Ok(operators::NEGATE.udf().call(vec![operand])),
        Type::Float32 | Type::Float64 => Ok(Expr::Negative(Box::new(operand))),
        Type::Duration => {
            let none = lit(scalar(&mlsys_plan::Literal::Duration(0), &Type::Duration)?);
            Ok(operators::SUBTRACT_TIME.udf().call(vec![none, operand]))
        }
        ref other => Err(unsupported(&format!("-{other}"))),
    }
}

fn binary(operator: BinaryOp, left: &PlanExpr, right: &PlanExpr) -> Result<Expr, DataError> {
    match operator {
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::IntegerDivide => {
            arithmetic(operator, left, right)
        }
        BinaryOp::And => Ok(native(Operator::And, lower(left)?, lower(right)?)),
        BinaryOp::Or => Ok(native(Operator::Or, lower(left)?, lower(right)?)),
        BinaryOp::Coalesce => Ok(coalesce().call(vec![lower(left)?, lower(right)?])),
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessOrEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterOrEqual => comparison(operator, left, right),
    }
}

fn arithmetic(operator: BinaryOp, left: &PlanExpr, right: &PlanExpr) -> Result<Expr, DataError> {
    let (left_type, right_type) = (&left.ty.ty, &right.ty.ty);
    if left_type == right_type
        && left_type.is_float()
        && let Some(float) = float_operator(operator)
    {
        return Ok(native(float, lower(left)?, lower(right)?));
    }
    let mut operands = vec![lower(left)?, lower(right)?];
    let function = match (operator, left_type, right_type) {
        (BinaryOp::Multiply | BinaryOp::Divide, Type::Duration, number) if number.is_numeric() => {
            let wide = if number.is_integer() { Type::Int64 } else { Type::Float64 };
            if *number != wide {
                let factor = operands.remove(1);
                operands.push(cast(factor, arrow_type(&wide)));
            }
            if operator == BinaryOp::Multiply { operators::SCALE_DURATION } else { operators::DIVIDE_DURATION }
        }
        _ => exact_operator(operator, left_type, right_type)
            .ok_or_else(|| unsupported(&format!("{left_type} {} {right_type}", operator.symbol())))?,
    };
    Ok(function.udf().call(operands))
}

fn float_operator(operator: BinaryOp) -> Option<Operator> {
    match operator {
        BinaryOp::Add => Some(Operator::Plus),
        BinaryOp::Subtract => Some(Operator::Minus),
        BinaryOp::Multiply => Some(Operator::Multiply),
        BinaryOp::Divide => Some(Operator::Divide),
        _ => None,
    }
}

/// The operator of ours for integers and times.
fn exact_operator(operator: BinaryOp, left: &Type, right: &Type) -> Option<Function> {
    use Type::{Duration, Timestamp};
    match (operator, left, right) {
        (BinaryOp::Add, Timestamp | Duration, Duration) => Some(operators::ADD_TIME),
        (BinaryOp::Subtract, Timestamp | Duration, Duration) | (BinaryOp::Subtract, Timestamp, Timestamp) => {
            Some(operators::SUBTRACT_TIME)
        }
        (BinaryOp::Divide, Duration, Duration) => Some(operators::DURATION_RATIO),
        (operator, left, right) if left == right && left.is_integer() => match operator {
            BinaryOp::Add => Some(operators::ADD),
            BinaryOp::Subtract => Some(operators::SUBTRACT),
            BinaryOp::Multiply => Some(operators::MULTIPLY),
            BinaryOp::IntegerDivide => Some(operators::FLOOR_DIVIDE),
            _ => None,
        },
        _ => None,
    }
}

fn comparison(operator: BinaryOp, left: &PlanExpr, right: &PlanExpr) -> Result<Expr, DataError> {
    let (native_operator, float) = match operator {
        BinaryOp::Equal => (Operator::Eq, operators::EQUAL),
        BinaryOp::NotEqual => (Operator::NotEq, operators::NOT_EQUAL),
        BinaryOp::Less => (Operator::Lt, operators::LESS),
        BinaryOp::LessOrEqual => (Operator::LtEq, operators::LESS_OR_EQUAL),
        BinaryOp::Greater => (Operator::Gt, operators::GREATER),
        _ => (Operator::GtEq, operators::GREATER_OR_EQUAL),
    };
    let (is_float, operands) = (left.ty.ty.is_float(), (lower(left)?, lower(right)?));
    if is_float && left.ty.ty == right.ty.ty {
        return Ok(float.udf().call(vec![operands.0, operands.1]));
    }
    Ok(native(native_operator, operands.0, operands.1))
}

fn native(operator: Operator, left: Expr, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

fn unsupported(what: &str) -> DataError {
    DataError::new(Code::Unsupported, format!("this runtime cannot compute `{what}`"))
}
