//! What can be said on the command line?  Never a secret: others can read it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Aman: end-to-end encrypted tele-counselling.
#[derive(Debug, Parser)]
#[command(name = "aman", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server (what happens without a command).
    Serve,
    /// Print every setting with its meaning and default, as a file to start from.
    ConfigReference,
    /// Print the description of the HTTP interface: OpenAPI 3.1, as JSON.
    Openapi,
    /// Say who may sign in.  Works beside a running server.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
}

/// What to do about accounts.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Print a one-time link for a new account.
    Invite {
        /// The account may do what concerns the whole server.
        #[arg(long)]
        admin: bool,
        /// Days the link can be used.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=90))]
        days: u16,
    },
    /// Print every account and every link that was not used.
    List,
    /// Shut somebody out, and sign them out everywhere.
    Disable {
        /// What they sign in with.
        name: String,
    },
    /// Take the agency's own sign-in away from an account, and sign it out everywhere.
    Unlink {
        /// What they sign in with.
        name: String,
    },
    /// Let somebody in again.
    Enable {
        /// What they sign in with.
        name: String,
    },
    /// Print a one-time link to a new password, for somebody who lost everything else.
    Reset {
        /// What they sign in with.
        name: String,
        /// Days the link can be used.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=90))]
        days: u16,
    },
    /// Take a link back.
    Withdraw {
        /// As `aman user list` prints it.
        #[arg(allow_hyphen_values = true)]
        link: String,
    },
}

/// Flags win over the environment, the environment over the file.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Flags {
    /// Settings file; `aman.toml` here is read if it is there.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for the data file and certificates (`data.dir`).
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<String>,
    /// Where to listen for browsers (`web.listen`).
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Read the web client from a folder (`web.dir`).
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) web_dir: Option<String>,
    /// An origin this server is reached by (`web.origins`); may be repeated.
    #[arg(long, global = true, value_name = "ORIGIN")]
    pub(crate) origin: Vec<String>,
    /// UDP address for media (`media.bind`).
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(crate) media_bind: Option<String>,
    /// An address browsers reach the media port by (`media.advertise`); may be repeated.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) advertise: Vec<String>,
    /// Serve https with a certificate signed by ourselves (`tls.self_signed`).
    #[arg(long, global = true)]
    pub(crate) tls_self_signed: bool,
    /// A further name for that certificate (`tls.names`); may be repeated.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tls_name: Vec<String>,
    /// How log lines look: human or json (`log.format`).
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// How much is logged: error, warn, info, debug or trace (`log.level`).
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// Write the `ready` line to this file too, once the server answers.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

impl Flags {
    /// The flags that are settings, by key.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let list = |items: &[String]| (!items.is_empty()).then(|| items.join(","));
        let all = [
            ("data.dir", self.data.clone()),
            ("web.listen", self.listen.clone()),
            ("web.dir", self.web_dir.clone()),
            ("web.origins", list(&self.origin)),
            ("media.bind", self.media_bind.clone()),
            ("media.advertise", list(&self.advertise)),
            ("tls.self_signed", self.tls_self_signed.then(|| "true".to_owned())),
            ("tls.names", list(&self.tls_name)),
            ("log.format", self.log_format.clone()),
            ("log.level", self.log_level.clone()),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}
