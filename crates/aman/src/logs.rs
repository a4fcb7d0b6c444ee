//! What is written to the log, and how?
//!
//! Only our own crates speak: what a library finds worth a line can hold addresses or session
//! descriptions.  A panic is logged by its place, never by its text.

use std::io::{self, IsTerminal};
use std::panic;

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

const OUR_CRATES: [&str; 8] =
    ["aman", "gateway", "switchboard", "store", "media", "room", "delivery", "forward"];

/// Starts the log, on standard error.
pub(crate) fn start(settings: &LogSettings) {
    let level = settings.level.as_str();
    let ours = OUR_CRATES.map(|name| format!("{name}={level}")).join(",");
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("off,{ours}")))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match settings.format {
        LogFormat::Human => lines.compact().init(),
        LogFormat::Json => lines.json().init(),
    }
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| (at.file(), at.line()));
        tracing::error!(?place, "A bug: something panicked");
    }));
}
