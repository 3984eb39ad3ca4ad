//! Rows of every type are written as JSON and read again: the values are the same, whatever failed in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use mlsys_plan::{Field, Type, ValueType};
use mlsys_rows::{Column, Given, RowBuilder, RowReader, Rules, write_row};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A value of some type, so that it can outlive what it is given as.
#[derive(Clone, Debug)]
enum Owned {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Instant(i64),
    Day(i32),
    Duration(i64),
    List(Vec<Option<Owned>>),
}

fn types() -> Vec<Type> {
    let list = |item| Type::List(Box::new(item));
    vec![
        Type::Bool,
        Type::Int32,
        Type::Int64,
        Type::Float32,
        Type::Float64,
        Type::String,
        Type::Bytes,
        Type::Timestamp,
        Type::Date,
        Type::Duration,
        Type::Enum(vec!["a".to_owned(), "b \"quoted\"".to_owned()]),
        list(Type::Int64),
        list(list(Type::String)),
        list(Type::Timestamp),
        Type::Vector(3),
    ]
}

fn value(ty: &Type) -> BoxedStrategy<Owned> {
    /// Years 0000 to 9999.
    const DAYS: std::ops::RangeInclusive<i32> = -719_528..=2_932_896;
    match ty {
        Type::Bool => any::<bool>().prop_map(Owned::Bool).boxed(),
        Type::Int32 => any::<i32>().prop_map(|number| Owned::Int(number.into())).boxed(),
        Type::Int64 => any::<i64>().prop_map(Owned::Int).boxed(),
        Type::Float32 => {
            any::<f32>().prop_filter("finite", |x| x.is_finite()).prop_map(|x| Owned::Float(x.into())).boxed()
        }
        Type::Float64 => any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Owned::Float).boxed(),
        Type::String => any::<String>().prop_map(Owned::Text).boxed(),
        Type::Bytes => vec(any::<u8>(), 0..9).prop_map(Owned::Bytes).boxed(),
        Type::Timestamp => (DAYS, 0..86_400_000_000_i64)
            .prop_map(|(day, rest)| Owned::Instant(i64::from(day) * 86_400_000_000 + rest))
            .boxed(),
        Type::Date => DAYS.prop_map(Owned::Day).boxed(),
        Type::Duration => any::<i64>().prop_map(Owned::Duration).boxed(),
        Type::Enum(names) => proptest::sample::select(names.clone()).prop_map(Owned::Text).boxed(),
        Type::List(item) => vec(option::of(value(item)), 0..4).prop_map(Owned::List).boxed(),
        Type::Vector(length) => vec(option::of(value(&Type::Float32)), *length as usize).prop_map(Owned::List).boxed(),
    }
}

fn push(column: &mut Column, value: Option<&Owned>) {
    let given = match value {
        None => return column.push_null(),
        Some(Owned::List(items)) => {
            items.iter().for_each(|item| push(column.items().unwrap(), item.as_ref()));
            return column.close_list().unwrap();
        }
        Some(Owned::Bool(value)) => Given::Bool(*value),
        Some(Owned::Int(value)) => Given::Int(*value),
        Some(Owned::Float(value)) => Given::Float(*value),
        Some(Owned::Text(value)) => Given::Text(value),
        Some(Owned::Bytes(value)) => Given::Bytes(value),
        Some(Owned::Instant(value)) => Given::Instant(*value),
        Some(Owned::Day(value)) => Given::Day(*value),
        Some(Owned::Duration(value)) => Given::Duration(*value),
    };
    assert!(column.push(given).unwrap());
}

fn fields() -> Vec<Field> {
    let field = |(index, ty): (usize, Type)| Field {
        name: format!("field \"{index}\""),
        ty: ValueType { ty, nullable: true },
        default: None,
        pii: false,
        line: 1,
    };
    types().into_iter().enumerate().map(field).collect()
}

fn row() -> impl Strategy<Value = Vec<Option<Owned>>> {
    types().iter().map(|ty| option::of(value(ty)).boxed()).collect::<Vec<_>>()
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(rows in vec((row(), any::<bool>()), 0..12), cut in any::<prop::sample::Index>()) {
        let mut rows_of = RowBuilder::new(&fields()).unwrap();
        for (row, _) in &rows {
            for (place, value) in row.iter().enumerate() {
                push(rows_of.open(place).unwrap(), value.as_ref());
            }
            rows_of.end_row().unwrap();
        }
        let batch = rows_of.finish().unwrap();
        let mut reader = RowReader::new(&fields(), Rules::REQUEST).unwrap();
        for (row, (_, broken)) in rows.iter().enumerate() {
            let mut json = Vec::new();
            write_row(&batch, row, &mut json).unwrap();
            if *broken {
                // Cut anywhere, it is no row, and leaves nothing behind.
                let end = cut.index(json.len());
                prop_assert!(reader.push(&json[..end]).is_err());
            }
            prop_assert_eq!(reader.len(), row);
            reader.push(&json).unwrap();
        }
        prop_assert_eq!(reader.finish().unwrap(), batch);
    }
}
