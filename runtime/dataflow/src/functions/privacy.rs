//! What may be done with personal data so that a model can use it without knowing it.

use std::sync::Arc;

use arrow::array::StringArray;
use arrow::datatypes::DataType::{Int64, Utf8};
use sha2::{Digest, Sha256};

use super::Function;
use super::columns::{integers, signature, texts};

/// `hash(text, buckets) -> string`.
pub(super) const HASH: Function = Function {
    name: "hash",
    arity: 2,
    returns: |args| signature(args, &[Utf8, Int64], Utf8),
    apply: |args| {
        let rows = texts(&args[0]).zip(integers(&args[1]));
        Arc::new(rows.map(|(text, buckets)| Some(hash(text?, buckets?))).collect::<StringArray>())
    },
};

/// `redact(text) -> string`: a missing text stays missing.
pub(super) const REDACT: Function = Function {
    name: "redact",
    arity: 1,
    returns: |args| signature(args, &[Utf8], Utf8),
    apply: |args| Arc::new(texts(&args[0]).map(|text| text.map(|_| "[redacted]")).collect::<StringArray>()),
};

/// The first 8 bytes of the text's SHA-256 in hexadecimal digits, or, as a number modulo `buckets`, in decimal ones.
fn hash(text: &str, buckets: i64) -> String {
    let digest = Sha256::digest(text);
    let head = digest.iter().take(8).fold(0, |head: u64, byte| head << 8 | u64::from(*byte));
    match u64::try_from(buckets) {
        Ok(buckets) if buckets > 0 => (head % buckets).to_string(),
        _ => format!("{head:016x}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};

    use super::{HASH, REDACT, hash};

    #[test]
    fn digests_are_those_of_the_standard() {
        // The first half of the digests that FIPS 180-2 and NIST publish for these messages.
        assert_eq!(hash("abc", 0), "ba7816bf8f01cfea");
        assert_eq!(hash("", 0), "e3b0c44298fc1c14");
        assert_eq!(hash("abc", -1), hash("abc", 0));
    }

    #[test]
    fn buckets_are_numbers_below_their_count() {
        assert_eq!(hash("abc", 1), "0");
        let numbers: Vec<u64> = (0..1000).map(|each| hash(&each.to_string(), 7).parse().unwrap()).collect();
        assert!((0..7).all(|bucket| numbers.iter().filter(|number| **number == bucket).count() > 100));
        assert_eq!(hash("abc", i64::MAX), (0xba78_16bf_8f01_cfea_u64 % i64::MAX.unsigned_abs()).to_string());
    }

    #[test]
    fn missing_texts_stay_missing() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![None, Some("")]));
        let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0, 0]));
        assert!((HASH.apply)(&[Arc::clone(&texts), zeros]).is_null(0));
        let redacted = (REDACT.apply)(&[texts]);
        assert_eq!(redacted.as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("[redacted]")]);
    }
}
