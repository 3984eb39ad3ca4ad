//! Objects as rows: what is taken, what is refused, and in which words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use mlsys_plan::{Field, Literal, Type, ValueType};
use mlsys_rows::{RowError, RowReader, Rules, SchemaError};

fn field(name: &str, ty: ValueType) -> Field {
    Field { name: name.to_owned(), ty, default: None, pii: false, line: 1 }
}

fn one(ty: ValueType, rules: Rules, json: &str) -> Result<RecordBatch, String> {
    let mut reader = RowReader::new(&[field("x", ty)], rules).unwrap();
    let pushed = reader.push(json.as_bytes());
    assert_eq!(reader.len(), usize::from(pushed.is_ok()));
    pushed.map_err(|error| error.to_string())?;
    Ok(reader.finish().unwrap())
}

fn refused(ty: Type, json: &str) -> String {
    one(ty.required(), Rules::REQUEST, json).unwrap_err()
}

#[test]
fn integers_are_whole_numbers_within_their_range() {
    for (text, number) in [("1", 1), ("1.0", 1), ("-3e2", -300), ("-9223372036854775808", i64::MIN), ("-0", 0)] {
        let batch = one(Type::Int64.required(), Rules::REQUEST, &format!("{{\"x\":{text}}}")).unwrap();
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), number, "{text}");
    }
    assert_eq!(refused(Type::Int64, r#"{"x":1.5}"#), "x: expected int64, found 1.5");
    assert_eq!(refused(Type::Int64, r#"{"x":9223372036854775808}"#), "x: expected int64, found 9223372036854775808");
    assert_eq!(refused(Type::Int64, r#"{"x":1e19}"#), "x: expected int64, found 1e19");
    assert_eq!(refused(Type::Int32, r#"{"x":2147483648}"#), "x: expected int32, found 2147483648");
    assert_eq!(refused(Type::Int32, r#"{"x":"7"}"#), r#"x: expected int32, found "7""#);
    assert_eq!(refused(Type::Int32, r#"{"x":true}"#), "x: expected int32, found true");
}

/// 1.00000017881393432617187499 lies just below the middle between two floats: as a double it is the middle itself, which
/// would be rounded up.
#[test]
fn single_precision_is_rounded_once() {
    let batch = one(Type::Float32.required(), Rules::REQUEST, r#"{"x":1.00000017881393432617187499}"#).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Float32Type>().value(0), 1.000_000_1_f32);
    assert_eq!(refused(Type::Float32, r#"{"x":1e39}"#), "x: expected float32, found 1e39");
    assert_eq!(refused(Type::Float32, r#"{"x":{"y":1}}"#), "x: expected float32, found an object");
    assert_eq!(refused(Type::Float32, r#"{"x":"1"}"#), r#"x: expected float32, found "1""#);
    assert_eq!(refused(Type::Float32, r#"{"x":false}"#), "x: expected float32, found false");
}

#[test]
fn floats_take_integers_and_nothing_beyond_their_range() {
    let batch = one(Type::Float64.required(), Rules::REQUEST, r#"{"x":3}"#).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Float64Type>().value(0), 3.0);
    let error = refused(Type::Float64, r#"{"x":1e999}"#);
    assert!(error.starts_with("x: expected float64, found something else: number out of range"), "{error}");
    assert_eq!(refused(Type::Float64, r#"{"x":"abc"}"#), r#"x: expected float64, found "abc""#);
}

#[test]
fn streams_may_write_numbers_as_text_and_have_fields_of_their_own() {
    for (ty, text) in [(Type::Int64, "12"), (Type::Float64, " 12 "), (Type::Float32, "12.0"), (Type::Int32, "12")] {
        one(ty.required(), Rules::STREAM, &format!(r#"{{"x":"{text}","y":[{{"z":1}}]}}"#)).unwrap();
    }
    let error = one(Type::Float64.required(), Rules::STREAM, r#"{"x":"1e999"}"#).unwrap_err();
    assert_eq!(error, r#"x: expected float64, found "1e999""#);
    assert!(one(Type::Float64.required(), Rules::STREAM, r#"{"x":""}"#).is_err());
}

#[test]
fn times_are_text_and_empty_text_is_none() {
    let read = |json: &str| one(Type::Timestamp.optional(), Rules::STREAM, json);
    let batch = read(r#"{"x":" 2018-04-01T02:00:31.5+02:00 "}"#).unwrap();
    assert_eq!(batch.column(0).as_primitive::<TimestampMicrosecondType>().value(0), 1_522_540_831_500_000);
    assert_eq!(read(r#"{"x":""}"#).unwrap().column(0).null_count(), 1);
    assert_eq!(read(r#"{"x":1522540831}"#).unwrap_err(), "x: expected timestamp?, found 1522540831");
    assert_eq!(refused(Type::Timestamp, r#"{"x":""}"#), "x: expected timestamp, found null");
    assert_eq!(refused(Type::Date, r#"{"x":"2018-02-30"}"#), r#"x: expected date, found "2018-02-30""#);
    assert_eq!(refused(Type::Duration, r#"{"x":"15"}"#), r#"x: expected duration, found "15""#);
}

#[test]
fn enums_lists_vectors_and_bytes_are_checked() {
    let colour = Type::Enum(vec!["red".to_owned(), "blue".to_owned()]);
    assert!(one(colour.clone().required(), Rules::REQUEST, r#"{"x":"red"}"#).is_ok());
    assert_eq!(refused(colour, r#"{"x":"reed"}"#), r#"x: expected enum("red", "blue"), found "reed""#);
    let list = Type::List(Box::new(Type::Int32));
    assert!(one(list.clone().required(), Rules::REQUEST, r#"{"x":[1,null,3]}"#).is_ok());
    assert_eq!(refused(list.clone(), r#"{"x":[1,"a"]}"#), r#"x: expected int32 in list<int32>, found "a""#);
    assert_eq!(refused(list, r#"{"x":1}"#), "x: expected list<int32>, found 1");
    assert_eq!(refused(Type::Vector(3), r#"{"x":[1,2]}"#), "x: expected vector<3>, found 2 values");
    assert_eq!(refused(Type::Bytes, r#"{"x":"a"}"#), r#"x: expected bytes, found "a""#);
    assert_eq!(refused(Type::Int32, r#"{"x":[1]}"#), "x: expected int32, found a list");
}

#[test]
fn fields_that_are_absent_get_their_default_or_are_refused() {
    let with_default = Field { default: Some(Literal::Int(7)), ..field("a", Type::Int32.required()) };
    let fields = [with_default, field("b", Type::Int32.optional()), field("c", Type::Int32.required())];
    let mut reader = RowReader::new(&fields, Rules::REQUEST).unwrap();
    reader.push(br#"{"c":1}"#).unwrap();
    reader.push(br#"{"c":1,"a":null,"b":null}"#).unwrap();
    let missing = |reader: &mut RowReader, json: &str| reader.push(json.as_bytes()).unwrap_err().to_string();
    assert_eq!(missing(&mut reader, r#"{"a":1,"b":1}"#), "c: expected int32, found nothing");
    assert_eq!(missing(&mut reader, r#"{"a":1,"b":1,"c":null}"#), "c: expected int32, found null");
    assert_eq!(missing(&mut reader, r#"{"c":1,"a":1,"a":2}"#), "a: expected one int32, found the field a second time");
    let batch = reader.finish().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int32Type>().values(), &[7, 7]);
    assert_eq!((batch.column(1).null_count(), batch.column(2).null_count()), (2, 0));
    assert!(reader.is_empty());
}

#[test]
fn unknown_fields_of_requests_are_refused_with_the_nearest_name() {
    let mut reader = RowReader::new(&[field("amount", Type::Float64.required())], Rules::REQUEST).unwrap();
    let error = reader.push(br#"{"amuont":1}"#).unwrap_err();
    assert_eq!(error.to_string(), "amuont: expected a known field, found an unknown one; did you mean `amount`?");
    assert_eq!(error.nearest.as_deref(), Some("amount"));
}

#[test]
fn what_is_no_object_is_refused() {
    let mut reader =
        RowReader::new(&[field("x", Type::Int32.required())], Rules { most_bytes: 40, ..Rules::STREAM }).unwrap();
    for text in ["", "{", "[]", "1", r#"{"x":1}}"#, r#"{"x":1} {"x":1}"#, r#"{"x" 1}"#, "\u{feff}{}", "null"] {
        let error = reader.push(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(", found something else: "), "{text}: {error}");
    }
    assert!(reader.push(b"{\"x\":\xff}").is_err());
    let error = reader.push(&[b' '; 41]).unwrap_err();
    assert_eq!(error.to_string(), "expected a JSON object, found 41 bytes where 40 are allowed");
    assert!(reader.is_empty());
    reader.push(br#" {"x" : 1} "#).unwrap();
    assert_eq!(reader.finish().unwrap().num_rows(), 1);
}

/// A parser that calls itself for every level would end the process.
#[test]
fn depth_is_no_danger() {
    let fields = [field("x", Type::List(Box::new(Type::Int32)).optional())];
    let mut reader = RowReader::new(&fields, Rules::STREAM).unwrap();
    for name in ["x", "y"] {
        let deep = format!("{{\"{name}\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let read: Result<(), RowError> = reader.push(deep.as_bytes());
        assert_eq!(read.is_ok(), name == "y");
    }
}

#[test]
fn personal_data_is_not_shown() {
    let fields = [Field { pii: true, ..field("age", Type::Int32.required()) }];
    let mut reader = RowReader::new(&fields, Rules::REQUEST).unwrap();
    let error = reader.push(br#"{"age":"secret"}"#).unwrap_err();
    assert_eq!(error.to_string(), "age: expected int32, found text");
}

#[test]
fn rows_of_an_array_count_together_or_not_at_all() {
    use serde::de::DeserializeSeed;
    let fields = [field("x", Type::Int32.required())];
    let mut reader = RowReader::new(&fields, Rules { most_rows: 3, ..Rules::REQUEST }).unwrap();
    let mut read = |json: &str| {
        let mut parser = serde_json::Deserializer::from_str(json);
        let read = reader.seed_rows().deserialize(&mut parser);
        let count = read.map_err(|error| reader.explain(&error).to_string());
        (count, reader.len())
    };
    assert_eq!(read(r#"[{"x":1},{"x":2}]"#), (Ok(2), 2));
    assert_eq!(read(r#"[{"x":1},{"x":"a"}]"#), (Err(r#"row 1: x: expected int32, found "a""#.to_owned()), 2));
    let error = "row 4: expected a JSON object, found more than 3 rows".to_owned();
    assert_eq!(read(r#"[{"x":1},{"x":1},{"x":1},{"x":1}]"#), (Err(error), 2));
}

#[test]
fn fields_must_make_sense() {
    let twice = [field("x", Type::Int32.required()), field("x", Type::Int32.required())];
    assert_eq!(RowReader::new(&twice, Rules::STREAM).unwrap_err(), SchemaError::Twice("x".to_owned()));
    let wrong = Field { default: Some(Literal::String("a".to_owned())), ..field("x", Type::Int32.required()) };
    let error = RowReader::new(&[wrong], Rules::STREAM).unwrap_err();
    assert_eq!(error.to_string(), r#"the default "a" of `x` is no int32"#);
}
