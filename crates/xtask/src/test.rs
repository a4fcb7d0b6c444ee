//! Running stages one after the other, and telling how it went.

use std::fs;

use anyhow::{Result, bail};

use crate::clock::Stopwatch;
use crate::settings::Settings;
use crate::stages::{ALL, Outcome, Runner, Stage};
use crate::tally::{self, Tally};

/// What came of a stage.
struct Line {
    stage: Stage,
    seconds: f64,
    outcome: Result<Outcome>,
    tally: Tally,
}

/// Runs the stages, or all of them; stops at the first that is broken unless told to go on.
///
/// # Errors
///
/// When a stage is broken.
pub(crate) fn run(settings: &Settings, stages: &[Stage], keep_going: bool) -> Result<()> {
    let whole = stages.is_empty();
    let stages = if whole { ALL } else { stages };
    let logs = settings.root.join("artefacts/logs");
    if logs.exists() {
        fs::remove_dir_all(&logs)?;
    }
    fs::create_dir_all(&logs)?;
    let mut lines: Vec<Line> = Vec::new();
    for stage in stages {
        say(&format!("── {}", name(*stage)));
        let log = logs.join(format!("{}.log", name(*stage)));
        let watch = Stopwatch::start();
        let outcome = Runner::new(settings, log.clone(), whole).run(*stage);
        let tally = tally::of(&fs::read_to_string(&log).unwrap_or_default());
        let line = Line { stage: *stage, seconds: watch.seconds(), outcome, tally };
        say(&shown(&line));
        let is_broken = line.outcome.is_err();
        lines.push(line);
        if is_broken && !keep_going {
            break;
        }
    }
    conclude(stages, &lines)
}

/// Lists every stage and what came of it, and at the very end how many tests there were.
fn conclude(stages: &[Stage], lines: &[Line]) -> Result<()> {
    say("");
    let mut total = Tally::default();
    for stage in stages {
        match lines.iter().find(|line| line.stage == *stage) {
            Some(line) => {
                total += line.tally;
                say(&shown(line));
            }
            None => say(&format!("{:<11} not run", name(*stage))),
        }
    }
    let broken: Vec<String> = lines
        .iter()
        .filter(|line| line.outcome.is_err())
        .map(|line| name(line.stage))
        .collect();
    // A stage can be broken by something that no runner counts, a lint for instance.
    if !broken.is_empty() && total.failed == 0 {
        total.failed = 1;
    }
    say(&format!("{} passed, {} failed", total.passed, total.failed));
    if !broken.is_empty() {
        bail!("broken: {}; what it said is in artefacts/logs", broken.join(", "));
    }
    Ok(())
}

fn shown(line: &Line) -> String {
    let Tally { passed, failed } = line.tally;
    let n_tests = match (passed, failed) {
        (0, 0) => String::new(),
        (passed, 0) => format!("  {passed} passed"),
        (passed, failed) => format!("  {passed} passed, {failed} failed"),
    };
    let outcome = match &line.outcome {
        Ok(Outcome::Ran) => "ok".to_owned(),
        Ok(Outcome::Skipped(why)) => format!("skipped: {why}"),
        Err(error) => format!("BROKEN: {error:#}"),
    };
    format!("{:<11} {:>7.1} s  {outcome}{n_tests}", name(line.stage), line.seconds)
}

fn name(stage: Stage) -> String {
    format!("{stage:?}").to_lowercase()
}

#[expect(clippy::print_stdout, reason = "the report is what this task is for")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(outcome: Result<Outcome>, tally: Tally) -> Line {
        Line { stage: Stage::Unit, seconds: 1.0, outcome, tally }
    }

    #[test]
    fn a_broken_stage_makes_the_run_fail_and_says_which() {
        let good = line(Ok(Outcome::Ran), Tally { passed: 3, failed: 0 });
        assert_eq!(shown(&good), "unit            1.0 s  ok  3 passed");
        assert!(conclude(&[Stage::Unit, Stage::Web], &[good]).is_ok());

        let bad = line(Err(anyhow::anyhow!("cannot lint")), Tally::default());
        assert_eq!(shown(&bad), "unit            1.0 s  BROKEN: cannot lint");
        let error = conclude(&[Stage::Unit, Stage::Web], &[bad]).unwrap_err();
        assert!(error.to_string().starts_with("broken: unit;"), "{error}");
    }
}
