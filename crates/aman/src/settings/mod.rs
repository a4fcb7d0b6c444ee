//! How is this server set up?  From the file, then the environment, then the flags; all faults
//! at once.

mod given;
mod keys;
mod oidc;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use gateway::{Limits, Operator, Origin};

use crate::cli::Flags;
use given::Given;
use keys::KEYS;

pub(crate) use keys::reference;
pub(crate) use oidc::OidcSettings;

const FILE_NAME: &str = "aman.toml";

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) data: DataSettings,
    pub(crate) web: WebSettings,
    pub(crate) operator: Operator,
    pub(crate) webhooks: WebhookSettings,
    pub(crate) accounts: AccountSettings,
    pub(crate) oidc: OidcSettings,
    pub(crate) tls: TlsSettings,
    pub(crate) media: MediaSettings,
    pub(crate) metrics: MetricsSettings,
    pub(crate) log: LogSettings,
}

/// Where things are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataSettings {
    pub(crate) dir: PathBuf,
}

/// How browsers come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) origins: Vec<Origin>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) requests_per_account: u32,
}

/// Who may sign in, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountSettings {
    pub(crate) second_factor_required: bool,
}

/// Where programs may be told what happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WebhookSettings {
    pub(crate) private: bool,
}

/// Which certificate is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) self_signed: bool,
    pub(crate) names: Vec<String>,
}

/// Where media goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaSettings {
    pub(crate) bind: SocketAddr,
    /// Empty means the addresses of this host.
    pub(crate) advertise: Vec<IpAddr>,
}

/// Where sums can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetricsSettings {
    pub(crate) listen: Option<SocketAddr>,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) format: LogFormat,
    pub(crate) level: LogLevel,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Human,
    Json,
}

/// From which level on lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            data: DataSettings { dir: PathBuf::from("data") },
            web: WebSettings {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
                origins: Vec::new(),
                dir: None,
                connections: limits.connections_max,
                connections_per_address: limits.connections_per_address_max,
                requests_per_account: limits.requests_per_account_max,
            },
            operator: Operator::default(),
            webhooks: WebhookSettings::default(),
            accounts: AccountSettings { second_factor_required: true },
            oidc: OidcSettings::default(),
            tls: TlsSettings::default(),
            media: MediaSettings {
                bind: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
                advertise: Vec::new(),
            },
            metrics: MetricsSettings::default(),
            log: LogSettings { format: LogFormat::Human, level: LogLevel::Info },
        }
    }
}

/// Everything that is wrong with the settings, one line each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The settings cannot be used:")?;
        self.0.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}

impl Settings {
    /// Reads file, environment and flags.
    pub(crate) fn load(flags: &Flags) -> Result<Self, Faults> {
        let asked_for = flags.config.is_some();
        let path = flags.config.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
        let file = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !asked_for => None,
            Err(error) => return Err(Faults(vec![format!("{}: {error}", path.display())])),
        };
        Self::merge(&path, file.as_deref(), std::env::vars(), &flags.settings())
    }

    fn merge(
        path: &Path,
        file: Option<&str>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(&'static str, String)],
    ) -> Result<Self, Faults> {
        let mut settings = Self::default();
        let mut faults = Faults::default();
        if let Some(text) = file {
            settings.put_file(&path.display().to_string(), text, &mut faults);
        }
        settings.put_environment(environment, &mut faults);
        for (key, value) in flags {
            settings.put("command line", key, &Given::Text(value.clone()), &mut faults);
        }
        settings.check(&mut faults);
        if faults.0.is_empty() { Ok(settings) } else { Err(faults) }
    }

    fn put_file(&mut self, source: &str, text: &str, faults: &mut Faults) {
        let sections: toml::Table = match text.parse() {
            Ok(sections) => sections,
            Err(error) => return faults.0.push(format!("{source}: {error}")),
        };
        for (section, value) in sections {
            let toml::Value::Table(keys) = value else {
                faults.0.push(format!("{source}: {section}: there is no such key"));
                continue;
            };
            for (name, value) in keys {
                let key = format!("{section}.{name}");
                self.put(source, &key, &Given::Toml(value), faults);
            }
        }
    }

    /// `web.listen` is `AMAN_WEB_LISTEN`.  A variable that begins like a section of ours and is
    /// no key is a fault; others (`AMAN_…` of our build) are not ours to judge.
    fn put_environment(
        &mut self,
        environment: impl Iterator<Item = (String, String)>,
        faults: &mut Faults,
    ) {
        let variables: BTreeMap<_, _> =
            environment.filter(|(name, _)| name.starts_with("AMAN_")).collect();
        for (name, value) in variables {
            let key = KEYS.iter().find(|key| key.variable() == name);
            let is_ours = KEYS.iter().any(|key| name.starts_with(&key.variable_of_section()));
            match key {
                Some(key) => self.put(&name, &key.path(), &Given::Text(value), faults),
                None if is_ours => faults.0.push(format!("{name}: there is no such setting")),
                None => (),
            }
        }
    }

    fn put(&mut self, source: &str, path: &str, given: &Given, faults: &mut Faults) {
        let fault = match KEYS.iter().find(|key| key.path() == path) {
            Some(key) => (key.put)(self, given).err(),
            None => Some("there is no such key".to_owned()),
        };
        if let Some(fault) = fault {
            faults.0.push(format!("{source}: {path}: {fault}"));
        }
    }

    /// What no key can tell alone.
    fn check(&self, faults: &mut Faults) {
        let tls = &self.tls;
        let mut fault = |text: &str| faults.0.push(text.to_owned());
        if tls.certificate.is_some() != tls.key.is_some() {
            fault("tls.certificate, tls.key: one needs the other");
        }
        if tls.certificate.is_some() && tls.self_signed {
            fault("tls.certificate, tls.self_signed: there can be only one certificate");
        }
        if !tls.names.is_empty() && !tls.self_signed {
            fault("tls.names: used only with tls.self_signed");
        }
        self.oidc.faults().into_iter().for_each(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sources_win() {
        let file = "[web]\nlisten = '127.0.0.1:1'\nconnections = 5\n[data]\ndir = 'file'";
        let settings = merge(
            Some(file),
            &[("AMAN_WEB_LISTEN", "127.0.0.1:2"), ("AMAN_DATA_DIR", "environment")],
            &[("web.listen", "127.0.0.1:3")],
        )
        .unwrap();

        assert_eq!(settings.web.listen.port(), 3);
        assert_eq!(settings.data.dir, Path::new("environment"));
        assert_eq!(settings.web.connections, 5);
        assert_eq!(settings.media, Settings::default().media);
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        assert_eq!(merge(None, &[], &[]), Ok(Settings::default()));
        assert_eq!(merge(Some(""), &[("PATH", "x"), ("AMAN_WASM_STUB", "1")], &[]).ok(), {
            Some(Settings::default())
        });
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let file = "
            top = 1
            [web]
            listen = 'nowhere'
            connections = -1
            origins = ['https://aman.example/', 7]
            colour = 'teal'
            [tls]
            certificate = 'a.pem'
            self_signed = 'perhaps'
            names = ['a.example']
            [garden]
            roses = 3
        ";
        let faults = merge(
            Some(file),
            &[
                ("AMAN_MEDIA_BIND", "8080"),
                ("AMAN_MEDIA_BEND", "x"),
                ("AMAN_LOG_LEVEL", "loud"),
            ],
            &[("media.advertise", "192.0.2.1,here"), ("log.format", "xml")],
        )
        .unwrap_err();

        let text = faults.to_string();
        for (fault, times) in [
            ("aman.toml: top: there is no such key", 1),
            ("aman.toml: web.listen:", 1),
            ("aman.toml: web.connections:", 1),
            ("aman.toml: web.origins:", 1),
            ("aman.toml: web.colour: there is no such key", 1),
            ("aman.toml: tls.self_signed:", 1),
            ("aman.toml: garden.roses: there is no such key", 1),
            ("AMAN_MEDIA_BIND: media.bind:", 1),
            ("AMAN_MEDIA_BEND: there is no such setting", 1),
            ("AMAN_LOG_LEVEL: log.level:", 1),
            ("command line: media.advertise:", 1),
            ("command line: log.format:", 1),
            ("tls.certificate, tls.key: one needs the other", 1),
            ("tls.names: used only with tls.self_signed", 1),
        ] {
            assert_eq!(text.matches(fault).count(), times, "{fault} in\n{text}");
        }
        assert_eq!(faults.0.len(), 14, "{text}");
    }

    #[test]
    fn the_example_in_the_repository_can_be_used() {
        let settings =
            merge(Some(include_str!("../../../../config/example.toml")), &[], &[]).unwrap();
        assert!(settings.tls.certificate.is_some());
        assert_eq!(settings.web.origins.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_toml_is_one_fault_with_its_place() {
        let faults = merge(Some("[web\nlisten = 1"), &[], &[]).unwrap_err();
        assert_eq!(faults.0.len(), 1);
        assert!(faults.to_string().contains("line 1"), "{faults}");
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_there() {
        let flags = Flags { config: Some("/no/such/aman.toml".into()), ..Flags::default() };
        let faults = Settings::load(&flags).unwrap_err();
        assert!(faults.to_string().contains("/no/such/aman.toml"), "{faults}");
    }

    fn merge(
        file: Option<&str>,
        environment: &[(&str, &str)],
        flags: &[(&'static str, &str)],
    ) -> Result<Settings, Faults> {
        let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let flags: Vec<_> = flags.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        Settings::merge(Path::new("aman.toml"), file, environment, &flags)
    }
}
