//! What somebody wrote for a setting: a TOML value in the file, bare text elsewhere.

use std::path::PathBuf;
use std::str::FromStr;

/// A value as it was given.
#[derive(Clone, Debug)]
pub(super) enum Given {
    /// In the file.
    Toml(toml::Value),
    /// In the environment or on the command line; lists are separated by commas.
    Text(String),
}

impl Given {
    /// The text.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => Ok(text),
            Self::Toml(other) => Err(format!("{other} is not text in quotes")),
        }
    }

    /// The text, read as something; `what` says what it should be like.
    pub(super) fn parse<T: FromStr>(&self, what: &str) -> Result<T, String> {
        let text = self.text()?;
        text.parse().map_err(|_| format!("{text:?} is not {what}"))
    }

    /// The same, or nothing for empty text.
    pub(super) fn parse_or_none<T: FromStr>(&self, what: &str) -> Result<Option<T>, String> {
        if self.text()?.is_empty() { Ok(None) } else { self.parse(what).map(Some) }
    }

    /// A path, or nothing for empty text.
    pub(super) fn path_or_none(&self) -> Result<Option<PathBuf>, String> {
        let text = self.text()?;
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    /// Every item of a list, read as something.
    pub(super) fn list<T>(
        &self,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, String> {
        let items: Vec<&str> = match self {
            Self::Text(text) if text.is_empty() => Vec::new(),
            Self::Text(text) => text.split(',').map(str::trim).collect(),
            Self::Toml(toml::Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().ok_or_else(|| format!("{item} is not {what}")))
                .collect::<Result<_, _>>()?,
            Self::Toml(other) => return Err(format!("{other} is not a list")),
        };
        let read = |item| read(item).ok_or_else(|| format!("{item:?} is not {what}"));
        items.into_iter().map(read).collect()
    }

    /// True or false.
    pub(super) fn flag(&self) -> Result<bool, String> {
        match self {
            Self::Toml(toml::Value::Boolean(flag)) => Ok(*flag),
            Self::Text(text) if text == "true" => Ok(true),
            Self::Text(text) if text == "false" => Ok(false),
            Self::Text(other) => Err(format!("{other:?} is not true or false")),
            Self::Toml(other) => Err(format!("{other} is not true or false")),
        }
    }

    /// A number from 1 on.
    pub(super) fn count(&self) -> Result<usize, String> {
        let count = match self {
            Self::Toml(toml::Value::Integer(number)) => usize::try_from(*number).ok(),
            Self::Text(text) => text.parse().ok(),
            Self::Toml(_) => None,
        };
        count.filter(|count| *count > 0).ok_or_else(|| "is not a number above 0".to_owned())
    }

    /// A number from 0 to `max`.
    pub(super) fn number(&self, max: u16) -> Result<u16, String> {
        let number = match self {
            Self::Toml(toml::Value::Integer(number)) => u16::try_from(*number).ok(),
            Self::Text(text) => text.parse().ok(),
            Self::Toml(_) => None,
        };
        let number = number.filter(|number| *number <= max);
        number.ok_or_else(|| format!("is not a number from 0 to {max}"))
    }

    /// A table; as text it is written as in the file.
    pub(super) fn table<'a, T: serde::Deserialize<'a>>(&self, what: &str) -> Result<T, String> {
        let value = match self {
            Self::Toml(value) => Some(value.clone()),
            Self::Text(text) => format!("it = {text}")
                .parse::<toml::Table>()
                .ok()
                .and_then(|mut table| table.remove("it")),
        };
        let table = value.and_then(|value| value.try_into().ok());
        table.ok_or_else(|| format!("is not {what}"))
    }
}
