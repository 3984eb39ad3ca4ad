//! The address of a tracking server.

use std::fmt::{self, Display, Formatter};

use reqwest::Url;

/// Where a tracking server is: `http://host:port`, or `https://`, with a path if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// An address that is none. What stands in the place of a user or a password is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not the address of a tracking server")]
pub struct AddressError {
    shown: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// It is none, or it carries credentials, a query or a fragment.
    pub fn read(text: &str) -> Result<Self, AddressError> {
        let failed = || AddressError { shown: without_credentials(text) };
        let url = Url::parse(text).map_err(|_| failed())?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if is_plain && is_web && url.query().is_none() && url.fragment().is_none() {
            Ok(Address(url))
        } else {
            Err(failed())
        }
    }

    /// The address of something below it.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut steps) = url.path_segments_mut() {
            // A name may hold any character: each step is encoded by itself.
            steps.pop_if_empty().extend(path.split('/'));
        }
        url
    }

    /// Whether it is this machine, which no proxy lies before.
    pub(crate) fn is_here(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The address as the name of a file.
    pub(crate) fn file_name(&self) -> String {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
        self.to_string().chars().map(plain).take(200).collect()
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn without_credentials(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("https://host/mlflow/", "https://host/mlflow"),
            ("HTTP://Host:80/", "http://host"),
        ] {
            assert_eq!(Address::read(text).unwrap().to_string(), shown);
        }
        let below = Address::read("https://host/mlflow/").unwrap().at("api/2.0/a b/é#1.json");
        assert_eq!(below.as_str(), "https://host/mlflow/api/2.0/a%20b/%C3%A9%231.json");
        assert!(Address::read("http://[::1]:5000").unwrap().is_here());
        assert!(!Address::read("http://10.0.0.1:5000").unwrap().is_here());
    }

    #[test]
    fn what_is_no_address_is_refused_and_secrets_are_not_repeated() {
        for text in ["", "host:5000", "sqlite:///a.db", "http://", "http://host/?key=1", "http://host/#a"] {
            assert!(Address::read(text).is_err(), "{text}");
        }
        let message = Address::read("http://me:secret@host").unwrap_err().to_string();
        assert!(!message.contains("secret") && message.contains("…@host"), "{message}");
    }
}
