//! Avro records against the encoder and the decoder of `apache-avro`, and a registry that answers as Confluent's does.

use std::collections::BTreeMap;

use apache_avro::types::Value;
use apache_avro::{Schema, from_avro_datum, to_avro_datum};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use bytes::Bytes;
use mlsys_plan::{Call, Field, Literal, Type, Value as Argument, ValueType};
use mlsys_rows::RowBuilder;
use proptest::prelude::*;
use serde_json::json;

use super::schema::Plan;
use crate::Decoder;
use crate::stream::Message;

fn field(name: &str, ty: ValueType) -> Field {
    Field { name: name.to_owned(), ty, default: None, pii: false, line: 1 }
}

fn record(fields: &serde_json::Value) -> String {
    json!({"type": "record", "name": "row", "namespace": "test", "fields": fields}).to_string()
}

/// One row by our way of reading.
fn read(schema: &str, bytes: &[u8], fields: &[Field]) -> Result<RecordBatch, String> {
    let mut rows = RowBuilder::new(fields).unwrap();
    let plan = Plan::new(&[schema.to_owned()], &rows)?;
    plan.read(bytes, &mut rows)?;
    Ok(rows.finish().unwrap())
}

fn written(schema: &str, values: Vec<(&str, Value)>) -> Vec<u8> {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    to_avro_datum(&Schema::parse_str(schema).unwrap(), Value::Record(values)).unwrap()
}

#[test]
fn types_and_logical_types_become_the_declared_ones() {
    let schema = record(&json!([
        {"name": "skipped", "type": {"type": "map", "values": ["null", {"type": "array", "items": "string"}]}},
        {"name": "id", "type": "int"},
        {"name": "millis", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "micros", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "time", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "ratio", "type": "float"},
        {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["a", "b"]}},
        {"name": "tags", "type": {"type": "array", "items": ["null", "string"]}},
        {"name": "text", "type": "string"}
    ]));
    let bytes = written(
        &schema,
        vec![
            (
                "skipped",
                Value::Map([("x".to_owned(), Value::Union(1, Box::new(Value::Array(vec!["y".into()]))))].into()),
            ),
            ("id", Value::Int(-7)),
            ("millis", Value::TimestampMillis(1_500)),
            ("micros", Value::Union(1, Box::new(Value::TimestampMicros(-1)))),
            ("day", Value::Date(19_000)),
            ("time", Value::TimeMillis(90_000)),
            ("price", Value::Decimal(apache_avro::Decimal::from((-1_999_i16).to_be_bytes()))),
            ("ratio", Value::Float(0.5)),
            ("kind", Value::Enum(1, "b".to_owned())),
            ("tags", Value::Array(vec![Value::Union(1, Box::new("t".into())), Value::Union(0, Box::new(Value::Null))])),
            ("text", "ü".into()),
        ],
    );
    let mut with_default = field("added", Type::Int64.required());
    with_default.default = Some(Literal::Int(42));
    let rows = read(
        &schema,
        &bytes,
        &[
            field("id", Type::Int64.required()),
            field("millis", Type::Timestamp.required()),
            field("micros", Type::Timestamp.optional()),
            field("day", Type::Date.required()),
            field("time", Type::Duration.required()),
            field("price", Type::Float64.required()),
            field("ratio", Type::Float32.required()),
            field("kind", Type::Enum(vec!["a".to_owned(), "b".to_owned()]).required()),
            field("tags", Type::List(Box::new(Type::String)).required()),
            field("text", Type::String.required()),
            with_default,
            field("absent", Type::String.optional()),
        ],
    )
    .unwrap();
    assert_eq!(rows["id"].as_primitive::<Int64Type>().value(0), -7);
    assert_eq!(rows["millis"].as_primitive::<TimestampMicrosecondType>().value(0), 1_500_000);
    assert_eq!(rows["micros"].as_primitive::<TimestampMicrosecondType>().value(0), -1);
    assert_eq!(rows["day"].as_primitive::<Date32Type>().value(0), 19_000);
    assert_eq!(rows["time"].as_primitive::<DurationMicrosecondType>().value(0), 90_000_000);
    assert_eq!(rows["price"].as_primitive::<Float64Type>().value(0), -19.99);
    assert_eq!(rows["ratio"].as_primitive::<Float32Type>().value(0), 0.5);
    assert_eq!(rows["kind"].as_string::<i32>().value(0), "b");
    let tags = rows["tags"].as_list::<i32>().value(0);
    assert_eq!((tags.as_string::<i32>().value(0), tags.is_null(1)), ("t", true));
    assert_eq!(rows["text"].as_string::<i32>().value(0), "ü");
    assert_eq!(rows["added"].as_primitive::<Int64Type>().value(0), 42);
    assert!(rows["absent"].is_null(0));
}

#[test]
fn values_of_other_types_are_named() {
    let schema = record(&json!([{"name": "id", "type": "string"}, {"name": "more", "type": ["null", "int"]}]));
    let bytes = written(&schema, vec![("id", "seven".into()), ("more", Value::Union(0, Box::new(Value::Null)))]);
    let wrong = read(&schema, &bytes, &[field("id", Type::Int64.required())]).unwrap_err();
    assert_eq!(wrong, "id: expected int64, found \"seven\"");
    let missing = read(&schema, &bytes, &[field("more", Type::Int32.required())]).unwrap_err();
    assert_eq!(missing, "more: expected int32, found null");
    let absent = read(&schema, &bytes, &[field("other", Type::Int32.required())]).unwrap_err();
    assert_eq!(absent, "other: expected int32, found nothing");
}

#[test]
fn types_that_contain_themselves_are_skipped_but_not_for_ever() {
    let schema = record(&json!([
        {"name": "list", "type": {"type": "record", "name": "node", "fields": [{"name": "next", "type": ["null", "node"]}]}},
        {"name": "id", "type": "int"}
    ]));
    let fields = [field("id", Type::Int32.required())];
    // Two nodes, the end, and the number 5.
    let rows = read(&schema, &[2, 2, 0, 10], &fields).unwrap();
    assert_eq!(rows["id"].as_primitive::<Int32Type>().value(0), 5);
    assert!(read(&schema, &[2; 10_000], &fields).unwrap_err().contains("deep"));
    let empty = record(&json!([{"name": "nothing", "type": {"type": "array", "items": "null"}}]));
    // A block of 2^62 nulls.
    let many = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0];
    assert!(read(&empty, &many, &fields).unwrap_err().contains("too many"));
}

proptest! {
    /// No bytes whatever make the reader fail otherwise than with a reason.
    #[test]
    fn bytes_of_any_kind_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let schema = record(&json!([
            {"name": "tags", "type": {"type": "array", "items": ["null", "string", {"type": "map", "values": "double"}]}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
            {"name": "price", "type": {"type": "fixed", "name": "f", "size": 3, "logicalType": "decimal", "precision": 5, "scale": 1}},
            {"name": "text", "type": ["string", "bytes"]}
        ]));
        let fields = [
            field("tags", Type::List(Box::new(Type::String)).optional()),
            field("at", Type::Timestamp.optional()),
            field("price", Type::Float64.optional()),
            field("text", Type::String.optional()),
        ];
        let ours = read(&schema, &bytes, &fields);
        // What the library refuses, we refuse, too.
        let theirs = from_avro_datum(&Schema::parse_str(&schema).unwrap(), &mut bytes.as_slice(), None);
        prop_assert!(ours.is_err() || theirs.is_ok(), "{:?} {:?}", ours, theirs);
    }

    /// What the library writes, we read as the same values.
    #[test]
    fn records_of_the_library_are_read(
        id: i64, amount in any::<f64>().prop_filter("a number", |amount| amount.is_finite()),
        text in ".{0,40}", numbers in prop::collection::vec(any::<i32>(), 0..20), flag: bool,
    ) {
        let schema = record(&json!([
            {"name": "id", "type": "long"}, {"name": "amount", "type": "double"}, {"name": "flag", "type": "boolean"},
            {"name": "text", "type": "string"}, {"name": "numbers", "type": {"type": "array", "items": "int"}}
        ]));
        let values = numbers.iter().map(|number| Value::Int(*number)).collect();
        let bytes = written(&schema, vec![
            ("id", Value::Long(id)), ("amount", Value::Double(amount)), ("flag", Value::Boolean(flag)),
            ("text", text.as_str().into()), ("numbers", Value::Array(values)),
        ]);
        let rows = read(&schema, &bytes, &[
            field("numbers", Type::List(Box::new(Type::Int32)).required()), field("text", Type::String.required()),
            field("id", Type::Int64.required()), field("amount", Type::Float64.required()), field("flag", Type::Bool.required()),
        ]).unwrap();
        prop_assert_eq!(rows["id"].as_primitive::<Int64Type>().value(0), id);
        prop_assert_eq!(rows["amount"].as_primitive::<Float64Type>().value(0), amount);
        prop_assert_eq!(rows["text"].as_string::<i32>().value(0), text);
        prop_assert_eq!(rows["flag"].as_boolean().value(0), flag);
        let list = rows["numbers"].as_list::<i32>().value(0);
        prop_assert_eq!(list.as_primitive::<Int32Type>().values().to_vec(), numbers);
    }
}

/// A registry with the schema 7, which refers to another one; 8 is a schema of another kind.
async fn registry() -> String {
    let row = record(&json!([{"name": "id", "type": "long"}, {"name": "place", "type": "test.place"}]));
    let place =
        json!({"type": "record", "name": "place", "namespace": "test", "fields": [{"name": "x", "type": "int"}]});
    let answer = move |id: u32| match id {
        7 => {
            let references = json!([{"name": "test.place", "subject": "a/place", "version": 3}]);
            Ok(json!({"schema": row, "references": references}).to_string())
        }
        8 => Ok(json!({"schema": "{}", "schemaType": "JSON"}).to_string()),
        _ => Err((StatusCode::NOT_FOUND, r#"{"error_code":40403}"#)),
    };
    let router = Router::new().route("/base/schemas/ids/{id}", get(async move |Path(id): Path<u32>| answer(id))).route(
        "/base/subjects/{subject}/versions/3",
        get(async move |Path(subject): Path<String>| {
            assert_eq!(subject, "a/place");
            json!({"subject": subject, "schema": place.to_string()}).to_string()
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}/base")
}

fn decoder(registry: &str) -> Decoder {
    let format = Call { name: "avro".to_owned(), args: BTreeMap::new() };
    let args = BTreeMap::from([
        ("format".to_owned(), Argument::Call(format)),
        ("registry".to_owned(), Argument::String(registry.to_owned())),
    ]);
    let call = Call { name: "kafka".to_owned(), args };
    Decoder::new(&call, &BTreeMap::new(), &|_| None, &[field("id", Type::Int64.required())]).unwrap()
}

fn message(offset: u64, payload: &[u8]) -> Message {
    Message { partition: 0, offset, time: None, payload: Bytes::copy_from_slice(payload) }
}

#[tokio::test]
async fn schemas_come_from_the_registry() {
    let mut decoder = decoder(&registry().await);
    let messages = [
        message(1, &[0, 0, 0, 0, 7, 6, 4]),
        message(2, &[0, 0, 0, 0, 8, 6]),
        message(3, &[0, 0, 0, 0, 9, 6]),
        message(4, &[1, 0, 0, 0, 7, 6]),
        message(5, &[0, 0]),
        message(6, &[0, 0, 0, 0, 7, 8, 4, 0]),
        message(7, &[0, 0, 0, 0, 7, 10, 4]),
    ];
    let decoded = decoder.decode(&messages).await.unwrap();
    assert_eq!(decoded.rows["id"].as_primitive::<Int64Type>().values().to_vec(), [3, 5]);
    assert_eq!(decoded.sources, [0, 6]);
    let reasons: Vec<&str> = decoded.malformed.iter().map(|each| each.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "schema 8: expected an Avro schema, found JSON",
            "the schema registry has no schema 9",
            "expected a zero byte and a schema's number, found the byte 1",
            "expected a zero byte and a schema's number, found 2 bytes",
            "there are bytes after the record's end",
        ]
    );
}

#[tokio::test]
async fn a_registry_that_is_away_is_waited_for() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let messages = [message(1, &[0, 0, 0, 0, 7, 6, 4])];
    let error = decoder(&format!("http://{gone}")).decode(&messages).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
}
