//! Every key: what it means, what it is if nobody says, and where it goes.

use std::fmt::Write as _;

use gateway::{Operator, Origin};

use super::given::Given;
use super::{LogFormat, LogLevel, Settings, oidc};

/// One key of the settings.
pub(super) struct Key {
    section: &'static str,
    name: &'static str,
    doc: &'static str,
    /// As TOML.
    default: &'static str,
    pub(super) put: fn(&mut Settings, &Given) -> Result<(), String>,
}

const ADDRESS: &str = "an address and port like 127.0.0.1:8080";

/// All keys, in the order of the reference.
pub(super) const KEYS: [Key; 30] = [
    Key {
        section: "data",
        name: "dir",
        doc: "Folder of the data file and of certificates made here.  Made if it is missing, \
              for its owner alone.",
        default: "\"data\"",
        put: |settings, given| {
            settings.data.dir = given.path_or_none()?.ok_or("needs a folder")?;
            Ok(())
        },
    },
    Key {
        section: "web",
        name: "listen",
        doc: "Where to listen for browsers.  Port 0 takes any free one and says which.",
        default: "\"127.0.0.1:8080\"",
        put: |settings, given| given.parse(ADDRESS).map(|it| settings.web.listen = it),
    },
    Key {
        section: "web",
        name: "origins",
        doc: "The origins browsers reach this server by, for example \
              [\"https://aman.example\"].  The first one is printed in links.  `localhost` and \
              bare addresses need not be named; behind a reverse proxy the public origin must.",
        default: "[]",
        put: |settings, given| {
            let what = "an origin like https://aman.example, without a path";
            given.list(what, Origin::parse).map(|it| settings.web.origins = it)
        },
    },
    Key {
        section: "web",
        name: "dir",
        doc: "Read the web client from this folder instead of the program, each time anew.  \
              For developers.",
        default: "\"\"",
        put: |settings, given| given.path_or_none().map(|it| settings.web.dir = it),
    },
    Key {
        section: "web",
        name: "connections",
        doc: "Connections at a time.",
        default: "4096",
        put: |settings, given| given.count().map(|it| settings.web.connections = it),
    },
    Key {
        section: "web",
        name: "connections_per_address",
        doc: "Connections at a time from one address (IPv6: one /64).  Loopback is not \
              counted, so a reverse proxy on this host has to do it.",
        default: "64",
        put: |settings, given| {
            given.count().map(|it| settings.web.connections_per_address = it)
        },
    },
    Key {
        section: "web",
        name: "requests_per_account",
        doc: "Requests of one account and its programs at once.  Each comes back after 50 ms.",
        default: "300",
        put: |settings, given| {
            let count = u32::try_from(given.count()?).map_err(|_| "is too much")?;
            settings.web.requests_per_account = count;
            Ok(())
        },
    },
    Key {
        section: "operator",
        name: "agency",
        doc: "Name of the agency, shown to everybody who comes.  Empty shows none.",
        default: "\"\"",
        put: |settings, given| {
            let text = given.text()?;
            if !Operator::is_line(text) {
                return Err("is not one line of at most 200 bytes".to_owned());
            }
            settings.operator.agency = text.to_owned();
            Ok(())
        },
    },
    Key {
        section: "operator",
        name: "exit_url",
        doc: "Where the quick exit of the attendee's pages leads: an https page that nobody \
              wonders about, a weather page for instance.",
        default: "\"https://www.wikipedia.org/\"",
        put: |settings, given| {
            let url = Operator::read_exit_url(given.text()?);
            settings.operator.exit_url =
                url.ok_or("is not an address like https://www.wikipedia.org/")?;
            Ok(())
        },
    },
    Key {
        section: "operator",
        name: "sensitive",
        doc: "Being seen on this site is dangerous for those who come: pages keep quiet about \
              what they are.",
        default: "false",
        put: |settings, given| given.flag().map(|it| settings.operator.sensitive = it),
    },
    Key {
        section: "operator",
        name: "crisis",
        doc: "Where help is to be had at once, by language, shown while somebody waits and \
              after a session.  For example { en = [{ name = \"Samaritans\", contact = \
              \"116 123\", hours = \"day and night\" }] }.",
        default: "{}",
        put: |settings, given| {
            let crisis = given.table("crisis lines, as in the example of the reference")?;
            if let Some(fault) = Operator::fault_in(&crisis) {
                return Err(fault.to_owned());
            }
            settings.operator.crisis = crisis;
            Ok(())
        },
    },
    Key {
        section: "operator",
        name: "idle_minutes",
        doc: "Minutes without anybody doing anything after which a desk signs itself out.  0 \
              means never.",
        default: "15",
        put: |settings, given| {
            given.number(24 * 60).map(|it| settings.operator.idle_minutes = it)
        },
    },
    Key {
        section: "accounts",
        name: "second_factor",
        doc: "\"required\": whoever is invited sets up codes or a passkey before anything \
              else.  \"optional\": a password may be enough.  The first account of a server is \
              asked and not made to, so that trying Aman out takes a minute.",
        default: "\"required\"",
        put: |settings, given| {
            let required = match given.text()? {
                "required" => true,
                "optional" => false,
                other => return Err(format!("{other:?} is neither required nor optional")),
            };
            settings.accounts.second_factor_required = required;
            Ok(())
        },
    },
    Key {
        section: "oidc",
        name: "issuer",
        doc: "The agency's own sign-in by OpenID Connect: the issuer, exactly as the provider \
              spells it, for example \"https://id.agency.example/realms/agency\".  Register \
              ORIGIN/desk there as the redirect URI, for each of web.origins.  Empty: there is \
              none.",
        default: "\"\"",
        put: |settings, given| settings.oidc.put_issuer(given),
    },
    Key {
        section: "oidc",
        name: "name",
        doc: "What it is called on the button \"Sign in with NAME\".",
        default: "\"\"",
        put: |settings, given| oidc::line(given).map(|it| settings.oidc.name = it),
    },
    Key {
        section: "oidc",
        name: "client_id",
        doc: "What this server is called there.",
        default: "\"\"",
        put: |settings, given| oidc::line(given).map(|it| settings.oidc.client_id = it),
    },
    Key {
        section: "oidc",
        name: "client_secret_file",
        doc: "File that holds the client secret and nothing else.  Empty: a public client, or \
              the secret is in the environment.",
        default: "\"\"",
        put: |settings, given| settings.oidc.put_secret_file(given),
    },
    Key {
        section: "oidc",
        name: "client_secret",
        doc: "The client secret.  Taken from the environment only (AMAN_OIDC_CLIENT_SECRET).",
        default: "\"\"",
        put: |settings, given| settings.oidc.put_secret(given),
    },
    Key {
        section: "oidc",
        name: "second_factor",
        doc: "\"provider\": who signs in there needs no second factor here, because the agency \
              asks for one there.  \"ask\": an account's second factor is asked here, too.",
        default: "\"provider\"",
        put: |settings, given| settings.oidc.put_second_factor(given),
    },
    Key {
        section: "oidc",
        name: "prompt",
        doc: "What the provider is told to ask people: \"login\" lets nobody in without \
              signing in there anew, so that signing out here means something on a shared \
              computer; the provider's tokens have to say when somebody did (`auth_time`).  \
              \"select_account\" where the provider knows no \"login\"; \"none\" \
              leaves it to the provider (single sign-on).",
        default: "\"login\"",
        put: |settings, given| settings.oidc.put_prompt(given),
    },
    Key {
        section: "webhooks",
        name: "private",
        doc: "Let webhooks lead to addresses in private networks and on this host, and by \
              plain http.  Every counsellor can then have the server send something there.",
        default: "false",
        put: |settings, given| given.flag().map(|it| settings.webhooks.private = it),
    },
    Key {
        section: "tls",
        name: "certificate",
        doc: "Certificate chain in PEM.  With it, browsers come by https only.",
        default: "\"\"",
        put: |settings, given| given.path_or_none().map(|it| settings.tls.certificate = it),
    },
    Key {
        section: "tls",
        name: "key",
        doc: "Private key of the certificate in PEM.",
        default: "\"\"",
        put: |settings, given| given.path_or_none().map(|it| settings.tls.key = it),
    },
    Key {
        section: "tls",
        name: "self_signed",
        doc: "Make a certificate here, for trying Aman out with other devices on a local \
              network.  Browsers warn; compare the fingerprint that is printed.",
        default: "false",
        put: |settings, given| given.flag().map(|it| settings.tls.self_signed = it),
    },
    Key {
        section: "tls",
        name: "names",
        doc: "Further host names for that certificate.  `localhost` and the addresses of this \
              host are in it.",
        default: "[]",
        put: |settings, given| {
            let read = |name: &str| {
                Origin::parse(&format!("https://{name}")).is_some().then(|| name.to_owned())
            };
            given.list("a host name", read).map(|it| settings.tls.names = it)
        },
    },
    Key {
        section: "media",
        name: "bind",
        doc: "UDP address for sound and pictures.  One port for everybody; open it in the \
              firewall.",
        default: "\"0.0.0.0:8080\"",
        put: |settings, given| given.parse(ADDRESS).map(|it| settings.media.bind = it),
    },
    Key {
        section: "media",
        name: "advertise",
        doc: "The addresses browsers reach that port by.  Empty means the addresses of this \
              host; behind NAT name the public one.",
        default: "[]",
        put: |settings, given| {
            let read = |address: &str| address.parse().ok();
            given.list("an IP address", read).map(|it| settings.media.advertise = it)
        },
    },
    Key {
        section: "metrics",
        name: "listen",
        doc: "Answer /metrics on an address of its own.  Empty answers it on web.listen, to \
              this machine only; name an address when a reverse proxy runs here.",
        default: "\"\"",
        put: |settings, given| {
            given.parse_or_none(ADDRESS).map(|it| settings.metrics.listen = it)
        },
    },
    Key {
        section: "log",
        name: "format",
        doc: "How log lines look: \"human\" or \"json\".",
        default: "\"human\"",
        put: |settings, given| {
            settings.log.format = match given.text()? {
                "human" => LogFormat::Human,
                "json" => LogFormat::Json,
                other => return Err(format!("{other:?} is not human or json")),
            };
            Ok(())
        },
    },
    Key {
        section: "log",
        name: "level",
        doc: "How much is logged: \"error\", \"warn\", \"info\", \"debug\" or \"trace\".  No \
              level holds names, addresses or anything said.",
        default: "\"info\"",
        put: |settings, given| {
            settings.log.level = match given.text()? {
                "error" => LogLevel::Error,
                "warn" => LogLevel::Warn,
                "info" => LogLevel::Info,
                "debug" => LogLevel::Debug,
                "trace" => LogLevel::Trace,
                other => {
                    return Err(format!("{other:?} is not error, warn, info, debug or trace"));
                }
            };
            Ok(())
        },
    },
];

impl Key {
    /// `section.name`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Its environment variable.
    pub(super) fn variable(&self) -> String {
        self.variable_of_section() + &self.name.to_ascii_uppercase()
    }

    /// How the environment variables of its section begin.
    pub(super) fn variable_of_section(&self) -> String {
        format!("AMAN_{}_", self.section.to_ascii_uppercase())
    }
}

/// The commented file with every key and its default.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "# Every setting of Aman with its default.  Made by `aman config-reference`.\n\
         #\n\
         # Copy what you change to `aman.toml` in the folder you start `aman` in, or name the\n\
         # file with --config.  Environment variables win over the file, flags over both:\n\
         # web.listen is AMAN_WEB_LISTEN; lists are separated by commas there.\n",
    );
    let mut section = "";
    for key in &KEYS {
        if key.section != section {
            section = key.section;
            let _ = write!(text, "\n[{section}]\n");
        }
        let _ = write!(text, "\n{}# {} = {}\n", comment(key.doc), key.name, key.default);
    }
    text
}

/// Breaks text into comment lines of at most 90 characters.
fn comment(doc: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in doc.split_whitespace() {
        if line.len() + 1 + word.len() > 90 {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_the_real_defaults() {
        let uncommented: String = reference()
            .lines()
            .filter_map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| is_name(key)) => {
                    Some(format!("{rest}\n"))
                }
                Some(_) => None,
                None => Some(format!("{line}\n")),
            })
            .collect();
        let table: toml::Table = uncommented.parse().unwrap();
        let mut settings = Settings::default();
        let mut n_keys = 0;
        for (section, keys) in table {
            for (name, value) in keys.as_table().unwrap() {
                let key = KEYS.iter().find(|key| key.path() == format!("{section}.{name}"));
                (key.unwrap().put)(&mut settings, &Given::Toml(value.clone())).unwrap();
                n_keys += 1;
            }
        }
        assert_eq!(n_keys, KEYS.len());
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn the_reference_in_the_repository_is_fresh() {
        let kept = include_str!("../../../../config/aman.toml");
        assert!(
            kept == reference(),
            "run: cargo run -p aman -- config-reference > config/aman.toml"
        );
    }

    fn is_name(text: &str) -> bool {
        text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    }
}
