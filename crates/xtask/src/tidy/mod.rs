//! Whether the source keeps the laws that a compiler does not know.
//!
//! Each check reads what is given to it and returns [`Fault`]s; a fault says where, what, and
//! what to do instead.  Every check has a test with a bad example that it must refuse.

mod arrows;
mod clean;
mod documents;
mod headers;
mod laws;
mod limits;
mod sizes;
mod source;
mod style_sheets;
mod words;

use std::fmt;
use std::fs;

use anyhow::{Result, bail};

use crate::process::{cargo, command, output};
use crate::settings::Settings;
use crate::{codegen, workspace};

use source::File;

/// Something to put right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    /// A file, with a line if there is one, or a crate.
    place: String,
    /// What is wrong and what to do instead.
    what: String,
}

impl Fault {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }

    fn at(file: &File, line: usize, what: impl Into<String>) -> Self {
        Self::new(format!("{}:{line}", file.path), what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Runs every check; `quick` leaves out those that compile our crates.
///
/// # Errors
///
/// When there is a fault; they are listed.
pub(crate) fn check(settings: &Settings, quick: bool) -> Result<()> {
    let files = read_files(settings)?;
    let packages = workspace::read(settings)?;

    let mut faults = Vec::new();
    faults.extend(arrows::check(&packages));
    faults.extend(arrows::check_server_tree(&server_tree(settings)?));
    faults.extend(headers::check(&files));
    faults.extend(sizes::check(&files, sizes::EXCEPTIONS));
    faults.extend(laws::check(&files));
    faults.extend(limits::check(&files, limits::NOT_USED_YET));
    faults.extend(documents::check(&files));
    faults.extend(words::check(&files));
    faults.extend(clean::check(&files));
    faults.extend(style_sheets::check(&files));
    faults.sort();
    for fault in &faults {
        show(fault);
    }
    if !faults.is_empty() {
        bail!("{} faults in the source: each line above says what to do", faults.len());
    }
    if quick { Ok(()) } else { codegen::generate(settings, true) }
}

/// Everything that is committed or could be: what git does not ignore.
fn read_files(settings: &Settings) -> Result<Vec<File>> {
    let mut git = command("git", &settings.root);
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let listed = output("list the files", &mut git)?;
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        // A file deleted and not yet committed is still listed; a picture is no text.
        let Ok(bytes) = fs::read(settings.root.join(path)) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        files.push(File::new(path, text));
    }
    Ok(files)
}

fn server_tree(settings: &Settings) -> Result<String> {
    let mut tree = cargo(settings);
    tree.args(["tree", "--package", "aman", "--edges", "normal", "--prefix", "none"]);
    tree.args(["--format", "{p}"]);
    output("list what is in the server", &mut tree)
}

#[expect(clippy::print_stderr, reason = "faults are for the person who runs the task")]
fn show(fault: &Fault) {
    eprintln!("tidy: {fault}");
}
