//! What the tests need that does not come with Rust and Node, and how to get it.
//!
//! On Debian and its kin the packages are installed (as root, or by sudo without a question);
//! elsewhere the person is told what is missing.

use std::path::Path;

use anyhow::{Result, bail};

use crate::process::{command, output, run};
use crate::settings::Settings;
use crate::wasm_toolchain;

/// A program, the Debian packages that bring it, and what it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    program: &'static str,
    packages: &'static [&'static str],
    purpose: &'static str,
}

/// A C compiler: SQLite and ring bring C sources.
pub(crate) const COMPILER: Need =
    Need { program: "cc", packages: &["build-essential"], purpose: "building SQLite" };

/// The browsers, the maker of pictures and sounds, and fonts for all three languages.
pub(crate) const BROWSERS: &[Need] = &[
    Need {
        program: "chromium",
        packages: &["chromium", "fonts-noto-core", "fonts-noto-cjk"],
        purpose: "tests in Chromium",
    },
    Need { program: "firefox-esr", packages: &["firefox-esr"], purpose: "tests in Firefox" },
    Need { program: "ffmpeg", packages: &["ffmpeg"], purpose: "pictures and sounds of tests" },
];

/// Runs schemathesis, in an environment of its own.
const PYTHON_PACKAGES: &[&str] = &["python3", "python3-venv"];

/// Listens to loopback for the leak test.
pub(crate) const CAPTURE: Need =
    Need { program: "tcpdump", packages: &["tcpdump"], purpose: "the leak test" };

/// The compiler for the browser where rustup may not add a target.
const WASM_PACKAGES: &[&str] =
    &["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// Installs what is missing of `needs`.
///
/// # Errors
///
/// One sentence that names what is missing and how to get it.
pub(crate) fn ensure(settings: &Settings, needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> =
        needs.iter().filter(|need| settings.find_program(need.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> =
        missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    let purposes: Vec<&str> = missing.iter().map(|need| need.purpose).collect();
    install(settings, &packages, &purposes.join(", "))
}

/// Makes sure that there is a compiler for the browser.
///
/// # Errors
///
/// One sentence that names the remedies.
pub(crate) fn ensure_wasm(settings: &Settings) -> Result<()> {
    if wasm_toolchain::find(settings).is_ok() {
        return Ok(());
    }
    install(settings, WASM_PACKAGES, "building for the browser")
}

/// Makes sure that there is a Python that can make environments: Debian's own comes without.
///
/// # Errors
///
/// One sentence that names what is missing and how to get it.
pub(crate) fn ensure_python(settings: &Settings) -> Result<()> {
    let asks_itself = ["-c", "import ensurepip, venv"];
    if output("ask Python", command("python3", &settings.root).args(asks_itself)).is_ok() {
        return Ok(());
    }
    install(settings, PYTHON_PACKAGES, "the test of the HTTP interface")
}

fn install(settings: &Settings, packages: &[&str], purpose: &str) -> Result<()> {
    let list = packages.join(" ");
    let Some(apt) = settings.find_program("apt-get") else {
        bail!("{purpose} needs {list}: install it with your system's package manager");
    };
    say(&format!("installing {list} ({purpose})…"));
    let mut become_root = Vec::new();
    if !is_root() {
        let Some(sudo) = settings.find_program("sudo") else {
            bail!("{purpose} needs {list}: run `apt-get install {list}` as root");
        };
        become_root = vec![sudo.into_os_string(), "--non-interactive".into()];
    }
    let as_root = |arguments: &[&str]| {
        let mut words = become_root.clone();
        words.push(apt.clone().into_os_string());
        let mut words = words.into_iter();
        let mut command = command(words.next().unwrap_or_default(), &settings.root);
        command.args(words).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    // The list of a fresh machine is empty or old; an update that fails may still do.
    let _ = output("update the list of packages", &mut as_root(&["update", "-qq"]));
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(packages);
    run(&format!("install {list}"), &mut as_root(&arguments))
}

fn is_root() -> bool {
    let user = output("ask who we are", command("id", Path::new("/")).arg("-u"));
    user.is_ok_and(|user| user.trim() == "0")
}

#[expect(clippy::print_stderr, reason = "progress of a task is for the person who waits")]
fn say(text: &str) {
    eprintln!("install: {text}");
}
