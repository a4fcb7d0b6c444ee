//! What the environment tells the tasks: which folders to use and what they may install.
//!
//! The only file of this crate that reads environment variables.

use std::env::var_os;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// Read once, at the start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The folder of the workspace.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Ours in the user's cache folder: what is worth keeping between clones.
    pub(crate) cache: PathBuf,
    /// The cargo that runs us.
    pub(crate) cargo: PathBuf,
    /// Where cargo keeps sources of dependencies.
    pub(crate) cargo_home: PathBuf,
    /// A compiler chosen by hand for WebAssembly.
    pub(crate) wasm_rustc: Option<PathBuf>,
    /// Whether rustup may add a target by itself.
    pub(crate) rustup_may_install: bool,
    /// Where programs are looked for.
    search: Vec<PathBuf>,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// When the workspace or the user's folder cannot be found.
    pub(crate) fn read() -> Result<Self> {
        let crate_folder = var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let crate_folder =
            crate_folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = crate_folder.ancestors().nth(2).context("the workspace was moved")?;
        let home = var_os("HOME").map(PathBuf::from).context("HOME is not set")?;
        let cache = var_os("XDG_CACHE_HOME")
            .map_or_else(|| home.join(".cache"), PathBuf::from)
            .join("aman");
        Ok(Self {
            root: root.to_owned(),
            target: var_os("CARGO_TARGET_DIR")
                .map_or_else(|| root.join("target"), |target| root.join(target)),
            cache,
            cargo: var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from),
            cargo_home: var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from),
            wasm_rustc: var_os("WASM_RUSTC").map(PathBuf::from),
            rustup_may_install: var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0"),
            search: var_os("PATH")
                .map_or_else(Vec::new, |path| std::env::split_paths(&path).collect()),
        })
    }

    /// Where `program` is, if it is in the search path.
    #[must_use]
    pub(crate) fn find_program(&self, program: &str) -> Option<PathBuf> {
        self.search.iter().map(|folder| folder.join(program)).find(|path| path.is_file())
    }
}

/// What `cargo run` adds to our environment and must not reach the cargo we start: build
/// scripts that watch these variables would run again each time.
pub(crate) const LEFT_BY_CARGO_RUN: &[&str] = &[
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    "CARGO_PRIMARY_PACKAGE",
    "LD_LIBRARY_PATH",
    "OUT_DIR",
];
