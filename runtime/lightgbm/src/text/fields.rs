//! Lines of a text of trees: `name=value`, or `name=value value …`.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Values by their names.
pub(super) struct Fields<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    /// The fields of lines; empty ones are passed over.
    pub(super) fn of(lines: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut fields = BTreeMap::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once('=').ok_or_else(|| format!("`{}` is no field", start(line)))?;
            if fields.insert(name, value).is_some() {
                return Err(format!("`{}` is there twice", start(name)));
            }
        }
        Ok(Fields(fields))
    }

    /// One value.
    pub(super) fn one<T: FromStr>(&self, name: &str) -> Result<T, String> {
        self.value(name).and_then(|value| parsed(name, value))
    }

    /// All values that there are.
    pub(super) fn all<T: FromStr>(&self, name: &str) -> Result<Vec<T>, String> {
        self.value(name)?.split_ascii_whitespace().map(|value| parsed(name, value)).collect()
    }

    /// So many values.
    pub(super) fn many<T: FromStr>(&self, name: &str, count: usize) -> Result<Vec<T>, String> {
        let values = self.all(name)?;
        if values.len() == count {
            return Ok(values);
        }
        Err(format!("`{name}` has {} values, expected {count}", values.len()))
    }

    /// So many values, or none at all.
    pub(super) fn many_if_there<T: FromStr>(&self, name: &str, count: usize) -> Result<(), String> {
        if self.0.contains_key(name) { self.many::<T>(name, count).map(drop) } else { Ok(()) }
    }

    fn value(&self, name: &str) -> Result<&'a str, String> {
        self.0.get(name).copied().ok_or_else(|| format!("`{name}` is missing"))
    }
}

fn parsed<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{name}` has the value `{}`", start(value)))
}

/// The beginning of what may be long.
fn start(text: &str) -> &str {
    text.get(..40).unwrap_or(text)
}
