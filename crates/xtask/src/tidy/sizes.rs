//! Whether files and functions are short enough to be read at once.
//!
//! What is longer is listed in [`EXCEPTIONS`] with its length, and the list may only shrink: an
//! entry that is larger than the thing itself is a fault too.

use super::Fault;
use super::source::{File, closing_brace, line_of};

/// Most lines of a file, tests not counted.
const FILE_LINES_MAX: usize = 600;

/// Most lines of a function.
const FUNCTION_LINES_MAX: usize = 70;

/// A file (`path`) or function (`path::name`) and the length it may still have.
pub(super) const EXCEPTIONS: &[(&str, usize)] = &[];

/// Whether everything is short enough, and the exceptions are no larger than needed.
pub(super) fn check(files: &[File], exceptions: &[(&str, usize)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut excused = Vec::new();
    let mut judge = |place: String, lines: usize, max: usize, faults: &mut Vec<Fault>| {
        let exception = exceptions.iter().find(|(name, _)| *name == place);
        if let Some((name, allowed)) = exception {
            excused.push(*name);
            if lines < *allowed {
                let what =
                    format!("now has {lines} lines: take its exception down from {allowed}");
                faults.push(Fault::new(&place, what));
            }
        }
        let allowed = exception.map_or(max, |(_, allowed)| *allowed);
        if lines > allowed {
            let what =
                format!("{lines} lines, at most {allowed}: what are the two things in it?");
            faults.push(Fault::new(place, what));
        }
    };
    for file in files.iter().filter(|file| is_measured(file)) {
        judge(file.path.clone(), file.n_product_lines(), FILE_LINES_MAX, &mut faults);
        if file.is_rust() {
            for (name, lines) in long_functions(file) {
                judge(format!("{}::{name}", file.path), lines, FUNCTION_LINES_MAX, &mut faults);
            }
        }
    }
    for (name, _) in exceptions.iter().filter(|(name, _)| !excused.contains(name)) {
        faults.push(Fault::new(*name, "is short enough or gone: take it off the exceptions"));
    }
    faults
}

fn is_measured(file: &File) -> bool {
    let is_source = [".rs", ".ts", ".svelte"].iter().any(|end| file.path.ends_with(end));
    is_source && !file.path.starts_with("web-client/src/protocol/")
}

/// Functions over the limit, tests not counted, with their lengths.
fn long_functions(file: &File) -> Vec<(String, usize)> {
    let code = &file.code;
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let begins = code
            .get(..at)
            .is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        let Some(rest) = code.get(at + 3..).filter(|_| begins) else { continue };
        let name: String =
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let Some(open) = body(code, at) else { continue };
        let Some(close) = closing_brace(code, open) else { continue };
        let first = line_of(code, at);
        let lines = line_of(code, close) - first + 1;
        if !name.is_empty() && lines > FUNCTION_LINES_MAX && !file.is_test_line(first) {
            found.push((name, lines));
        }
    }
    found
}

/// Where the body of the function at `at` opens; `None` for one without a body.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at),
            b';' if depth == 0 => return None,
            _ => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn long(a: [u8; 2]) {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    #[test]
    fn a_long_file_is_a_fault_and_its_tests_do_not_count() {
        let path = "crates/x/src/lib.rs";
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "//\n".repeat(700));
        let good = [File::new(path, "//\n".repeat(600) + &tests)];
        assert_eq!(check(&good, &[]), []);
        let bad = [File::new(path, "//\n".repeat(601))];
        assert_eq!(check(&bad, &[]).len(), 1);
        assert_eq!(check(&bad, &[(path, 601)]), []);
        assert_eq!(check(&bad, &[(path, 700)]).len(), 1, "an exception only shrinks");
        assert_eq!(check(&good, &[(path, 601)]).len(), 1, "an exception that helps nobody");
        assert_eq!(check(&[], &[(path, 601)]).len(), 1, "an exception for nothing");
    }

    #[test]
    fn a_long_function_is_a_fault() {
        let file = |text: String| [File::new("crates/x/src/lib.rs", text)];
        assert_eq!(check(&file(function(70)), &[]), []);
        assert_eq!(check(&file(function(71)), &[]).len(), 1);
        let in_tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(71));
        assert_eq!(check(&file(in_tests), &[]), []);
    }
}
