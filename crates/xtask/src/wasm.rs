//! The participant core as a WebAssembly module, for the web client to import.
//!
//! `participant-wasm` is compiled with the profile `wasm`, then wasm-bindgen (the program
//! `xtask-wasm`) writes the module into the web client.  When nothing that goes into it has
//! changed, nothing is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::clock::Stopwatch;
use crate::process::{cargo, output, run};
use crate::settings::Settings;
use crate::wasm_toolchain::{self, TARGET};
use crate::{stamp, workspace};

/// The crate that is the face of the core towards the browser.
const FACE: &str = "participant-wasm";

/// Where the web client expects the module, and under which name.
const OUT: &str = "web-client/src/vault/wasm";
const NAME: &str = "aman";

/// What the browser will download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Bytes as they are.
    pub(crate) raw: u64,
    /// Bytes compressed by brotli.
    pub(crate) brotli: u64,
}

/// Builds it if need be.
///
/// # Errors
///
/// One sentence about what could not be done.
pub(crate) fn build(settings: &Settings) -> Result<Size> {
    let watch = Stopwatch::start();
    let stamp_file = settings.target.join("wasm/aman.stamp");
    let size_file = settings.target.join("wasm/aman.size");
    let stamp = stamp::of(&settings.root, &inputs(settings)?)?;
    let out = settings.root.join(OUT);
    let is_there = out.join(format!("{NAME}_bg.wasm")).is_file();
    if is_there && stamp::is_fresh(&stamp_file, stamp) {
        let size = parse_size(&fs::read_to_string(&size_file).unwrap_or_default());
        if let Some(size) = size {
            report(size, "up to date", watch);
            return Ok(size);
        }
    }

    let toolchain = wasm_toolchain::find(settings)?;
    let target_dir = settings.target.join("wasm");
    let mut build = toolchain.command(settings);
    build.args(["build", "--package", FACE, "--lib", "--profile", "wasm", "--target", TARGET]);
    build.arg("--target-dir").arg(&target_dir);
    run("compile the participant core for the browser", &mut build)?;

    let wasm = target_dir.join(TARGET).join("wasm").join(format!("{}.wasm", file_stem()));
    let mut bind = cargo(settings);
    bind.args(["run", "--quiet", "--package", "xtask-wasm", "--"]).args([&wasm, &out]);
    let said = output("bind the WebAssembly module", bind.arg(NAME))?;
    let size = parse_size(&said).context("xtask-wasm did not say how large the module is")?;
    check_clean(&fs::read(out.join(format!("{NAME}_bg.wasm")))?, settings)?;
    fs::write(&size_file, said)?;
    // A change made while we were building must be seen the next time.
    stamp::leave(&stamp_file, stamp)?;
    report(size, &toolchain.description, watch);
    Ok(size)
}

/// No path of this machine is in what everybody downloads.
fn check_clean(module: &[u8], settings: &Settings) -> Result<()> {
    for path in [&settings.root, &settings.cargo_home] {
        if contains(module, path.as_os_str().as_encoded_bytes()) {
            bail!("the WebAssembly module names {}: keep it out", path.display());
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len().max(1)).any(|window| window == part)
}

fn file_stem() -> String {
    FACE.replace('-', "_")
}

/// Everything that goes into the module: the crates below its face, and the versions of others.
fn inputs(settings: &Settings) -> Result<Vec<PathBuf>> {
    let packages = workspace::read(settings)?;
    let by_name: BTreeMap<&str, &workspace::Package> =
        packages.iter().map(|package| (&*package.name, package)).collect();
    let mut seen = BTreeSet::new();
    let mut next = vec![FACE, "xtask-wasm"];
    while let Some(name) = next.pop() {
        let Some(package) = by_name.get(name) else { continue };
        if seen.insert(name) {
            next.extend(package.normal_dependencies());
        }
    }
    let mut inputs = vec![settings.root.join("Cargo.toml"), settings.root.join("Cargo.lock")];
    for name in seen {
        let folder = by_name.get(name).map(|package| &package.folder);
        inputs.extend(folder.map(|folder| folder.join("Cargo.toml")));
        inputs.extend(folder.map(|folder| folder.join("src")));
    }
    Ok(inputs)
}

fn parse_size(text: &str) -> Option<Size> {
    let field = |name: &str| text.split_whitespace().find_map(|part| part.strip_prefix(name));
    Some(Size { raw: field("raw=")?.parse().ok()?, brotli: field("brotli=")?.parse().ok()? })
}

#[expect(clippy::print_stderr, reason = "progress of a task is for the person who waits")]
fn report(size: Size, how: &str, watch: Stopwatch) {
    let Size { raw, brotli } = size;
    eprintln!("wasm: {brotli} bytes brotli, {raw} raw ({how}, {:.1} s)", watch.seconds());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_module_is_found() {
        assert!(contains(b"\0asm /somewhere/aman/src", b"/somewhere/aman"));
        assert!(!contains(b"\0asm crates/e2ee/src", b"/somewhere/aman"));
    }

    #[test]
    fn the_size_is_read_from_the_report_of_the_binder() {
        assert_eq!(parse_size("raw=10 brotli=7\n"), Some(Size { raw: 10, brotli: 7 }));
        assert_eq!(parse_size("raw=10"), None);
        assert_eq!(parse_size("raw=x brotli=7"), None);
    }
}
