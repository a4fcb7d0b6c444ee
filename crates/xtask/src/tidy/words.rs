//! Whether names use the words of the glossary, and none of those it says not to use.

use super::Fault;
use super::source::File;

/// Words no item or file may have in its name, and what we say instead.
const NOT: &[(&str, &str)] = &[
    ("breakout", "aside"),
    ("conference", "room"),
    ("encryptor", "seal"),
    ("handlers", "a noun for what it decides"),
    ("helper", "a noun for what it does"),
    ("helpers", "a noun for what it does"),
    ("jwt", "ticket"),
    ("lobby", "waiting room"),
    ("manager", "a noun for what it decides"),
    ("misc", "a noun for what it answers"),
    ("munge", "rewrite"),
    ("passphrase", "room secret"),
    ("reinit", "re-found"),
    ("utils", "a noun for what it answers"),
    ("util", "a noun for what it answers"),
];

const KEYWORDS: &[&str] = &["struct", "enum", "trait", "type", "mod", "fn", "const", "static"];

/// Looks at the names of items and of files.
pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| is_ours(&file.path)) {
        let stem = file.path.rsplit('/').next().and_then(|name| name.split('.').next());
        if let Some((word, instead)) = stem.and_then(bad_word) {
            faults.push(Fault::at(file, 1, format!("{word} is not a word of ours: {instead}")));
        }
        for (line, code) in file.product_lines().filter(|_| file.is_rust()) {
            for name in declared(code) {
                if let Some((word, instead)) = bad_word(name) {
                    let what = format!("{name}: {word} is not a word of ours: {instead}");
                    faults.push(Fault::at(file, line, what));
                }
            }
        }
    }
    faults
}

fn is_ours(path: &str) -> bool {
    [".rs", ".ts", ".svelte"].iter().any(|end| path.ends_with(end))
}

/// The names a line declares.
fn declared(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<&str> =
        line.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
    let names: Vec<&str> = words
        .windows(2)
        .filter_map(|pair| match pair {
            [keyword, name] if KEYWORDS.contains(keyword) => Some(*name),
            _ => None,
        })
        .collect();
    names.into_iter()
}

fn bad_word(name: &str) -> Option<&'static (&'static str, &'static str)> {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() || !c.is_alphanumeric() {
            spaced.push(' ');
        }
        spaced.push(c.to_ascii_lowercase());
    }
    let words: Vec<&str> =
        spaced.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    NOT.iter().find(|(word, _)| words.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_the_glossary_does_not_want_is_a_fault() {
        let faults = |path: &str, text: &str| check(&[File::new(path, text.to_owned())]).len();
        assert_eq!(faults("crates/x/src/admission.rs", "struct WaitingRoom;\n"), 0);
        assert_eq!(faults("crates/x/src/lobby.rs", ""), 1);
        assert_eq!(faults("crates/x/src/lib.rs", "pub struct RoomManager;\n"), 1);
        assert_eq!(faults("crates/x/src/lib.rs", "fn open_lobby() {}\n"), 1);
        assert_eq!(faults("crates/x/src/lib.rs", "// fn open_lobby() {}\n"), 0);
        assert_eq!(faults("web-client/src/utils.ts", ""), 1);
    }
}
