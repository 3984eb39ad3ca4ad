//! Who may ask: API keys, of which only digests are kept.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The keys of a deployment. Neither the keys nor their digests are ever shown.
#[derive(Clone, Default)]
pub struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// These keys; several ones let a key be replaced without a gap. Empty ones do not count.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Keys(keys.into_iter().filter(|key| !key.is_empty()).map(digest).collect())
    }

    /// Whether a caller may ask who shows this key. It takes the same time whichever key it is, and however much of it is
    /// right: digests are compared, all of them to their ends.
    pub fn admit(&self, shown: Option<&str>) -> bool {
        let shown = digest(shown.unwrap_or_default());
        let found = self.0.iter().fold(Choice::from(0), |found, key| found | key.ct_eq(&shown));
        found.into()
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn only_the_keys_are_admitted() {
        let keys = Keys::new(["one", "two", ""]);
        assert!(keys.admit(Some("one")) && keys.admit(Some("two")));
        assert!(!keys.admit(Some("on")) && !keys.admit(Some("")) && !keys.admit(None));
        assert!(!Keys::default().admit(Some("")));
    }
}
