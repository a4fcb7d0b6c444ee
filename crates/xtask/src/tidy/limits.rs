//! Whether every limit is one: named in `protocol::limits` and kept somewhere.

use super::Fault;
use super::source::File;

const LIMITS: &str = "crates/protocol/src/limits.rs";

/// Limits that nothing keeps yet.  This list may only shrink.
pub(super) const NOT_USED_YET: &[&str] = &[];

/// Every constant of the limits is used by code or named by a test, somewhere else.
pub(super) fn check(files: &[File], not_used_yet: &[&str]) -> Vec<Fault> {
    let Some(limits) = files.iter().find(|file| file.path == LIMITS) else { return Vec::new() };
    let mut faults = Vec::new();
    for (line, code) in limits.product_lines() {
        let Some(rest) = code.trim_start().strip_prefix("pub const ") else { continue };
        let Some(name) = rest.split(':').next() else { continue };
        let is_used = files
            .iter()
            .any(|file| file.is_rust() && file.path != LIMITS && has_word(&file.code, name));
        match (is_used, not_used_yet.contains(&name)) {
            (true, true) => {
                let what =
                    format!("{name} is used now: take it off the list in tidy/limits.rs");
                faults.push(Fault::at(limits, line, what));
            }
            (false, false) => {
                let what =
                    format!("nothing keeps {name}: keep it where it belongs, with a test");
                faults.push(Fault::at(limits, line, what));
            }
            (true, false) | (false, true) => (),
        }
    }
    faults
}

/// Whether `name` occurs in `text` as a whole word.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).is_some_and(|before| before.ends_with(is_part));
        let after = text.get(at + name.len()..).is_some_and(|after| after.starts_with(is_part));
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_nothing_keeps_is_a_fault() {
        let limits = File::new(LIMITS, "pub const ROOMS_MAX: usize = 2;\n".to_owned());
        let user = |text: &str| File::new("crates/room/src/lib.rs", text.to_owned());
        let faults = |text: &str, list: &[&str]| check(&[limits.clone(), user(text)], list);

        assert_eq!(faults("fn f() -> usize { ROOMS_MAX }\n", &[]), []);
        assert_eq!(faults("// ROOMS_MAX\n", &[]).len(), 1);
        assert_eq!(faults("fn f() -> usize { N_ROOMS_MAX }\n", &[]).len(), 1);
        assert_eq!(faults("", &["ROOMS_MAX"]), []);
        assert_eq!(faults("fn f() -> usize { ROOMS_MAX }\n", &["ROOMS_MAX"]).len(), 1);
    }
}
