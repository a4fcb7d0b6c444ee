//! Everything one does with this repository: `cargo xtask TASK`.
//!
//! Each task is a module, and each says in its header what it does.  Tasks say in one sentence
//! what is wrong and what helps, and are safe to repeat.

mod api;
mod clock;
mod codegen;
mod figures;
mod install;
mod licences;
mod process;
mod settings;
mod stages;
mod stamp;
mod tally;
mod test;
mod tidy;
mod up;
mod wasm;
mod wasm_toolchain;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::figures::Figures;
use crate::settings::Settings;
use crate::stages::Stage;
use crate::up::Up;

/// Tasks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Builds everything and starts one server
    Up(Up),
    /// Installs what is missing and runs every check and test, or those of some kinds
    #[command(alias = "ci")]
    Test {
        /// Which; all of them if none is named
        stages: Vec<Stage>,
        /// Goes on after a broken stage
        #[arg(long)]
        keep_going: bool,
    },
    /// Measures what we promise, and fails when a promise is broken
    Figures(Figures),
    /// Measures what the server costs beside the floor of this machine, in a fast build
    Bench {
        /// For the program `load`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Builds the WebAssembly module of the web client
    Wasm,
    /// Writes the generated files
    Codegen {
        /// Only compares, and fails when one is stale
        #[arg(long)]
        check: bool,
    },
    /// Checks the laws that a compiler does not know
    Tidy {
        /// Leaves out what compiles our crates: whether generated files are fresh
        #[arg(long)]
        quick: bool,
    },
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    match Settings::read().and_then(|settings| perform(&settings, &task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn perform(settings: &Settings, task: &Task) -> Result<()> {
    match task {
        Task::Up(how) => up::up(settings, how),
        Task::Test { stages, keep_going } => test::run(settings, stages, *keep_going),
        Task::Figures(which) => figures::measure(settings, which),
        Task::Bench { arguments } => figures::bench(settings, arguments),
        Task::Wasm => wasm::build(settings).map(drop),
        Task::Codegen { check } => codegen::generate(settings, *check),
        Task::Tidy { quick } => tidy::check(settings, *quick),
    }
}

#[expect(clippy::print_stderr, reason = "the one place where a task says why it failed")]
fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
