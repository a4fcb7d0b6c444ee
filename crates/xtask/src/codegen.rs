//! Files that are made from code and committed, so that they can be read without building.
//!
//! The work is done by the crate `codegen`, which stands on `protocol` and `participant`; this
//! task stays quick to compile by not doing so.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{cargo, command, output, run};
use crate::settings::Settings;

/// What the server prints about itself.
struct Copy {
    file: &'static str,
    command: &'static str,
    what: &'static str,
}

const COPIES: [Copy; 2] = [
    Copy {
        file: "config/aman.toml",
        command: "config-reference",
        what: "the reference of the settings",
    },
    Copy {
        file: "docs/openapi.json",
        command: "openapi",
        what: "the description of the HTTP interface",
    },
];

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
    for copy in &COPIES {
        let mut aman = cargo(settings);
        aman.args(["run", "--quiet", "--package", "aman", "--"]);
        copied(settings, &mut aman, copy, check)?;
    }
    Ok(())
}

/// Compares the copies with what the server that was built last prints.
///
/// # Errors
///
/// When one is stale.
pub(crate) fn check_copies(settings: &Settings) -> Result<()> {
    for copy in &COPIES {
        let mut aman = command(settings.target.join("debug/aman"), &settings.root);
        copied(settings, &mut aman, copy, true)?;
    }
    Ok(())
}

/// A file as the server itself prints it.
fn copied(settings: &Settings, aman: &mut Command, copy: &Copy, check: bool) -> Result<()> {
    let Copy { file: name, command, what } = copy;
    let wanted = output(&format!("print {what}"), aman.arg(command))?;
    let file = settings.root.join(name);
    if fs::read_to_string(&file).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if check {
        bail!("{name} is stale: run `cargo xtask codegen` and commit");
    }
    fs::write(&file, wanted).with_context(|| format!("cannot write {name}"))
}
