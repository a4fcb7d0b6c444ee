//! Which compiler can build for the browser, and how it comes by its standard library.
//!
//! Three ways, tried in this order:
//!
//! 1. the toolchain in use already has the library for wasm32;
//! 2. rustup may add it (not when `RUSTUP_AUTO_INSTALL=0`);
//! 3. a second rustc has exactly matching library sources beside it (Debian's `rustc-web` with
//!    `rust-web-src`, or `WASM_RUSTC`): the library is built once into a cached sysroot.
//!
//! A library and a compiler of different versions do not fit together, so nothing is mixed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{cargo, command, output, run};
use crate::settings::Settings;

/// The target of the browser.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Where Debian puts its own rustc and cargo.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What to say when there is no way.
const REMEDIES: &str = "no Rust compiler here can build for the browser: run `rustup target add \
     wasm32-unknown-unknown`, or on Debian `apt-get install rustc-web cargo-web rust-web-src \
     rust-web-llvm lld-22`";

/// A compiler that can build for [`TARGET`].
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    /// The cargo to call.
    pub(crate) cargo: PathBuf,
    /// The rustc it shall use, if not its own.
    pub(crate) rustc: Option<PathBuf>,
    /// The sysroot that holds the standard library, if not the compiler's own.
    pub(crate) sysroot: Option<PathBuf>,
    /// What a report says about it.
    pub(crate) description: String,
}

/// Finds a way, and prepares it if that is needed.
///
/// # Errors
///
/// One sentence with both remedies when there is none.
pub(crate) fn find(settings: &Settings) -> Result<Toolchain> {
    if let Some(rustc) = &settings.wasm_rustc {
        return with_own_library(settings, rustc);
    }
    if has_library(settings)? {
        return Ok(plain(settings, "the toolchain in use"));
    }
    let rustup = settings.find_program("rustup");
    if let Some(rustup) = rustup.filter(|_| settings.rustup_may_install) {
        say("rustup adds the library for the browser…");
        let mut add = command(rustup, &settings.root);
        if run("add the wasm32 target", add.args(["target", "add", TARGET])).is_ok()
            && has_library(settings)?
        {
            return Ok(plain(settings, "the toolchain in use, target added by rustup"));
        }
    }
    let debian = Path::new(DEBIAN_RUSTC);
    if library_source(debian).is_some() {
        return with_own_library(settings, debian);
    }
    bail!(REMEDIES)
}

fn plain(settings: &Settings, description: &str) -> Toolchain {
    Toolchain {
        cargo: settings.cargo.clone(),
        rustc: None,
        sysroot: None,
        description: description.to_owned(),
    }
}

/// Whether the toolchain in use has the library of the target.
///
/// # Errors
///
/// When rustc cannot be asked.
pub(crate) fn has_library(settings: &Settings) -> Result<bool> {
    let mut rustc = command("rustc", &settings.root);
    let folder =
        output("ask rustc", rustc.args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(holds_std(Path::new(folder.trim())))
}

fn holds_std(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    entries.any(|entry| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

/// Where the sources of the library of this compiler are, if they are there.
fn library_source(rustc: &Path) -> Option<PathBuf> {
    let asked = output(
        "ask rustc",
        command(rustc, Path::new("/"))
            .env_remove("RUSTUP_TOOLCHAIN")
            .args(["--print", "sysroot"]),
    );
    let library = Path::new(asked.ok()?.trim()).join("lib/rustlib/src/rust/library");
    library.join("std/Cargo.toml").is_file().then_some(library)
}

fn with_own_library(settings: &Settings, rustc: &Path) -> Result<Toolchain> {
    let source = library_source(rustc)
        .with_context(|| format!("{} has no library sources beside it", rustc.display()))?;
    let version = output("ask rustc", command(rustc, Path::new("/")).arg("-vV"))?;
    let field = |name: &str| {
        version.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
    };
    let (release, commit) = (field("release:"), field("commit-hash:"));
    let key = if commit.is_empty() || commit == "unknown" { release } else { commit };
    let sysroot = settings.cache.join("wasm-sysroot").join(key);
    let beside = rustc.with_file_name("cargo");
    let toolchain = Toolchain {
        cargo: if beside.is_file() { beside } else { settings.cargo.clone() },
        rustc: Some(rustc.to_owned()),
        description: format!("rustc {release} of this system, library built once"),
        sysroot: Some(sysroot.clone()),
    };
    if !holds_std(&library_folder(&sysroot)) {
        say("building the standard library for the browser, once (about a minute)…");
        build_library(settings, &toolchain, &source, &sysroot)?;
    }
    Ok(toolchain)
}

fn library_folder(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

/// Builds the library in a scratch folder and moves it into place as the last step, so that an
/// interrupted build leaves nothing that looks complete.
fn build_library(
    settings: &Settings,
    toolchain: &Toolchain,
    source: &Path,
    sysroot: &Path,
) -> Result<()> {
    let scratch = sysroot.with_extension("building");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(scratch.join("src"))?;
    fs::write(scratch.join("src/lib.rs"), "")?;
    fs::write(
        scratch.join("Cargo.toml"),
        "[package]\nname = \"std-for-wasm\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
         [workspace]\n\n[profile.release]\nopt-level = \"z\"\ncodegen-units = 1\npanic = \"abort\"\n",
    )?;
    let mut flags = OsString::from("-Cembed-bitcode=yes");
    for (from, to) in [(source, "std"), (&*settings.cargo_home, "cargo"), (&scratch, "build")] {
        flags.push(format!(" --remap-path-prefix={}={to}", from.display()));
    }
    let mut build = command(&toolchain.cargo, &scratch);
    build.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO_BUILD_TARGET");
    if let Some(rustc) = &toolchain.rustc {
        build.env("RUSTC", rustc);
    }
    // The only place where a stable compiler is told to allow this: there is no other way to
    // build the library from its sources.
    build.env("RUSTC_BOOTSTRAP", "1");
    build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    build.args(["build", "--quiet", "--release", "--target", TARGET]);
    build.args(["-Zbuild-std=std,panic_abort", "--target-dir", "out"]);
    run("build the standard library for the browser", &mut build)?;

    let ready = scratch.join("ready");
    let into = library_folder(&ready);
    fs::create_dir_all(&into)?;
    for entry in fs::read_dir(scratch.join("out").join(TARGET).join("release/deps"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libstd_for_wasm") {
            fs::copy(entry.path(), into.join(name))?;
        }
    }
    let _ = fs::remove_dir_all(sysroot);
    fs::rename(&ready, sysroot)
        .with_context(|| format!("cannot keep the library in {}", sysroot.display()))?;
    fs::remove_dir_all(&scratch)?;
    // Cargo does not notice a new library behind the same path.
    let _ = fs::remove_dir_all(settings.target.join("wasm").join(TARGET));
    Ok(())
}

impl Toolchain {
    /// A cargo command of this toolchain, in the workspace, with paths of this machine kept out
    /// of what it builds.
    #[must_use]
    pub(crate) fn command(&self, settings: &Settings) -> std::process::Command {
        let mut flags = OsString::new();
        if let Some(sysroot) = &self.sysroot {
            flags.push("--sysroot=");
            flags.push(sysroot);
            flags.push(" ");
        }
        // Our own crates are compiled by relative paths.  The path of the workspace must not be
        // among the flags: another clone would build everything again.
        flags.push(format!("--remap-path-prefix={}=cargo", settings.cargo_home.display()));
        let mut build = match &self.rustc {
            Some(rustc) => {
                let mut build = command(&self.cargo, &settings.root);
                build.env_remove("RUSTUP_TOOLCHAIN").env("RUSTC", rustc);
                build
            }
            None => cargo(settings),
        };
        build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
        build
    }
}

#[expect(clippy::print_stderr, reason = "progress of a task is for the person who waits")]
fn say(text: &str) {
    eprintln!("wasm: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_both_remedies_in_one_sentence() {
        assert!(REMEDIES.contains("rustup target add") && REMEDIES.contains("rustc-web"));
        assert!(!REMEDIES.contains(". "));
    }

    #[test]
    fn an_empty_folder_is_not_a_library() {
        let folder = std::env::temp_dir().join(format!("aman-std-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(!holds_std(&folder));
        fs::write(folder.join("libstd-1.rlib"), "").unwrap();
        assert!(holds_std(&folder));
        fs::remove_dir_all(&folder).unwrap();
    }
}
