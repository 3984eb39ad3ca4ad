//! Row expressions: every operator and function, at its edges.

use mlsys_plan::{BinaryOp, Expr, ExprKind, Literal, Type, UnaryOp};

use crate::build::*;

/// Evaluates expressions over one row with the columns `one` (1, int64) and `none` (null, float64), so that not all
/// of the work is done by the constant folder.
async fn evaluate(exprs: Vec<Expr>) -> String {
    let project = Project::new();
    project.write("a.csv", "one,none\n1,NA\n");
    let mut source = source(csv("a.csv"), &[("one", Type::Int64.required()), ("none", Type::Float64.optional())]);
    source.derived = exprs.into_iter().enumerate().map(|(index, expr)| derived(&format!("x{index}"), expr)).collect();
    let row = project.rows(&source).await.remove(0);
    row.splitn(3, '|').nth(2).unwrap().to_owned()
}

fn one() -> Expr {
    column("one", Type::Int64)
}

fn unary(operator: UnaryOp, arg: Expr) -> Expr {
    let ty = arg.ty.clone();
    Expr { kind: ExprKind::Unary { operator, arg: Box::new(arg) }, ty }
}

fn widen(arg: Expr, ty: Type) -> Expr {
    Expr { kind: ExprKind::Cast { arg: Box::new(arg) }, ty: ty.optional() }
}

fn truth(value: Option<bool>) -> Expr {
    Expr::literal(value.map_or(Literal::Null, Literal::Bool), Type::Bool.optional())
}

fn small(value: i64) -> Expr {
    Expr::literal(Literal::Int(value), Type::Int32.required())
}

#[tokio::test(flavor = "multi_thread")]
async fn integer_arithmetic_gives_null_out_of_range() {
    let op = |operator, left, right| binary(operator, left, right, Type::Int64);
    let found = evaluate(vec![
        op(BinaryOp::Add, one(), int(2)),
        op(BinaryOp::Add, one(), int(i64::MAX)),
        op(BinaryOp::Subtract, int(i64::MIN), one()),
        op(BinaryOp::Multiply, op(BinaryOp::Add, one(), one()), int(i64::MAX)),
        op(BinaryOp::IntegerDivide, int(-7), op(BinaryOp::Add, one(), one())),
        op(BinaryOp::IntegerDivide, one(), int(0)),
        op(BinaryOp::IntegerDivide, int(i64::MIN), unary(UnaryOp::Negate, one())),
        unary(UnaryOp::Negate, int(i64::MIN)),
        binary(BinaryOp::Add, small(i32::MAX.into()), small(1), Type::Int32),
        binary(BinaryOp::IntegerDivide, small(i32::MIN.into()), small(-1), Type::Int32),
        binary(BinaryOp::Divide, widen(one(), Type::Float64), widen(int(0), Type::Float64), Type::Float64),
    ])
    .await;
    assert_eq!(found, "3|-|-|-|-4|-|-|-|-|-|inf");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_and_durations() {
    let op = |operator, left, right, ty| binary(operator, left, right, ty);
    let (time, length) = (Type::Timestamp, Type::Duration);
    let found = evaluate(vec![
        op(BinaryOp::Add, timestamp(-1), duration(1_000_001), time.clone()),
        op(BinaryOp::Subtract, timestamp(0), duration(1), time.clone()),
        op(
            BinaryOp::Add,
            timestamp(i64::MAX),
            op(BinaryOp::Multiply, duration(1), one(), length.clone()),
            time.clone(),
        ),
        op(BinaryOp::Subtract, timestamp(5), timestamp(-5), length.clone()),
        op(BinaryOp::Subtract, timestamp(i64::MAX), timestamp(-1), length.clone()),
        op(BinaryOp::Add, duration(1), duration(2), length.clone()),
        op(BinaryOp::Multiply, duration(60_000_000), widen(one(), Type::Float64), length.clone()),
        op(BinaryOp::Multiply, duration(1), float(2.5), length.clone()),
        op(BinaryOp::Multiply, duration(1), float(3.5), length.clone()),
        op(BinaryOp::Multiply, duration(1), float(1e30), length.clone()),
        op(BinaryOp::Multiply, duration(60_000_000), column("none", Type::Float64), length.clone()),
        op(BinaryOp::Divide, duration(5), int(2), length.clone()),
        op(BinaryOp::Divide, duration(5), int(0), length.clone()),
        op(BinaryOp::Divide, duration(5), float(0.0), length.clone()),
        op(BinaryOp::Divide, duration(3), duration(2), Type::Float64),
        op(BinaryOp::Divide, duration(3), duration(0), Type::Float64),
        unary(UnaryOp::Negate, duration(7)),
        op(BinaryOp::Multiply, duration(1), small(3), length),
    ])
    .await;
    let parts: Vec<&str> = found.split('|').collect();
    assert_eq!(parts[..4], ["1970-01-01T00:00:01Z", "1969-12-31T23:59:59.999999Z", "-", "PT0.00001S"]);
    assert_eq!(parts[4..8], ["-", "PT0.000003S", "PT60S", "PT0.000002S"]);
    assert_eq!(parts[8..12], ["PT0.000004S", "-", "-", "PT0.000002S"]);
    assert_eq!(parts[12..], ["-", "-", "1.5", "inf", "-PT0.000007S", "PT0.000003S"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logic_has_three_values() {
    let op = |operator, left, right| compare(operator, truth(left), truth(right));
    let (t, f, n) = (Some(true), Some(false), None);
    let found = evaluate(vec![
        op(BinaryOp::And, t, n),
        op(BinaryOp::And, f, n),
        op(BinaryOp::Or, t, n),
        op(BinaryOp::Or, f, n),
        unary(UnaryOp::Not, truth(n)),
        unary(UnaryOp::Not, truth(t)),
        compare(BinaryOp::Equal, column("none", Type::Float64), float(1.0)),
        is_null(column("none", Type::Float64)),
        binary(BinaryOp::Coalesce, column("none", Type::Float64), float(7.0), Type::Float64),
        binary(BinaryOp::Coalesce, null(Type::Int64), one(), Type::Int64),
    ])
    .await;
    assert_eq!(found, "-|false|true|-|-|false|-|true|7.0|1");
}

#[tokio::test(flavor = "multi_thread")]
async fn floats_compare_as_ieee_says() {
    let zero = || binary(BinaryOp::Multiply, float(0.0), widen(one(), Type::Float64), Type::Float64);
    let nan = || binary(BinaryOp::Divide, zero(), zero(), Type::Float64);
    let negative_zero = || unary(UnaryOp::Negate, zero());
    let found = evaluate(vec![
        compare(BinaryOp::Equal, nan(), nan()),
        compare(BinaryOp::NotEqual, nan(), nan()),
        compare(BinaryOp::Less, nan(), float(1.0)),
        compare(BinaryOp::Greater, nan(), float(1.0)),
        compare(BinaryOp::GreaterOrEqual, nan(), float(1.0)),
        compare(BinaryOp::Equal, negative_zero(), float(0.0)),
        compare(BinaryOp::Less, negative_zero(), zero()),
        compare(BinaryOp::LessOrEqual, zero(), negative_zero()),
    ])
    .await;
    assert_eq!(found, "false|true|false|false|false|true|false|true");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_is_utc_and_knows_days_before_1970() {
    let at = |micros: i64| vec![timestamp(micros)];
    let found = evaluate(vec![
        function("hour_of_day", at(-1), Type::Int32),
        function("minute_of_day", at(-1), Type::Int32),
        function("day_of_week", at(-1), Type::Int32),
        function("is_weekend", at(-1), Type::Bool),
        // 2013-09-01T08:15:00Z, a Sunday.
        function("hour_of_day", at(1_378_023_300_000_000), Type::Int32),
        function("minute_of_day", at(1_378_023_300_000_000), Type::Int32),
        function("day_of_week", at(1_378_023_300_000_000), Type::Int32),
        function("is_weekend", at(1_378_023_300_000_000), Type::Bool),
        function("day_of_week", vec![null(Type::Timestamp)], Type::Int32),
    ])
    .await;
    assert_eq!(found, "23|1439|3|false|8|495|7|true|-");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_and_names_are_compared_as_they_are() {
    let text = |text: &str| Expr::literal(Literal::String(text.to_owned()), Type::String.required());
    let found = evaluate(vec![
        compare(BinaryOp::Less, text("B"), text("a")),
        compare(BinaryOp::Equal, text("x"), text("x")),
        Expr::literal(Literal::String("it's".into()), Type::Enum(vec!["it's".into()]).required()),
        Expr::literal(Literal::Date(-1), Type::Date.required()),
    ])
    .await;
    assert_eq!(found, "true|true|it's|1969-12-31");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_is_null_takes_the_other_value() {
    let choose = |condition: Expr| {
        let boxed = |expr: Expr| Box::new(expr);
        let kind = ExprKind::If { condition: boxed(condition), then: boxed(int(10)), otherwise: boxed(int(20)) };
        Expr { kind, ty: Type::Int64.required() }
    };
    let is_one = compare(BinaryOp::Equal, one(), int(1));
    let unknown = compare(BinaryOp::Equal, column("none", Type::Float64), float(1.0));
    let found = evaluate(vec![choose(is_one.clone()), choose(unary(UnaryOp::Not, is_one)), choose(unknown)]).await;
    assert_eq!(found, "10|20|20");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_values_in_order() {
    let numbers = Type::List(Box::new(Type::Int64));
    let list = |items: Vec<Expr>| Expr { kind: ExprKind::List { items }, ty: numbers.clone().required() };
    let constant = Literal::List(vec![Literal::Int(3), Literal::Null]);
    let vector = Literal::List(vec![Literal::Float(0.5), Literal::Float(2.0)]);
    let found = evaluate(vec![
        list(vec![one(), int(2), null(Type::Int64)]),
        list(Vec::new()),
        Expr::literal(constant, numbers.clone().required()),
        Expr::literal(vector, Type::Vector(2).required()),
    ])
    .await;
    assert_eq!(found, "[1, 2, -]|[]|[3, -]|[0.5, 2.0]");
}
