//! How a NATS server is reached.

use async_nats::{ConnectOptions, Event};

use super::NAME;
use crate::connectors::Opening;
use crate::decode;
use crate::error::ConnectorError;
use crate::health::Pulse;
use crate::settings::Settings;

/// The options of a connection, whose state the pulse shows.
pub(super) fn options(opening: &Opening<'_>, url: &str, pulse: &Pulse) -> Result<ConnectOptions, ConnectorError> {
    let wrong = |reason: &str| ConnectorError::Argument {
        connector: NAME,
        argument: "url".to_owned(),
        reason: reason.to_owned(),
    };
    if !["nats://", "tls://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(wrong("expected `nats://HOST:PORT` or `tls://HOST:PORT`"));
    }
    if url.contains('@') {
        return Err(wrong("it names a user; `username` and `password` are settings"));
    }
    let mut own = Settings::new(NAME, opening.settings, opening.environment);
    let pulse = pulse.clone();
    let mut options = ConnectOptions::new().name("mlsys").event_callback(move |event| {
        let pulse = pulse.clone();
        async move {
            match event {
                Event::Connected => pulse.up(),
                Event::Disconnected | Event::Closed => {
                    pulse.failed(event.to_string());
                    pulse.down();
                }
                other => pulse.failed(other.to_string()),
            }
        }
    });
    let (username, password) = (own.text("username")?, own.secret("password")?);
    match (username, password) {
        (Some(username), Some(password)) => {
            options = options.user_and_password(username, password.expose().to_owned());
        }
        (None, None) => {}
        _ => return Err(own.wrong("username", "`username` and `password` go together")),
    }
    if let Some(token) = own.secret("token")? {
        options = options.token(token.expose().to_owned());
    }
    if let Some(path) = own.file("credentials_file")? {
        let text = std::fs::read_to_string(&path).map_err(ConnectorError::file(&path))?;
        let wrong = |_| own.wrong("credentials_file", "expected a user's JWT and seed, as `nsc` writes them");
        options = options.credentials(&text).map_err(wrong)?;
    }
    if let Some(path) = own.file("ca_file")? {
        options = options.add_root_certificates(path).require_tls(true);
    }
    let (certificate, key) = (own.file("certificate_file")?, own.file("key_file")?);
    match (certificate, key) {
        (Some(certificate), Some(key)) => options = options.add_client_certificate(certificate, key).require_tls(true),
        (None, None) => {}
        _ => return Err(own.wrong("certificate_file", "`certificate_file` and `key_file` go together")),
    }
    // Where several parts of a program bring rustls with another provider each, one of them has to choose; one that was
    // chosen before stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    for name in decode::SETTINGS {
        own.text(name)?;
    }
    own.finish()?;
    Ok(options)
}
