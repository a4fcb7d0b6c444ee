//! Asks a running server everything that the OpenAPI document describes, and much that it does
//! not: schemathesis, in an environment of its own below the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::install;
use crate::process::{command, run};
use crate::settings::Settings;

/// The one thing that is installed.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// The command that does it; `aman` must be built.
///
/// # Errors
///
/// When Python or schemathesis cannot be had.
pub(crate) fn fuzz(settings: &Settings) -> Result<Command> {
    let python = environment(settings)?;
    let mut fuzz = command(python, &settings.root);
    fuzz.arg("tests/api/run.py").arg(settings.target.join("debug/aman"));
    Ok(fuzz)
}

/// The Python that has schemathesis.
fn environment(settings: &Settings) -> Result<PathBuf> {
    let folder = settings.target.join("schemathesis");
    let python = folder.join("bin/python");
    if has_it(&python, settings) {
        return Ok(python);
    }
    install::ensure_python(settings)?;
    let mut make = command("python3", &settings.root);
    run("make a Python environment", make.args(["-m", "venv"]).arg(&folder))?;
    let mut pip = command(&python, &settings.root);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SCHEMATHESIS]);
    run("install schemathesis", &mut pip)?;
    Ok(python)
}

fn has_it(python: &Path, settings: &Settings) -> bool {
    let wanted = SCHEMATHESIS.split_once("==").map_or("", |(_, version)| version);
    let mut ask = command(python, &settings.root);
    ask.args(["-c", "import importlib.metadata as m; print(m.version('schemathesis'))"]);
    let said = ask.output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim() == wanted)
}
