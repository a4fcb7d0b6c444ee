//! What does the operator tell everybody who comes?  Shown by pages before anybody signed in.

use std::collections::BTreeMap;

use axum::http::Uri;
use protocol::api::CrisisLine;

/// Longest text of the operator's, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// Languages with crisis lines, and lines of one language.
const LANGUAGES_MAX: usize = 16;
const LINES_MAX: usize = 12;

/// What the operator set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Where *quick exit* leads.
    pub exit_url: String,
    /// Name of the agency; may be empty.
    pub agency: String,
    /// Whether being seen on this site is dangerous for those who come.
    pub sensitive: bool,
    /// Where help is to be had at once, by language.
    pub crisis: BTreeMap<String, Vec<CrisisLine>>,
    /// Minutes after which an idle desk signs itself out; 0: never.
    pub idle_minutes: u16,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            exit_url: "https://www.wikipedia.org/".to_owned(),
            agency: String::new(),
            sensitive: false,
            crisis: BTreeMap::new(),
            idle_minutes: 15,
        }
    }
}

impl Operator {
    /// Reads an address for [`exit_url`](Self::exit_url): https, with a host, without a name
    /// or password.
    #[must_use]
    pub fn read_exit_url(text: &str) -> Option<String> {
        let uri: Uri = text.parse().ok().filter(|_| text.len() <= TEXT_BYTES_MAX)?;
        let host = uri.authority().filter(|host| !host.as_str().contains('@'))?;
        let is_good = uri.scheme_str() == Some("https") && !host.host().is_empty();
        is_good.then(|| text.to_owned())
    }

    /// Whether a name can be shown: one line, not too long.
    #[must_use]
    pub fn is_line(text: &str) -> bool {
        text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
    }

    /// Says what is wrong with crisis lines, if anything is.
    #[must_use]
    pub fn fault_in(crisis: &BTreeMap<String, Vec<CrisisLine>>) -> Option<&'static str> {
        let is_language = |text: &String| {
            (2..=16).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let is_said = |text: &str| !text.trim().is_empty() && Self::is_line(text);
        let is_whole = |line: &CrisisLine| {
            is_said(&line.name)
                && is_said(&line.contact)
                && line.hours.as_deref().is_none_or(is_said)
        };
        if crisis.len() > LANGUAGES_MAX || crisis.values().any(|lines| lines.len() > LINES_MAX)
        {
            return Some("too many lines");
        }
        if !crisis.keys().all(is_language) {
            return Some("a language is written like en, ar or zh");
        }
        let all_whole = crisis.values().flatten().all(is_whole);
        (!all_whole).then_some("each line needs a name and a contact, in one short line each")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_exit_leads_to_https_only() {
        for (text, is_good) in [
            ("https://www.wikipedia.org/", true),
            ("https://weather.example/today?town=x", true),
            ("http://www.wikipedia.org/", false),
            ("javascript:alert(1)", false),
            ("//wikipedia.org", false),
            ("https://", false),
            ("https://somebody@example.org/", false),
            ("https://exa mple.org/", false),
            ("", false),
        ] {
            assert_eq!(Operator::read_exit_url(text).is_some(), is_good, "{text}");
        }
        let url = Operator::default().exit_url;
        assert_eq!(Operator::read_exit_url(&url), Some(url));
    }

    #[test]
    fn a_crisis_line_is_whole_or_refused() {
        let line = |name: &str, contact: &str| CrisisLine {
            name: name.to_owned(),
            contact: contact.to_owned(),
            hours: None,
        };
        let lines = |language: &str, line| BTreeMap::from([(language.to_owned(), vec![line])]);
        assert_eq!(Operator::fault_in(&lines("zh", line("热线", "12356"))), None);
        for bad in [
            lines("zh", line("热线", " ")),
            lines("english please", line("Line", "116 123")),
            lines("en", line("a\nb", "116 123")),
            lines("en", line(&"x".repeat(300), "116 123")),
        ] {
            assert!(Operator::fault_in(&bad).is_some(), "{bad:?}");
        }
        let many = BTreeMap::from([("en".to_owned(), vec![line("a", "b"); 20])]);
        assert!(Operator::fault_in(&many).is_some());
    }
}
