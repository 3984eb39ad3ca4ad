//! The body of a request as rows, each as the text of one object.

use serde_json::value::RawValue;

/// How many rows one request may have.
const MOST_ROWS: usize = 100_000;

/// Takes a body apart: one object, an array of objects, or objects one after the other, such as one a line.
pub(super) fn rows(body: &[u8]) -> Result<Vec<&[u8]>, String> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let rows: Vec<&RawValue> = match first {
        None => return Err("expected a JSON object, found nothing".to_owned()),
        Some(b'[') => serde_json::from_slice(body).map_err(|error| format!("expected an array of objects: {error}"))?,
        Some(_) => {
            let values = serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>();
            let read: Result<Vec<_>, _> = values.take(MOST_ROWS + 1).collect();
            read.map_err(|error| format!("expected JSON objects: {error}"))?
        }
    };
    if rows.len() > MOST_ROWS {
        return Err(format!("expected at most {MOST_ROWS} rows"));
    }
    let texts = rows.iter().enumerate().map(|(index, row)| {
        let text = row.get().as_bytes();
        if text.first() == Some(&b'{') { Ok(text) } else { Err(format!("row {index}: expected an object")) }
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn all_forms_give_the_same_rows() {
        let expected: Vec<&[u8]> = vec![br#"{"a":1}"#, br#"{"a":[2,{}]}"#];
        assert_eq!(rows(b"[{\"a\":1},\n {\"a\":[2,{}]}]").unwrap(), expected);
        assert_eq!(rows(b"{\"a\":1}\n\n{\"a\":[2,{}]}\n").unwrap(), expected);
        assert_eq!(rows(b" {\"a\":1} ").unwrap(), expected[..1]);
        assert!(rows(b"[]").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_object_is_named_with_its_place() {
        assert_eq!(rows(b"[{},1]").unwrap_err(), "row 1: expected an object");
        assert_eq!(rows(b" \n").unwrap_err(), "expected a JSON object, found nothing");
        for wrong in ["{\"a\":}", "{", "[{}", "{} x", "\u{0}"] {
            assert!(rows(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let deep = "[".repeat(100_000);
        assert!(rows(deep.as_bytes()).is_err());
    }
}
