//! Whether our promises about speed and size are kept on this machine.
//!
//! Every figure is measured when it is asked for.  A figure with a goal that is missed makes
//! the task fail, after all have been measured.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::clock::Stopwatch;
use crate::install::{self, BROWSERS};
use crate::process::{cargo, command, output, run};
use crate::settings::Settings;
use crate::{wasm, web};

/// What to measure, and how to say it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Figures {
    /// Which; all of them if none is named
    kinds: Vec<Kind>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The WebAssembly module
    Wasm,
    /// How fast nothing is built
    Up,
    /// Memory and processor time of the server, with participants without a screen
    Server,
    /// What a person waits for, in Chromium
    Browser,
}

const ALL: [Kind; 4] = [Kind::Wasm, Kind::Up, Kind::Server, Kind::Browser];

/// What a browser measures: name, unit, and the most it may be.
const BY_BROWSER: &[(&str, &str, f64)] = &[
    ("join_page_brotli_kb", "kB", 80.0),
    ("admit_to_first_frame_ms", "ms", 1500.0),
    ("chat_round_trip_ms", "ms", 100.0),
    ("foreign_requests", "requests", 0.0),
    ("quick_exit_seen_next_frame", "parts", 0.0),
    ("quick_exit_devices_on", "devices", 0.0),
    ("join_first_paint_ms", "ms", 1500.0),
    ("join_interactive_ms", "ms", 3500.0),
    ("join_interactions_to_preview", "interactions", 4.0),
    ("outage_15_s_back_ms", "ms", 3000.0),
    ("attendee_reload_back_ms", "ms", 3000.0),
    ("counsellor_reload_back_ms", "ms", 3000.0),
    ("server_restart_back_ms", "ms", 6000.0),
];

/// One measured value.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    name: String,
    value: f64,
    unit: String,
    goal: Option<f64>,
}

impl Figure {
    fn new(name: &str, value: f64, unit: &str, goal: f64) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned(), goal: Some(goal) }
    }

    /// A value that is no number keeps no promise.
    fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| self.value.is_nan() || self.value > goal)
    }

    fn line(&self) -> String {
        let goal = self.goal.map_or(String::new(), |goal| format!(" (goal <= {goal})"));
        format!("figure: {} = {:.2} {}{goal}", self.name, self.value, self.unit)
    }

    fn json(&self) -> Value {
        json!({ "figure": self.name, "value": self.value, "unit": self.unit, "goal": self.goal,
                "missed": self.is_missed() })
    }
}

/// Measures and tells.
///
/// # Errors
///
/// When a goal is missed, or something cannot be measured.
pub(crate) fn measure(settings: &Settings, figures: &Figures) -> Result<()> {
    let kinds = if figures.kinds.is_empty() { &ALL[..] } else { &figures.kinds };
    let mut missed = Vec::new();
    for kind in kinds {
        let measured = match kind {
            Kind::Wasm => by_wasm(settings)?,
            Kind::Up => by_up(settings)?,
            Kind::Server => by_server(settings)?,
            Kind::Browser => by_browser(settings)?,
        };
        for figure in measured {
            say(&if figures.json { figure.json().to_string() } else { figure.line() });
            if figure.is_missed() {
                missed.push(figure.name);
            }
        }
    }
    if !missed.is_empty() {
        bail!("missed: {}", missed.join(", "));
    }
    Ok(())
}

/// Measures what the server costs against the floor of this machine, in a fast build.
///
/// # Errors
///
/// When it cannot be measured.
pub(crate) fn bench(settings: &Settings, arguments: &[String]) -> Result<()> {
    let programs = ["build", "--release", "--quiet", "--package", "aman", "--package", "load"];
    run("build for the bench", cargo(settings).args(programs))?;
    let mut load = command(settings.target.join("release/load"), &settings.root);
    let usual = ["one-to-one".to_owned()];
    load.args(if arguments.is_empty() { &usual } else { arguments });
    run("measure the server", &mut load)
}

#[expect(clippy::cast_precision_loss, reason = "a size in bytes is far below 2^52")]
fn by_wasm(settings: &Settings) -> Result<Vec<Figure>> {
    install::ensure_wasm(settings)?;
    let size = wasm::build(settings)?;
    Ok(vec![Figure::new("wasm_brotli_kb", size.brotli as f64 / 1000.0, "kB", 400.0)])
}

/// From the command to a server that is ready, when everything was built before.
fn by_up(settings: &Settings) -> Result<Vec<Figure>> {
    let build = ["run", "--quiet", "--package", "xtask", "--", "up"];
    let up = |more: &[&str]| {
        let mut up = cargo(settings);
        up.args(build).args(more);
        up
    };
    run("build once", &mut up(&["--build-only"]))?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port().to_string();
    let data = settings.target.join("figures-data");
    let data_flag = data.to_string_lossy();
    let watch = Stopwatch::start();
    let mut child = up(&["--port", &port, "--data", &data_flag])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let out = BufReader::new(child.stdout.take().context("no output")?);
    let is_ready = out.lines().map_while(Result::ok).any(|line| line.starts_with("ready "));
    let seconds = watch.seconds();
    child.kill()?;
    child.wait()?;
    let _ = fs::remove_dir_all(data);
    if !is_ready {
        bail!("the server did not get ready");
    }
    Ok(vec![Figure::new("up_second_run_s", seconds, "s", 5.0)])
}

fn by_server(settings: &Settings) -> Result<Vec<Figure>> {
    let programs = ["build", "--quiet", "--package", "aman", "--package", "load"];
    run("build the load", cargo(settings).args(programs))?;
    let report = settings.target.join("figures.json");
    let mut load = command(settings.target.join("debug/load"), &settings.root);
    load.args(["one-to-one", "--rooms", "5", "--seconds", "5", "--json"]).arg(&report);
    output("measure the server", &mut load)?;
    parse_report(&fs::read_to_string(report)?)
}

/// The JSON that `load` writes.
fn parse_report(text: &str) -> Result<Vec<Figure>> {
    let report: Value = serde_json::from_str(text)?;
    let figures = report.get("figures").and_then(Value::as_array);
    let figure = |value: &Value| {
        Some(Figure {
            name: value.get("name")?.as_str()?.to_owned(),
            value: value.get("value")?.as_f64().unwrap_or(f64::NAN),
            unit: value.get("unit")?.as_str()?.to_owned(),
            goal: value.get("goal").and_then(Value::as_f64),
        })
    };
    Ok(figures.context("no figures in the report")?.iter().filter_map(figure).collect())
}

fn by_browser(settings: &Settings) -> Result<Vec<Figure>> {
    install::ensure(settings, BROWSERS)?;
    install::ensure_wasm(settings)?;
    web::build(settings)?;
    let server = ["build", "--quiet", "--package", "aman"];
    run("build the server", cargo(settings).args(server))?;
    let folder = settings.root.join("tests/browser");
    web::modules(settings, &folder)?;
    let mut script = web::script(settings, &folder, "figures")?;
    script.env("AMAN_BIN_DIR", settings.target.join("debug"));
    parse_lines(&output("measure in a browser", &mut script)?)
}

/// Lines of `{"name": …, "value": …}`; a figure that is not among them is an error.
fn parse_lines(text: &str) -> Result<Vec<Figure>> {
    let lines: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let named = |name: &str| {
        let line = lines.iter().find(|line| line.get("name").is_some_and(|n| n == name));
        line.and_then(|line| line.get("value")).and_then(Value::as_f64)
    };
    BY_BROWSER
        .iter()
        .map(|(name, unit, goal)| {
            let value = named(name).with_context(|| format!("{name} was not measured"))?;
            Ok(Figure::new(name, value, unit, *goal))
        })
        .collect()
}

#[expect(clippy::print_stdout, reason = "the figures are what this task is for")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_one_line_and_knows_whether_it_is_missed() {
        let figure = Figure::new("up_second_run_s", 1.234, "s", 5.0);
        assert_eq!(figure.line(), "figure: up_second_run_s = 1.23 s (goal <= 5)");
        assert!(!figure.is_missed());
        for value in [5.1, f64::NAN] {
            assert!(Figure::new("x", value, "s", 5.0).is_missed(), "{value}");
        }
        assert!(!Figure { goal: None, ..figure }.is_missed());
        assert!(Figure::new("foreign_requests", 1.0, "requests", 0.0).is_missed());
    }

    #[test]
    fn a_figure_the_browser_did_not_measure_is_an_error() {
        let line = |name: &str| format!("{{\"name\": \"{name}\", \"value\": 1.5}}\n");
        let all: String = BY_BROWSER.iter().map(|(name, ..)| line(name)).collect();
        assert_eq!(parse_lines(&all).unwrap().len(), BY_BROWSER.len());
        assert!(parse_lines(&line("chat_round_trip_ms")).is_err());
    }

    #[test]
    fn the_report_of_the_load_is_read() {
        let text = r#"{"figures": [{"name": "a", "value": 2, "unit": "MiB", "goal": 1},
                                   {"name": "b", "value": null, "unit": "us", "goal": null}]}"#;
        let figures = parse_report(text).unwrap();
        assert!(figures[0].is_missed());
        assert!(figures[1].value.is_nan() && !figures[1].is_missed());
        assert!(parse_report("{}").is_err());
    }
}
