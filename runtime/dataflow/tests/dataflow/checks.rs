//! Defaults of columns, and checks on tables as a whole.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use mlsys_dataflow::{DataError, SourceReport};
use mlsys_plan::{Check, Comparison, Literal, OnViolation, Source, TableCheck, Type};

use crate::build::*;

fn with_defaults(connector: mlsys_plan::Call) -> Source {
    let kinds = Type::Enum(vec!["a".to_owned(), "b".to_owned()]);
    let schema = [("n", Type::Int64.required()), ("s", Type::String.optional()), ("kind", kinds.required())];
    let mut source = source(connector, &schema);
    source.schema[0].default = Some(Literal::Int(7));
    source.schema[2].default = Some(Literal::String("b".to_owned()));
    source
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_stands_for_a_missing_value_whatever_the_connector() {
    let project = Project::new();
    project.write("a.csv", "n,s,kind\n1,x,a\nNA,NA,NA\n");
    let expected = ["1|x|a", "7|-|b"];
    assert_eq!(project.rows(&with_defaults(csv("a.csv"))).await, expected);
    let text = |values: [Option<&str>; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let numbers = Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef;
    let columns = vec![("n", numbers), ("s", text([Some("x"), None])), ("kind", text([Some("a"), None]))];
    write_table(&project.path("a.parquet"), columns);
    let parquet = call("parquet", [("path", mlsys_plan::Value::String("a.parquet".to_owned()))]);
    assert_eq!(project.rows(&with_defaults(parquet)).await, expected);
}

async fn check(check: Check, on_violation: OnViolation) -> Result<SourceReport, DataError> {
    let project = Project::new();
    project.write("a.csv", "n,m\n1,5\n2,5\n2,NA\nNA,NA\nNA,6\n");
    let mut source = source(csv("a.csv"), &[("n", Type::Int64.optional()), ("m", Type::Int64.optional())]);
    source.checks = vec![TableCheck { check, on_violation, line: 30 }];
    project.source(&source).await
}

fn unique(columns: &[&str]) -> Check {
    Check::Unique(columns.iter().map(|name| (*name).to_owned()).collect())
}

fn measure(measure: &str, comparison: Comparison, bound: f64) -> Check {
    Check::Measure { measure: measure.to_owned(), column: "n".to_owned(), comparison, bound, over: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_does_not_satisfy_is_told() {
    let cases = [
        (unique(&["n"]), false, "unique(n)", "1 row with values that another row has"),
        (unique(&["n", "m"]), true, "unique(n, m)", "0 rows with values that another row has"),
        (Check::Rows(6, i64::MAX), false, "rows >= 6", "it has 5 rows"),
        (Check::Rows(2, 5), true, "rows between 2 and 5", "it has 5 rows"),
        (measure("missing", Comparison::Less, 0.4), false, "missing(n) < 0.4", "it is 0.4000"),
        (measure("missing", Comparison::LessOrEqual, 0.4), true, "missing(n) <= 0.4", "it is 0.4000"),
        (measure("distinct", Comparison::Greater, 0.5), false, "distinct(n) > 0.5", "it is 0.3333"),
    ];
    for (one, holds, text, found) in cases {
        let report = check(one.clone(), OnViolation::Warn).await.unwrap();
        let told = &report.table_checks[0];
        assert_eq!((told.holds, told.text.as_str(), told.found.as_str()), (holds, text, found));
        let failed = check(one, OnViolation::Fail).await;
        assert_eq!(failed.is_ok(), holds, "{text}");
        if let Err(error) = failed {
            assert_eq!((error.code(), error.line()), ("E0904", Some(30)));
            assert_eq!(error.message(), format!("rides does not satisfy `{text}`: {found}"));
        }
    }
}
