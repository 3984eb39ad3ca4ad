//! The name of a request: the caller's, or one of our own.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of a request, in its answer and in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

/// The longest name that is taken from a caller, in bytes.
const LONGEST: usize = 128;

impl RequestId {
    /// The caller's name for the request, if it has one of up to 128 visible ASCII characters; otherwise one of our own.
    pub fn given_or_new(given: Option<&str>) -> Self {
        match given {
            Some(name) if is_name(name) => RequestId(name.into()),
            _ => RequestId::new_name(),
        }
    }

    /// A name that no other request has: 32 hexadecimal digits, half of them random for this process and half counted.
    fn new_name() -> Self {
        static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
        static COUNTED: AtomicU64 = AtomicU64::new(0);
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let number = (u128::from(*PROCESS) << 64) | u128::from(COUNTED.fetch_add(1, Ordering::Relaxed));
        let mut digits = String::with_capacity(32);
        for place in (0..32).rev() {
            digits.push(char::from(HEX[(number >> (4 * place)) as usize & 0xf]));
        }
        RequestId(digits.into_boxed_str())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Quotes and backslashes are left out, so that a name can be put into JSON as it is.
fn is_name(name: &str) -> bool {
    let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(visible)
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn names_are_the_callers_if_they_are_harmless() {
        assert_eq!(RequestId::given_or_new(Some("order-17")).as_str(), "order-17");
        for wrong in [None, Some(""), Some("a b"), Some("a\"b"), Some("ä"), Some(&*"x".repeat(129))] {
            assert_eq!(RequestId::given_or_new(wrong).as_str().len(), 32);
        }
        assert_ne!(RequestId::given_or_new(None), RequestId::given_or_new(None));
    }
}
