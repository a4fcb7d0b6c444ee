//! The program: settings, wiring, signals, and nothing else.

mod addresses;
mod cli;
mod clock;
mod hardening;
mod logs;
mod serve;
mod settings;
mod user;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::settings::Settings;

/// Work that may run beside the media threads: JSON, TLS, one task per room.
const WORKER_THREADS: usize = 2;

/// Password hashes, and files in development.
const BLOCKING_THREADS_MAX: usize = 4;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match &cli.command {
        Some(Command::ConfigReference) => say(&settings::reference()),
        Some(Command::Openapi) => say(&gateway::openapi()),
        Some(Command::User { command }) => {
            with_settings(&cli, |settings| outcome(user::run(&settings, command)))
        }
        Some(Command::Serve) | None => with_settings(&cli, |settings| serve(settings, &cli)),
    }
}

fn with_settings(cli: &Cli, run: impl FnOnce(Settings) -> ExitCode) -> ExitCode {
    match Settings::load(&cli.flags) {
        Ok(settings) => run(settings),
        Err(faults) => {
            // One fault a line, all of them: nobody should have to start five times.
            let _ = write!(io::stderr(), "{faults}");
            ExitCode::from(2)
        }
    }
}

fn serve(settings: Settings, cli: &Cli) -> ExitCode {
    hardening::no_memory_on_disk();
    hardening::enough_files();
    logs::start(&settings.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve::run(settings, cli.flags.ready_file.as_deref())),
        Err(error) => Err(error.into()),
    };
    outcome(served)
}

fn outcome(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "aman cannot go on: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
