//! How much the server costs: named scenarios with headless participants, against a floor
//! measured in the same run.
//!
//! ```text
//! load one-to-one --rooms 10 --seconds 10      a table; --json FILE for machines
//! ```
//!
//! The floor is the least a forwarded packet can cost on this machine at this moment: seal it,
//! and hand it to the kernel in batches.  Machines differ and are shared; the ratio does not
//! care.

mod clock;
mod floor;
mod one_to_one;
mod process;
mod report;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// How much the server costs.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
    /// Writes the figures as JSON to this file.
    #[arg(long, global = true)]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Scenario {
    /// Calls between two people, each with camera and microphone.
    OneToOne(one_to_one::Size),
    /// Only the floor.
    Floor,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let report = match &cli.scenario {
        Scenario::OneToOne(size) => one_to_one::run(size).await?,
        Scenario::Floor => floor::report()?,
    };
    if let Some(path) = &cli.json {
        std::fs::write(path, report.to_json()?)?;
    }
    let mut out = std::io::stdout().lock();
    write!(out, "{report}")?;
    Ok(out.flush()?)
}
