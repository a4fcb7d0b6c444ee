//! Files that are made from code and committed, so that they can be read without building.
//!
//! The work is done by the crate `codegen`, which stands on `protocol` and `participant`; this
//! task stays quick to compile by not doing so.

use anyhow::Result;

use crate::process::{cargo, run};
use crate::settings::Settings;

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
    run(what, &mut codegen)
}
