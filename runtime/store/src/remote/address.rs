//! The address of a shared store: a bucket, and what names of objects begin with.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{ClientConfigKey, RetryConfig};

use super::Objects;
use super::failure::{self, Doing};
use crate::error::StoreError;

/// What an address begins with.
const SCHEME: &str = "s3://";

/// A request that failed is sent again so often, after pauses that double.
const RETRIES: usize = 5;

/// How long a request may take with all that is sent and received, unless the environment says otherwise.
const TIMEOUT: &str = "300s";

/// Where a shared store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    bucket: String,
    pub(super) prefix: String,
}

impl Address {
    /// Reads `s3://bucket/prefix`.
    ///
    /// # Errors
    /// It is another one. What stands in the place of a key is not repeated.
    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        let wrong = || {
            let shown = if text.contains('@') { "s3://…@…" } else { text };
            StoreError::Address { address: shown.to_owned() }
        };
        let (bucket, prefix) =
            text.strip_prefix(SCHEME).map(|rest| rest.split_once('/').unwrap_or((rest, ""))).ok_or_else(wrong)?;
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_step = |step: &str| !step.is_empty() && step != "." && step != ".." && step.chars().all(is_known);
        let is_right = is_step(bucket) && (prefix.is_empty() || prefix.split('/').all(is_step));
        if is_right { Ok(Address { bucket: bucket.to_owned(), prefix: prefix.to_owned() }) } else { Err(wrong()) }
    }

    /// The service that the environment describes.
    ///
    /// # Errors
    /// A variable has a value that cannot be used.
    pub(super) fn service(&self) -> Result<Arc<dyn Objects>, StoreError> {
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(&self.bucket);
        let timeout = AmazonS3ConfigKey::Client(ClientConfigKey::Timeout);
        if std::env::var_os("AWS_TIMEOUT").is_none() {
            builder = builder.with_config(timeout, TIMEOUT);
        }
        let retry =
            RetryConfig { max_retries: RETRIES, retry_timeout: Duration::from_secs(60), ..RetryConfig::default() };
        let service = builder.with_retry(retry).build();
        service
            .map(|service| Arc::new(service) as Arc<dyn Objects>)
            .map_err(|error| failure::of(Doing::Use, &self.to_string(), &error))
    }
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(formatter, "{SCHEME}{}{slash}{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_a_prefix() {
        for (text, shown) in [
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/", "s3://bucket"),
            ("s3://my.bucket-1/a/b_c/", "s3://my.bucket-1/a/b_c"),
        ] {
            assert_eq!(Address::read(text).unwrap().to_string(), shown);
        }
        for text in ["s3://", "s3:///prefix", "s3://a/../b", "s3://a//b", "gs://bucket", "bucket", "s3://a b"] {
            assert!(Address::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_in_an_address_are_not_repeated() {
        let error = Address::read("s3://AKIA:secret@bucket/prefix").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
