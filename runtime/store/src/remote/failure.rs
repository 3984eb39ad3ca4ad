//! What a shared store answers when it does not do what is asked: one sentence, and what to do about it.

use object_store::Error;

use crate::error::StoreError;

/// What was to be done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Doing {
    /// To use it at all.
    Use,
    Read,
    Write,
    List,
}

/// Words in an error by which its kind is known, the reason that is told, and the help. The first that fits counts.
const KNOWN: [(&[&str], &str, &str); 6] = [
    (
        // Without keys those of the machine are asked for.
        &["169.254.169.254", "/latest/api/token", "/latest/meta-data"],
        "there are no credentials",
        "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` in the environment",
    ),
    (&["NoSuchBucket"], "there is no such bucket", "make the bucket, or name another one as `store` in `mlsys.toml`"),
    (
        &["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "Unauthenticated"],
        "it refuses the credentials",
        "check `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for keys that end, `AWS_SESSION_TOKEN` in the environment",
    ),
    (
        &["AccessDenied", "PermissionDenied", "Forbidden"],
        "the credentials do not allow it",
        "a run lists, reads and writes objects of the bucket: `s3:ListBucket`, `s3:GetObject`, `s3:PutObject`",
    ),
    (
        &["URL scheme is not allowed", "BadScheme"],
        "its endpoint is not encrypted",
        "name an endpoint with `https://`, or set `AWS_ALLOW_HTTP=true` to use one without",
    ),
    (
        &["error sending request", "onnect", "dns error", "timed out", "Timeout"],
        "it cannot be reached",
        "check the network and `AWS_ENDPOINT_URL`; without a store, name a folder as `store` in `mlsys.toml`",
    ),
];

/// The help for what is not known.
const HELP: &str =
    "check the address, the network and the `AWS_…` variables, and run again: what is there already stays";

/// An error about an object, or about the store.
pub(super) fn of(doing: Doing, object: &str, error: &Error) -> StoreError {
    let kind = match error {
        Error::PermissionDenied { .. } => "PermissionDenied",
        Error::Unauthenticated { .. } => "Unauthenticated",
        _ => "",
    };
    // The name of an object may have any of the words in it.
    let name = object.rsplit("://").next().and_then(|rest| rest.split_once('/')).map(|(_, name)| name);
    let name = name.filter(|name| name.contains('/'));
    let told = name.map_or_else(|| told(error), |name| told(error).replace(name, "…"));
    let text = format!("{told} {kind}");
    let known = KNOWN.iter().find(|(words, _, _)| words.iter().any(|word| text.contains(word)));
    let (reason, help) = match known {
        Some((_, reason, help)) => ((*reason).to_owned(), *help),
        None if is_absent(error) => ("it is not there".to_owned(), HELP),
        None => (first_line(&text), HELP),
    };
    StoreError::Remote { doing: doing.words(), object: object.to_owned(), reason, help }
}

/// Whether an object is not there, and its bucket is.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. }) && !told(error).contains("NoSuchBucket")
}

/// An error with all that it wraps.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

/// The beginning of what a service says.
fn first_line(text: &str) -> String {
    /// Longer ones tell users nothing.
    const MOST: usize = 200;
    text.lines().next().unwrap_or_default().chars().take(MOST).collect::<String>().trim().to_owned()
}

impl Doing {
    fn words(self) -> &'static str {
        match self {
            Doing::Use => "use the store",
            Doing::Read => "read",
            Doing::Write => "write",
            Doing::List => "list",
        }
    }
}

/// An object of which less came than it has.
pub(super) fn cut_off(object: &str, received: u64, size: u64) -> StoreError {
    let reason = format!("{received} of {size} bytes came");
    StoreError::Remote { doing: Doing::Read.words(), object: object.to_owned(), reason, help: HELP }
}

/// An error that is none of the store's own.
pub(super) fn other(doing: Doing, object: &str, error: &dyn std::error::Error) -> StoreError {
    StoreError::Remote { doing: doing.words(), object: object.to_owned(), reason: first_line(&told(error)), help: HELP }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        let error = Error::Generic { store: "S3", source: text.into() };
        match of(Doing::Read, "s3://bucket/team/connect/part", &error) {
            StoreError::Remote { reason, .. } => reason,
            other => other.to_string(),
        }
    }

    #[test]
    fn what_a_service_says_is_known_by_its_words() {
        for (text, expected) in [
            ("<Error><Code>NoSuchBucket</Code></Error>", "there is no such bucket"),
            ("status 403: <Code>InvalidAccessKeyId</Code>", "it refuses the credentials"),
            ("status 403: <Code>AccessDenied</Code>", "the credentials do not allow it"),
            ("PUT http://169.254.169.254/latest/api/token: 403 Forbidden", "there are no credentials"),
            ("HTTP error: error sending request", "it cannot be reached"),
        ] {
            assert_eq!(reason(text), expected);
        }
    }

    /// The name of an object is none of its words, and what nobody knows is told as it came, one line of it.
    #[test]
    fn what_is_not_known_is_told_in_a_line() {
        let told = reason("GET http://host/bucket/team/connect/part: the moon is full\nand so on");
        assert_eq!(told, "Generic S3 error: GET http://host/bucket/…: the moon is full");
    }
}
