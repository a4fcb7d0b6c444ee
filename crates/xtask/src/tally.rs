//! How many tests passed and failed, read from what the test runners say at their end.

use std::ops::AddAssign;

/// Numbers of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Passed.
    pub(crate) passed: u64,
    /// Failed.
    pub(crate) failed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Reads the closing lines of cargo-nextest, cargo test, vitest and node's test runner.
pub(crate) fn of(log: &str) -> Tally {
    let mut tally = Tally::default();
    // cargo-nextest repeats what a failed test printed, the closing line of its binary included.
    let by_nextest = log.contains("Summary [");
    for line in log.lines() {
        let line = without_colour(line);
        let line = line.trim();
        let node = ["ℹ ", "# "].iter().find_map(|mark| line.strip_prefix(mark));
        if let Some((name, number)) = node.and_then(|rest| rest.split_once(' ')) {
            let number = number.trim().parse().unwrap_or(0);
            match name {
                "pass" => tally.passed += number,
                "fail" => tally.failed += number,
                _ => (),
            }
        } else if line.starts_with("Summary [")
            || (line.starts_with("test result:") && !by_nextest)
            || line.starts_with("Tests ")
        {
            tally.passed += number_before(line, "passed");
            tally.failed += number_before(line, "failed");
        }
    }
    tally
}

/// The number in "… 12 passed …".
fn number_before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> =
        line.split(|c: char| c.is_whitespace() || ",;".contains(c)).collect();
    let found = words.windows(2).find_map(|pair| match pair {
        [number, next] if *next == word => number.parse().ok(),
        _ => None,
    });
    found.unwrap_or(0)
}

fn without_colour(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_all_runners_are_read() {
        for (log, passed, failed) in [
            ("     Summary [   0.123s] 21 tests run: 21 passed, 3 skipped\n", 21, 0),
            (
                "     Summary [   0.1s] 21 tests run: 19 passed (1 slow), 2 failed, 0 skipped\n",
                19,
                2,
            ),
            (
                "test result: ok. 6 passed; 0 failed; 0 ignored\ntest result: FAILED. 1 passed; 2 failed\n",
                7,
                2,
            ),
            (
                "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m | \u{1b}[32m3 passed\u{1b}[39m (4)\n",
                3,
                1,
            ),
            (
                "test result: FAILED. 0 passed; 1 failed\n  Summary [ 0.1s] 3 tests run: 2 passed, 1 failed\n",
                2,
                1,
            ),
            ("ℹ tests 4\nℹ pass 3\nℹ fail 1\n", 3, 1),
            ("# pass 3\n# fail 0\n", 3, 0),
            ("3 passed in a sentence\n", 0, 0),
        ] {
            assert_eq!(of(log), Tally { passed, failed }, "{log}");
        }
    }
}
