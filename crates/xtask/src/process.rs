//! Running other programs, so that a failure is one sentence about what was being done.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::settings::{LEFT_BY_CARGO_RUN, Settings};

/// `program`, to run in `folder`, with nothing to read and a clean environment.
#[must_use]
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for variable in LEFT_BY_CARGO_RUN {
        command.env_remove(variable);
    }
    command
}

/// The cargo that runs us, in the workspace.
#[must_use]
pub(crate) fn cargo(settings: &Settings) -> Command {
    command(&settings.cargo, &settings.root)
}

/// Runs it and lets it speak.  `what` completes the sentence "cannot …".
///
/// # Errors
///
/// When it cannot start or does not succeed.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(what, command))?;
    if !status.success() {
        bail!("cannot {what}: {} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs it and returns what it said on its standard output.
///
/// # Errors
///
/// When it cannot start or does not succeed; its standard error is then in the message.
pub(crate) fn output(what: &str, command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| cannot_start(what, command))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("cannot {what}: {} said: {}", shown(command), said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs it, lets it speak, and keeps what it said in `log`.
///
/// # Errors
///
/// When it cannot start or does not succeed.
pub(crate) fn run_logged(what: &str, command: &mut Command, log: &Path) -> Result<()> {
    let keep = File::options().create(true).append(true).open(log)?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| cannot_start(what, command))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| copy_lines(out, std::io::stdout(), &keep));
        scope.spawn(|| copy_lines(err, std::io::stderr(), &keep));
    });
    let status = child.wait()?;
    if !status.success() {
        bail!("cannot {what}: {} ended with {status}", shown(command));
    }
    Ok(())
}

/// A terminal that went away is no reason to stop the work.
fn copy_lines(from: Option<impl Read>, mut shown: impl Write, mut kept: &File) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let _ = shown.write_all(&line);
        let _ = kept.write_all(&line);
        line.clear();
    }
}

fn cannot_start(what: &str, command: &Command) -> String {
    format!("cannot {what}: {} cannot be started", shown(command))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let first = command.get_args().next().map(|a| a.to_string_lossy().into_owned());
    format!("`{name} {}`", first.unwrap_or_default()).replace(" `", "`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_was_being_done_and_what_the_program_said() {
        let here = Path::new(".");
        let said = output("look", command("ls", here).arg("/nowhere")).unwrap_err().to_string();
        assert!(said.starts_with("cannot look: `ls /nowhere` said: "), "{said}");

        let said = run("look", &mut command("no-such-program", here)).unwrap_err().to_string();
        assert_eq!(said, "cannot look: `no-such-program` cannot be started");
    }
}
