//! What is checked and tested, and in which order: fast first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::install::{BROWSERS, CAPTURE, COMPILER};
use crate::process::{cargo, run_logged};
use crate::settings::Settings;
use crate::wasm_toolchain::{self, TARGET};
use crate::{api, codegen, install, licences, stamp, tidy, web};

/// Crates of tests that run as stages of their own.
const TEST_CRATES: &[&str] = &["simulation", "e2e"];

/// Every crate but the one that takes longest to build; it is tested where it is used.
///
/// In a whole run cargo is always asked for the same crates: another choice would have it build
/// most of what we stand on again, with other features.
const EVERYTHING: &[&str] = &["--workspace", "--exclude", "xtask-wasm"];

/// Two participants in the WebAssembly module, as Node's test runner runs them.
const SMOKE: &str = "crates/participant-wasm/tests/smoke.mjs";

/// A step on the way to green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// How the Rust source is set
    Fmt,
    /// The laws that a compiler does not know
    Tidy,
    /// What clippy says, also for the browser where that can be built
    Clippy,
    /// The rules of each crate
    Unit,
    /// What we did not write ourselves, and what both languages must read alike
    Vectors,
    /// Many participants on a bad network, replayable
    Simulation,
    /// The real server and participants without a screen
    E2e,
    /// A malicious server does not get in
    Ghost,
    /// Hostile traffic
    Attack,
    /// Nothing the server keeps, logs or sends holds what people said
    Leak,
    /// The HTTP interface does what its description says, whatever it is asked
    Api,
    /// Licences and advisories of what we stand on
    Deny,
    /// The web client: types, lint, unit tests, build, size
    Web,
    /// What a person sees, in Chromium and Firefox
    Browser,
}

/// How a stage went, when nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran.
    Ran,
    /// There was nothing to run, and why.
    Skipped(&'static str),
}

/// Every stage of a complete run.  `Vectors`, `Ghost`, `Attack` and `Leak` are parts of others
/// and run by themselves only when asked for.
pub(crate) const ALL: &[Stage] = &[
    Stage::Fmt,
    Stage::Tidy,
    Stage::Deny,
    Stage::Clippy,
    // Before the server is built, which has the pages in it.
    Stage::Web,
    Stage::Unit,
    Stage::Simulation,
    Stage::E2e,
    Stage::Api,
    Stage::Browser,
];

/// Runs stages: everything they say is shown and kept.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    settings: &'a Settings,
    log: PathBuf,
    /// Whether every stage runs, one after the other.
    whole: bool,
}

impl<'a> Runner<'a> {
    /// Keeps what the stage says in `log`; `whole` when every stage runs.
    pub(crate) fn new(settings: &'a Settings, log: PathBuf, whole: bool) -> Self {
        Self { settings, log, whole }
    }

    /// Runs one.
    ///
    /// # Errors
    ///
    /// When something is wrong.
    pub(crate) fn run(&self, stage: Stage) -> Result<Outcome> {
        let settings = self.settings;
        match stage {
            Stage::Fmt => self.cargo("format", &["fmt", "--all", "--check"])?,
            Stage::Tidy => tidy::check(settings, true)?,
            Stage::Clippy => self.clippy()?,
            Stage::Unit => self.unit()?,
            Stage::Vectors => self.vectors()?,
            Stage::Simulation => return self.test_crate("simulation", &[]),
            Stage::E2e => return self.test_crate("e2e", &[]),
            Stage::Ghost => return self.test_crate("e2e", &["ghost"]),
            Stage::Attack => return self.test_crate("e2e", &["attack"]),
            Stage::Leak => return self.test_crate("e2e", &["leak"]),
            Stage::Api => self.api()?,
            Stage::Deny => self.deny()?,
            Stage::Web => self.web()?,
            Stage::Browser => return self.browser(),
        }
        Ok(Outcome::Ran)
    }

    fn clippy(&self) -> Result<()> {
        let strict = ["--", "-D", "warnings"];
        let mut arguments = vec!["clippy", "--quiet", "--workspace", "--all-targets"];
        arguments.extend(strict);
        self.cargo("lint", &arguments)?;
        if wasm_toolchain::has_library(self.settings)? {
            let mut arguments =
                vec!["clippy", "--quiet", "--package", "participant-wasm", "--target", TARGET];
            arguments.extend(strict);
            self.cargo("lint for the browser", &arguments)?;
        }
        Ok(())
    }

    fn unit(&self) -> Result<()> {
        let names: Vec<String> =
            TEST_CRATES.iter().map(|krate| format!("not package(={krate})")).collect();
        let expression = names.join(" and ");
        let filter = if self.has_nextest() {
            vec!["-E", &*expression]
        } else {
            // `cargo test` runs what it has built, the tests of `TEST_CRATES` too.
            install::ensure(self.settings, &[CAPTURE])?;
            vec![]
        };
        let selection = [EVERYTHING, &filter].concat();
        self.tests(&selection, &[])?;
        if self.whole {
            // Types and golden messages were compared by a test just now.
            return codegen::check_copies(self.settings);
        }
        codegen::generate(self.settings, true)
    }

    fn has_nextest(&self) -> bool {
        self.settings.find_program("cargo-nextest").is_some()
    }

    fn vectors(&self) -> Result<()> {
        let selection = ["--package", "protocol", "--package", "codegen", "--package", "e2ee"];
        self.tests(&selection, &["golden", "example", "rfc", "vector"])?;
        let folder = self.settings.root.join("web-client");
        web::modules(self.settings, &folder)?;
        let mut vitest = web::script(self.settings, &folder, "test")?;
        self.command("test the golden messages", vitest.args(["--", "src/protocol"]))
    }

    /// The tests of a crate below `tests/`, or those whose name holds one of `filters`.
    fn test_crate(&self, krate: &str, filters: &[&str]) -> Result<Outcome> {
        if !has_tests(&self.settings.root.join("tests").join(krate), filters)? {
            return Ok(Outcome::Skipped("no such tests yet"));
        }
        install::ensure(self.settings, &[CAPTURE])?;
        if !self.whole {
            self.build_programs()?;
            self.tests(&["--package", krate], filters)?;
        } else if self.has_nextest() {
            let expression = format!("package(={krate})");
            self.tests(&[EVERYTHING, &["-E", &*expression]].concat(), filters)?;
        } else {
            // `cargo test` cannot choose among what it has built.
            return Ok(Outcome::Skipped("ran with unit"));
        }
        Ok(Outcome::Ran)
    }

    /// The programs that tests start.
    fn build_programs(&self) -> Result<()> {
        let arguments = if self.whole {
            // As the tests were built: together with them.
            [&["test", "--quiet", "--no-run"], EVERYTHING].concat()
        } else {
            vec!["build", "--quiet", "--package", "aman", "--package", "headless", "--bins"]
        };
        self.cargo("build the programs", &arguments)
    }

    /// By cargo-nextest where it is installed, else by cargo test.
    fn tests(&self, selection: &[&str], filters: &[&str]) -> Result<()> {
        install::ensure(self.settings, &[COMPILER])?;
        let mut arguments = if self.has_nextest() {
            vec!["nextest", "run", "--no-fail-fast", "--cargo-quiet"]
        } else {
            vec!["test", "--quiet", "--no-fail-fast"]
        };
        arguments.extend(selection);
        arguments.push("--");
        arguments.extend(filters);
        self.cargo("pass the tests", &arguments)
    }

    fn api(&self) -> Result<()> {
        self.build_programs()?;
        self.command("find the HTTP interface as described", &mut api::fuzz(self.settings)?)
    }

    fn deny(&self) -> Result<()> {
        if self.settings.find_program("cargo-deny").is_some() {
            return self.cargo("pass cargo-deny", &["deny", "check"]);
        }
        say("cargo-deny is not installed: licences are checked, advisories are not");
        licences::check(self.settings)
    }

    fn web(&self) -> Result<()> {
        install::ensure_wasm(self.settings)?;
        let folder = self.settings.root.join("web-client");
        web::build(self.settings)?;
        let binder = ["test", "--quiet", "--package", "xtask-wasm"];
        self.cargo("pass the tests of xtask-wasm", &binder)?;
        let mut smoke = web::node_test(self.settings, SMOKE)?;
        self.command("hold a call in the WebAssembly module", &mut smoke)?;
        for script in ["check", "lint", "test", "size"] {
            let mut run = web::script(self.settings, &folder, script)?;
            self.command(&format!("pass `npm run {script}` of the web client"), &mut run)?;
        }
        Ok(())
    }

    fn browser(&self) -> Result<Outcome> {
        let folder = self.settings.root.join("tests/browser");
        if !folder.join("package.json").is_file() {
            return Ok(Outcome::Skipped("no such tests yet"));
        }
        install::ensure(self.settings, BROWSERS)?;
        install::ensure_wasm(self.settings)?;
        web::build(self.settings)?;
        self.build_programs()?;
        web::modules(self.settings, &folder)?;
        let mut run = web::script(self.settings, &folder, "test")?;
        run.env("AMAN_BIN_DIR", self.settings.target.join("debug"));
        run.env("AMAN_ARTEFACTS", self.settings.root.join("artefacts/browser"));
        self.command("pass the tests in browsers", &mut run)?;
        Ok(Outcome::Ran)
    }

    fn cargo(&self, what: &str, arguments: &[&str]) -> Result<()> {
        self.command(what, cargo(self.settings).args(arguments))
    }

    fn command(&self, what: &str, command: &mut Command) -> Result<()> {
        run_logged(what, command, &self.log)
    }
}

/// Whether there is a test below `folder`, in a file or of a name that holds one of `filters`.
fn has_tests(folder: &Path, filters: &[&str]) -> Result<bool> {
    let mut files = Vec::new();
    stamp::collect(folder, &mut files)?;
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
        let text = fs::read_to_string(file)?;
        let path = file.to_string_lossy();
        let named =
            |filter: &&str| path.contains(*filter) || text.contains(&format!("fn {filter}"));
        let has_any = ["#[test]", "::test]", "::test("].iter().any(|mark| text.contains(mark));
        if has_any && (filters.is_empty() || filters.iter().any(named)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[expect(clippy::print_stderr, reason = "progress of a task is for the person who waits")]
fn say(text: &str) {
    eprintln!("test: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_test_across_crates_is_found() {
        let e2e = Path::new(std::env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e");
        for kind in ["ghost", "attack", "leak"] {
            assert!(has_tests(&e2e, &[kind]).unwrap(), "{kind}");
        }
        assert!(!has_tests(&e2e, &["no such kind"]).unwrap());
    }
}
