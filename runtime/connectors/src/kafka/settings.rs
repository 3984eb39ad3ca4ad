//! How a cluster is reached: addresses from the program, everything else from the profile.

use std::path::Path;

use rdkafka::ClientConfig;

use super::NAME;
use crate::connectors::Opening;
use crate::decode;
use crate::error::ConnectorError;
use crate::settings::{Settings, required};

/// How a connection is protected, by what the profile says and what librdkafka calls it.
const SECURITY: [(&str, &str); 4] =
    [("plain", "PLAINTEXT"), ("tls", "SSL"), ("sasl_plain", "SASL_PLAINTEXT"), ("sasl_tls", "SASL_SSL")];

/// What can be proven by a password.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// The client's configuration that streams and sinks share.
pub(super) fn client(opening: &Opening<'_>, own: &mut Settings<'_>) -> Result<ClientConfig, ConnectorError> {
    let brokers = required(NAME, opening.call, "brokers", opening.environment)?;
    check_brokers(&brokers)?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config.set("client.id", own.text("client_id")?.unwrap_or_else(|| "mlsys".to_owned()));
    let security = own.one_of("security", &SECURITY.map(|(name, _)| name))?.unwrap_or("plain");
    for (_, protocol) in SECURITY.iter().filter(|(name, _)| *name == security) {
        config.set("security.protocol", *protocol);
    }
    protect(own, security, &mut config)?;
    log_in(own, security, &mut config)?;
    // A socket that is dead without a word is noticed, and a broker that comes back is found soon.
    config.set("socket.keepalive.enable", "true").set("reconnect.backoff.ms", "100");
    config.set("reconnect.backoff.max.ms", "5000").set("statistics.interval.ms", "1000");
    // What belongs to decoding is read there.
    for name in decode::SETTINGS {
        own.text(name)?;
    }
    Ok(config)
}

/// Certificates, where there is TLS.
fn protect(own: &mut Settings<'_>, security: &str, config: &mut ClientConfig) -> Result<(), ConnectorError> {
    let ca = own.file("ca_file")?;
    let certificate = own.file("certificate_file")?;
    let key = own.file("key_file")?;
    let password = own.secret("key_password")?;
    let given = [("ca_file", ca.is_some()), ("certificate_file", certificate.is_some()), ("key_file", key.is_some())];
    if !security.ends_with("tls") {
        return match given.iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => Err(own.wrong(name, "makes sense only with `security` tls or sasl_tls")),
            None => Ok(()),
        };
    }
    if certificate.is_some() != key.is_some() {
        return Err(own.wrong("certificate_file", "`certificate_file` and `key_file` go together"));
    }
    let mut set = |name: &str, path: Option<&Path>| {
        if let Some(path) = path.and_then(Path::to_str) {
            config.set(name, path);
        }
    };
    set("ssl.ca.location", ca.as_deref());
    set("ssl.certificate.location", certificate.as_deref());
    set("ssl.key.location", key.as_deref());
    if let Some(password) = password {
        config.set("ssl.key.password", password.expose());
    }
    config.set("ssl.endpoint.identification.algorithm", "https");
    Ok(())
}

/// User and password, where the cluster wants them.
fn log_in(own: &mut Settings<'_>, security: &str, config: &mut ClientConfig) -> Result<(), ConnectorError> {
    let mechanism = own.one_of("sasl_mechanism", &MECHANISMS)?;
    let username = own.text("sasl_username")?;
    let password = own.secret("sasl_password")?;
    if !security.starts_with("sasl") {
        return match username {
            Some(_) => Err(own.wrong("sasl_username", "makes sense only with `security` sasl_plain or sasl_tls")),
            None => Ok(()),
        };
    }
    let (Some(username), Some(password)) = (username, password) else {
        let reason = format!("`{security}` needs `sasl_username` and `sasl_password`");
        return Err(own.wrong("security", reason));
    };
    config.set("sasl.mechanisms", mechanism.unwrap_or("PLAIN"));
    config.set("sasl.username", username).set("sasl.password", password.expose());
    Ok(())
}

fn check_brokers(brokers: &str) -> Result<(), ConnectorError> {
    let is_address = |address: &str| match address.trim().rsplit_once(':') {
        Some((host, port)) => !host.is_empty() && !host.contains(['/', '@']) && port.parse::<u16>().is_ok(),
        None => false,
    };
    if brokers.split(',').all(is_address) {
        return Ok(());
    }
    let reason = "expected addresses such as `one:9092,two:9092`".to_owned();
    Err(ConnectorError::Argument { connector: NAME, argument: "brokers".to_owned(), reason })
}

/// The topic, which librdkafka must not take for a pattern.
pub(super) fn topic(opening: &Opening<'_>) -> Result<String, ConnectorError> {
    let topic = required(NAME, opening.call, "topic", opening.environment)?;
    let is_name = topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if is_name && topic.len() <= 249 {
        return Ok(topic);
    }
    let reason = format!("expected letters, digits, `.`, `_` and `-`, found {topic:?}");
    Err(ConnectorError::Argument { connector: NAME, argument: "topic".to_owned(), reason })
}
