//! The address of a tracking server, as far as it can be judged without asking anybody.

/// What to do about an address that is none.
pub(crate) const HELP: &str = "write `http://HOST:PORT` or `https://HOST`; credentials come from the environment: \
                               MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD";

/// Why a text is no address of a tracking server; none if it may be one.
pub(crate) fn refused(address: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Some("it does not begin with `http://` or `https://`");
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Some("only `http://` and `https://` are known");
    }
    if address.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Some("there is space in it");
    }
    if rest.contains(['?', '#']) {
        return Some("it has a query or a fragment");
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Some("credentials stand in it");
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    match port.map(str::parse::<u16>) {
        _ if name.is_empty() => Some("it names no host"),
        Some(Err(_) | Ok(0)) => Some("its port is none"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn addresses_are_told_from_others() {
        for fine in ["http://127.0.0.1:5000", "https://mlflow.example.com/team/", "HTTP://[::1]:5000", "http://[::1]"] {
            assert_eq!(refused(fine), None, "{fine}");
        }
        for (text, reason) in [
            ("", "begin with"),
            ("mlflow.example.com:5000", "begin with"),
            ("sqlite:///mlruns.db", "only"),
            ("http://", "no host"),
            ("http://:5000", "no host"),
            ("http://host:port", "port"),
            ("http://host:70000", "port"),
            ("https://me:secret@host", "credentials"),
            ("http://host/?token=1", "query"),
            ("http://a host", "space"),
        ] {
            assert!(refused(text).is_some_and(|found| found.contains(reason)), "{text}: {:?}", refused(text));
        }
    }
}
