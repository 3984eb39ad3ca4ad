//! The description of the plain protocol as OpenAPI 3.1, from the deployments' own columns.

use mlsys_plan::{Field, Literal, Type};
use serde_json::{Map, Value, json};

use crate::served::Served;

/// The document for these deployments.
pub(crate) fn document<'a>(deployments: impl Iterator<Item = &'a Served>) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    schemas.insert("Error".to_owned(), error());
    for served in deployments {
        let name = &served.deployment().name;
        paths.insert(format!("/v1/{name}/predict"), json!({ "post": operation(served) }));
        schemas.insert(format!("{name}.Row"), object(&served.deployment().request, Side::Request));
        schemas.insert(format!("{name}.Prediction"), prediction(served));
        schemas.insert(format!("{name}.Answer"), answer(name));
    }
    for (path, summary) in [("/health/live", "Whether the server runs"), ("/health/ready", "Whether it can answer")] {
        let responses = json!({ "200": { "description": "It does" }, "503": { "description": "It does not" } });
        paths.insert(path.to_owned(), json!({ "get": { "summary": summary, "responses": responses } }));
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "mlsys deployments", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
            },
        },
    })
}

fn operation(served: &Served) -> Value {
    let deployment = served.deployment();
    let name = &deployment.name;
    let row = json!({ "$ref": format!("#/components/schemas/{name}.Row") });
    let rows = json!({
        "type": "object",
        "properties": { "rows": { "type": "array", "items": row } },
        "required": ["rows"],
        "additionalProperties": false,
    });
    let mut operation = json!({
        "operationId": format!("predict_{name}"),
        "summary": format!("Predictions of `{}`", deployment.model()),
        "parameters": [{
            "name": "x-request-id", "in": "header", "required": false,
            "description": "The request's name, which comes back; one is made if there is none",
            "schema": { "type": "string", "maxLength": 128 },
        }],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": { "anyOf": [rows, row] } } },
        },
        "responses": responses(name),
    });
    if deployment.auth.is_some() {
        operation["security"] = json!([{ "bearer": [] }, { "key": [] }]);
    }
    operation
}

fn responses(name: &str) -> Value {
    let refused = |what: &str| {
        let schema = json!({ "$ref": "#/components/schemas/Error" });
        json!({ "description": what, "content": { "application/json": { "schema": schema } } })
    };
    let schema = json!({ "$ref": format!("#/components/schemas/{name}.Answer") });
    json!({
        "200": { "description": "Predictions", "content": { "application/json": { "schema": schema } } },
        "400": refused("The request is not as it must be"),
        "401": refused("No key, or a wrong one"),
        "413": refused("The request is too large"),
        "429": refused("More requests than the limit allows"),
        "500": refused("The model cannot answer this"),
        "503": refused("Something cannot be reached, or too much is waiting"),
        "504": refused("The answer took longer than the budget allows"),
    })
}

fn prediction(served: &Served) -> Value {
    let failed = json!({
        "type": "object",
        "description": "In the place of a prediction that could not be made, where others could",
        "properties": { "error": { "type": "string" } },
        "required": ["error"],
    });
    json!({ "anyOf": [object(served.outputs(), Side::Answer), failed] })
}

fn answer(name: &str) -> Value {
    json!({
        "type": "object",
        "properties": {
            "predictions": { "type": "array", "items": { "$ref": format!("#/components/schemas/{name}.Prediction") } },
            "model": { "type": "string" },
            "version": { "type": "integer" },
            "variant": { "type": "string" },
            "request_id": { "type": "string" },
            "fallback": { "type": "boolean", "description": "Whether the fallback answered a row" },
            "reason": { "type": "string", "enum": ["failed", "late", "paused", "unavailable"] },
        },
        "required": ["predictions", "model", "version", "variant", "request_id"],
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": { "type": "string" },
                    "message": { "type": "string" },
                    "row": { "type": "integer", "description": "The row, counted from 0" },
                    "field": { "type": "string" },
                    "expected": { "type": "string" },
                    "found": { "type": "string" },
                    "did_you_mean": { "type": "string" },
                },
                "required": ["code", "message"],
            },
            "request_id": { "type": "string" },
        },
        "required": ["error", "request_id"],
    })
}

/// Whether columns are asked for or answered with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Answer,
}

fn object(fields: &[Field], side: Side) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        let mut schema = schema(&field.ty.ty);
        let default = field.default.as_ref().filter(|default| **default != Literal::Null);
        if field.ty.nullable || side == Side::Answer || default.is_some() {
            schema = nullable(schema);
        }
        if let Some(default) = default.and_then(literal) {
            schema["default"] = default;
        }
        if side == Side::Answer || !(field.ty.nullable || field.default.is_some()) {
            required.push(field.name.clone());
        }
        properties.insert(field.name.clone(), schema);
    }
    let mut object = json!({ "type": "object", "properties": properties, "required": required });
    if side == Side::Request {
        object["additionalProperties"] = Value::Bool(false);
    }
    object
}

fn nullable(mut schema: Value) -> Value {
    if let Some(ty) = schema.get("type").cloned() {
        schema["type"] = json!([ty, "null"]);
    }
    if let Some(Value::Array(names)) = schema.get_mut("enum") {
        names.push(Value::Null);
    }
    schema
}

fn schema(ty: &Type) -> Value {
    match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::Int32 => json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX }),
        Type::Int64 => json!({ "type": "integer", "format": "int64" }),
        Type::Float32 => json!({ "type": "number", "format": "float" }),
        Type::Float64 => json!({ "type": "number", "format": "double" }),
        Type::String => json!({ "type": "string" }),
        Type::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Type::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Type::Date => json!({ "type": "string", "format": "date" }),
        Type::Duration => json!({
            "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)? ?(us|ms|s|m|h|d|w)$", "examples": ["15m"],
        }),
        Type::Enum(names) => json!({ "type": "string", "enum": names }),
        Type::List(item) => json!({ "type": "array", "items": nullable(schema(item)) }),
        Type::Vector(length) => json!({
            "type": "array", "items": nullable(schema(&Type::Float32)), "minItems": length, "maxItems": length,
        }),
    }
}

/// A constant as requests write it; none where it has no JSON form that says more than nothing.
fn literal(literal: &Literal) -> Option<Value> {
    let text = |write: &dyn Fn(&mut Vec<u8>) -> bool| {
        let mut out = Vec::new();
        write(&mut out).then(|| Value::String(String::from_utf8_lossy(&out).into_owned()))
    };
    match literal {
        Literal::Null => None,
        Literal::Bool(value) => Some(Value::Bool(*value)),
        Literal::Int(value) => Some(Value::from(*value)),
        Literal::Float(value) => Some(Value::from(*value)),
        Literal::String(value) => Some(Value::from(value.as_str())),
        Literal::Timestamp(micros) => text(&|out| mlsys_rows::text::write_instant(*micros, out)),
        Literal::Date(days) => text(&|out| mlsys_rows::text::write_day(*days, out)),
        Literal::Duration(micros) => text(&|out| {
            mlsys_rows::text::write_duration(*micros, out);
            true
        }),
        Literal::List(items) => items.iter().map(self::literal).collect(),
    }
}
