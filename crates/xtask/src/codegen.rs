//! Files that are made from code and committed, so that they can be read without building.
//!
//! The work is done by the crate `codegen`, which stands on `protocol` and `participant`; this
//! task stays quick to compile by not doing so.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{cargo, command, output, run};
use crate::settings::Settings;

const REFERENCE: &str = "config/aman.toml";

/// Writes the generated files, or, to `check`, only compares them.
///
/// # Errors
///
/// When one is not what it should be; the files are named.
pub(crate) fn generate(settings: &Settings, check: bool) -> Result<()> {
    let mut codegen = cargo(settings);
    codegen.args(["run", "--quiet", "--package", "codegen", "--"]);
    if check {
        codegen.arg("--check");
    }
    let what = if check { "find the generated files fresh" } else { "generate the files" };
    run(what, &mut codegen)?;
    let mut aman = cargo(settings);
    aman.args(["run", "--quiet", "--package", "aman", "--"]);
    settings_reference(settings, &mut aman, check)
}

/// Compares the reference with what the server that was built last prints.
///
/// # Errors
///
/// When it is stale.
pub(crate) fn check_settings_reference(settings: &Settings) -> Result<()> {
    let mut aman = command(settings.target.join("debug/aman"), &settings.root);
    settings_reference(settings, &mut aman, true)
}

/// `config/aman.toml`: every setting with its meaning, as the server itself prints it.
fn settings_reference(settings: &Settings, aman: &mut Command, check: bool) -> Result<()> {
    let wanted = output("print the reference of the settings", aman.arg("config-reference"))?;
    let file = settings.root.join(REFERENCE);
    if fs::read_to_string(&file).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if check {
        bail!("{REFERENCE} is stale: run `cargo xtask codegen` and commit");
    }
    fs::write(&file, wanted).with_context(|| format!("cannot write {REFERENCE}"))
}
