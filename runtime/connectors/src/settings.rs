//! Settings of a profile: text by name, every name known, secrets by reference alone.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use mlsys_plan::{Call, Value};

use crate::error::ConnectorError;

/// Where environment variables are looked up.
pub type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// A value that must not be seen.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// The value, for whom it is made.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The settings of a connector while they are read. Each is asked for by its name; [`Settings::finish`] refuses those that
/// nobody asked for.
pub(crate) struct Settings<'a> {
    connector: &'static str,
    given: &'a BTreeMap<String, String>,
    environment: Environment<'a>,
    known: Vec<&'static str>,
}

impl<'a> Settings<'a> {
    pub(crate) fn new(
        connector: &'static str,
        given: &'a BTreeMap<String, String>,
        environment: Environment<'a>,
    ) -> Self {
        Settings { connector, given, environment, known: Vec::new() }
    }

    /// A text; `env:NAME` stands for what the environment has under that name.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, ConnectorError> {
        self.known.push(name);
        let Some(given) = self.given.get(name) else { return Ok(None) };
        match given.strip_prefix("env:") {
            None => Ok(Some(given.clone())),
            Some(variable) => self.variable(name, variable).map(Some),
        }
    }

    /// A secret, which must be `env:NAME`: profiles are committed.
    pub(crate) fn secret(&mut self, name: &'static str) -> Result<Option<Secret>, ConnectorError> {
        self.known.push(name);
        let Some(given) = self.given.get(name) else { return Ok(None) };
        let expected = "expected `env:NAME`, the environment variable that holds it: a profile is no place for secrets";
        let variable = given.strip_prefix("env:").ok_or_else(|| self.wrong(name, expected))?;
        self.variable(name, variable).map(|value| Some(Secret(value)))
    }

    /// The path of a file that is there.
    pub(crate) fn file(&mut self, name: &'static str) -> Result<Option<PathBuf>, ConnectorError> {
        let Some(path) = self.text(name)?.map(PathBuf::from) else { return Ok(None) };
        if !path.is_file() {
            return Err(self.wrong(name, format!("there is no file {}", path.display())));
        }
        Ok(Some(path))
    }

    /// A number, an address, or whatever else has a text form.
    pub(crate) fn parsed<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Result<Option<T>, ConnectorError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let wrong = |_| self.wrong(name, format!("expected {expected}, found {text:?}"));
        text.parse().map(Some).map_err(wrong)
    }

    /// One of several texts.
    pub(crate) fn one_of(
        &mut self,
        name: &'static str,
        choices: &[&'static str],
    ) -> Result<Option<&'static str>, ConnectorError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = choices.iter().find(|choice| **choice == text).copied();
        found
            .map(Some)
            .ok_or_else(|| self.wrong(name, format!("expected one of {}, found {text:?}", choices.join(", "))))
    }

    /// Refuses settings that nobody knows.
    pub(crate) fn finish(mut self) -> Result<(), ConnectorError> {
        let Some(unknown) = self.given.keys().find(|name| !self.known.contains(&name.as_str())) else { return Ok(()) };
        self.known.sort_unstable();
        let mut reason = format!("is not known; there are {}", self.known.join(", "));
        if let Some(near) = mlsys_rows::nearest(unknown, self.known.iter().copied()) {
            reason.push_str(&format!("; did you mean `{near}`?"));
        }
        Err(self.wrong(unknown, reason))
    }

    /// The error that a setting makes no sense.
    pub(crate) fn wrong(&self, setting: &str, reason: impl Into<String>) -> ConnectorError {
        ConnectorError::Setting { connector: self.connector, setting: setting.to_owned(), reason: reason.into() }
    }

    fn variable(&self, setting: &str, variable: &str) -> Result<String, ConnectorError> {
        let value = (self.environment)(variable).filter(|value| !value.is_empty());
        value.ok_or_else(|| self.wrong(setting, format!("the environment has no `{variable}`")))
    }
}

/// A text argument of a connector in the program, which may be `env("NAME")` there; none if it is null.
pub(crate) fn argument(
    connector: &'static str,
    call: &Call,
    name: &str,
    environment: Environment<'_>,
) -> Result<Option<String>, ConnectorError> {
    let wrong = |reason: String| ConnectorError::Argument { connector, argument: name.to_owned(), reason };
    match call.args.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Env(variable)) => match environment(variable).filter(|value| !value.is_empty()) {
            Some(value) => Ok(Some(value)),
            None => Err(wrong(format!("the environment has no `{variable}`"))),
        },
        Some(other) => Err(wrong(format!("expected text, found {other}"))),
    }
}

/// As [`argument`], of an argument that must be there and not empty.
pub(crate) fn required(
    connector: &'static str,
    call: &Call,
    name: &str,
    environment: Environment<'_>,
) -> Result<String, ConnectorError> {
    argument(connector, call, name, environment)?.filter(|text| !text.is_empty()).ok_or_else(|| {
        ConnectorError::Argument { connector, argument: name.to_owned(), reason: "expected text, found nothing".into() }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Settings;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn environment(name: &str) -> Option<String> {
        (name == "SECRET").then(|| "hush".to_owned())
    }

    #[test]
    fn secrets_come_from_the_environment_alone() {
        let given = given(&[("password", "env:SECRET"), ("plain", "hush"), ("away", "env:NOBODY")]);
        let mut settings = Settings::new("kafka", &given, &environment);
        let secret = settings.secret("password").unwrap().unwrap();
        assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("hush", "[secret]"));
        let written = settings.secret("plain").unwrap_err().to_string();
        assert!(written.contains("`plain`") && written.contains("env:NAME") && !written.contains("hush"), "{written}");
        let away = settings.secret("away").unwrap_err().to_string();
        assert_eq!(away, "kafka: the setting `away`: the environment has no `NOBODY`");
        assert_eq!(settings.secret("absent").unwrap(), None);
    }

    #[test]
    fn unknown_settings_are_named_with_the_known_ones() {
        let given = given(&[("securty", "tls")]);
        let mut settings = Settings::new("kafka", &given, &environment);
        assert_eq!(settings.text("security").unwrap(), None);
        assert_eq!(settings.text("ca_file").unwrap(), None);
        let refused = settings.finish().unwrap_err().to_string();
        let expected =
            "kafka: the setting `securty`: is not known; there are ca_file, security; did you mean `security`?";
        assert_eq!(refused, expected);
    }

    #[test]
    fn what_is_no_choice_and_no_number_is_refused() {
        let given = given(&[("security", "none"), ("timeout", "soon")]);
        let mut settings = Settings::new("kafka", &given, &environment);
        let choice = settings.one_of("security", &["plain", "tls"]).unwrap_err().to_string();
        assert!(choice.contains("expected one of plain, tls, found \"none\""), "{choice}");
        let number = settings.parsed::<u64>("timeout", "milliseconds").unwrap_err().to_string();
        assert!(number.contains("expected milliseconds, found \"soon\""), "{number}");
    }
}
