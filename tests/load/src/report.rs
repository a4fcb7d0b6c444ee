//! What was measured, for people and for machines.

use std::fmt;

use serde::Serialize;

/// One scenario's figures.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) scenario: &'static str,
    pub(crate) figures: Vec<Figure>,
}

/// One figure.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The most it may be, where there is a goal.
    pub(crate) goal: Option<f64>,
}

impl Figure {
    pub(crate) fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name, value, unit, goal: None }
    }

    pub(crate) fn at_most(self, goal: f64) -> Self {
        Self { goal: Some(goal), ..self }
    }
}

impl Report {
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// One `figure:` line for each.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Figure { name, value, unit, goal } in &self.figures {
            write!(f, "figure: {name} = {value:.2} {unit}")?;
            if let Some(goal) = goal {
                write!(f, " (goal <= {goal})")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The middle of some durations, in milliseconds; of none it is not a number.
pub(crate) fn median_ms(durations: &[std::time::Duration]) -> f64 {
    let mut sorted = durations.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).map_or(f64::NAN, |middle| middle.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_are_one_line_each() {
        let figures =
            vec![Figure::new("a", 1.0, "ms"), Figure::new("b", 2.5, "MiB").at_most(40.0)];
        let report = Report { scenario: "test", figures };
        assert_eq!(
            report.to_string(),
            "figure: a = 1.00 ms\nfigure: b = 2.50 MiB (goal <= 40)\n"
        );
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |ms: &[u64]| {
            median_ms(&ms.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>())
        };
        assert!((of(&[9, 1, 5]) - 5.0).abs() < 1e-9);
        assert!(of(&[]).is_nan());
    }
}
