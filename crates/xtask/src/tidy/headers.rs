//! Whether every Rust file says at its beginning which question it answers.

use super::Fault;
use super::source::File;

/// The first line is a module comment with something in it.
pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let says_nothing = |file: &&File| {
        let first = file.text.lines().next().unwrap_or_default();
        first.strip_prefix("//!").is_none_or(|words| words.trim().is_empty())
    };
    files
        .iter()
        .filter(|file| file.is_rust())
        .filter(says_nothing)
        .map(|file| Fault::at(file, 1, "begin with `//!` and the question this file answers"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_header_is_a_fault() {
        let file = |text: &str| [File::new("crates/x/src/lib.rs", text.to_owned())];
        assert_eq!(check(&file("//! Who waits?\n")), []);
        for bad in ["", "//!\n", "use x;\n", "// Who waits?\n", "\n//! Who waits?\n"] {
            assert_eq!(check(&file(bad)).len(), 1, "{bad:?}");
        }
        assert_eq!(check(&[File::new("README.md", String::new())]), []);
    }
}
