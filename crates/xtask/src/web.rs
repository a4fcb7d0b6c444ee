//! The web client: its modules, its build, its own checks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::clock::Stopwatch;
use crate::process::{command, output, run};
use crate::settings::Settings;
use crate::{stamp, wasm};

/// The oldest Node that Vite runs on.
const NODE_MIN: (u32, u32) = (20, 19);

/// Installs the modules that a folder's lock file names, if they changed.
///
/// # Errors
///
/// One sentence about what is missing.
pub(crate) fn modules(settings: &Settings, folder: &Path) -> Result<()> {
    check_node(settings)?;
    let inputs = ["package.json", "package-lock.json"].map(|name| folder.join(name));
    let stamp = stamp::of(&settings.root, &inputs)?;
    let kept = folder.join("node_modules/.aman-stamp");
    if stamp::is_fresh(&kept, stamp) {
        return Ok(());
    }
    say("installing modules…");
    let mut install = npm(settings, folder)?;
    install.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run("install the modules of the web client", &mut install)?;
    stamp::leave(&kept, stamp)
}

/// Builds the pages (and the WebAssembly in them) if anything changed.
///
/// # Errors
///
/// One sentence about what could not be done.
pub(crate) fn build(settings: &Settings) -> Result<()> {
    wasm::build(settings)?;
    let folder = settings.root.join("web-client");
    modules(settings, &folder)?;
    let watch = Stopwatch::start();
    let stamp = stamp::of(&settings.root, &inputs(&folder))?;
    let kept = folder.join("node_modules/.aman-dist-stamp");
    if folder.join("dist/index.html").is_file() && stamp::is_fresh(&kept, stamp) {
        say("pages up to date");
        return Ok(());
    }
    let mut build = npm(settings, &folder)?;
    build.args(["run", "--silent", "build", "--", "--logLevel=warn"]);
    run("build the web client", &mut build)?;
    stamp::leave(&kept, stamp)?;
    say(&format!("pages built ({:.1} s)", watch.seconds()));
    Ok(())
}

/// One of the scripts of a `package.json`.
///
/// # Errors
///
/// When npm is missing.
pub(crate) fn script(settings: &Settings, folder: &Path, name: &str) -> Result<Command> {
    let mut script = npm(settings, folder)?;
    script.args(["run", "--silent", name]);
    Ok(script)
}

/// A file of tests, run by Node in the root of the workspace.
///
/// # Errors
///
/// When Node is missing.
pub(crate) fn node_test(settings: &Settings, file: &str) -> Result<Command> {
    let node = settings.find_program("node").context(no_node())?;
    let mut test = command(node, &settings.root);
    test.args(["--test", file]);
    Ok(test)
}

fn npm(settings: &Settings, folder: &Path) -> Result<Command> {
    let npm = settings.find_program("npm").context(no_node())?;
    Ok(command(npm, folder))
}

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let names = [
        "index.html",
        "package-lock.json",
        "public",
        "src",
        "svelte.config.js",
        "tsconfig.json",
        "vite.config.ts",
    ];
    names.map(|name| folder.join(name)).to_vec()
}

fn check_node(settings: &Settings) -> Result<()> {
    let node = settings.find_program("node").context(no_node())?;
    let said =
        output("ask Node for its version", command(node, &settings.root).arg("--version"))?;
    match parse_version(&said) {
        Some(version) if version >= NODE_MIN => Ok(()),
        Some(_) | None => bail!("Node is {} and too old: {}", said.trim(), no_node()),
    }
}

fn no_node() -> String {
    let (major, minor) = NODE_MIN;
    format!(
        "install Node {major}.{minor} or newer, with npm, from nodejs.org or your system's package manager"
    )
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[expect(clippy::print_stderr, reason = "progress of a task is for the person who waits")]
fn say(text: &str) {
    eprintln!("web: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_as_numbers() {
        assert!(parse_version("v20.20.2\n").unwrap() >= NODE_MIN);
        assert!(parse_version("v20.9.0").unwrap() < NODE_MIN);
        assert!(parse_version("v100.0.0").unwrap() >= NODE_MIN);
        assert_eq!(parse_version("twenty"), None);
    }
}
