//! Whether the documents say everything: each refusal, each message, and no dead link.

use super::Fault;
use super::source::{File, closing_brace};

const PAGE: &str = "docs/protocol.md";

/// The enums whose variants the protocol page must name, by the tag they have on the wire.
const ENUMS: &[(&str, &str)] = &[
    ("crates/protocol/src/reject.rs", "Reject"),
    ("crates/protocol/src/reject.rs", "FarewellReason"),
    ("crates/protocol/src/client.rs", "ClientMessage"),
    ("crates/protocol/src/client.rs", "Right"),
    ("crates/protocol/src/server.rs", "ServerMessage"),
];

/// Checks the protocol page and the links of all pages.
pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let mut faults = dead_links(files);
    let Some(page) = files.iter().find(|file| file.path == PAGE) else { return faults };
    for (path, name) in ENUMS {
        let Some(file) = files.iter().find(|file| file.path == *path) else { continue };
        for variant in variants(&file.code, name) {
            let tag = snake_case(&variant);
            let named = ["`", "\""].iter().any(|q| page.text.contains(&format!("{q}{tag}{q}")));
            if !named {
                let what = format!("does not describe `{tag}` ({name}::{variant})");
                faults.push(Fault::new(PAGE, what));
            }
        }
    }
    faults
}

/// The names of the variants of an enum.
fn variants(code: &str, name: &str) -> Vec<String> {
    let Some(at) = code.find(&format!("enum {name} {{")) else { return Vec::new() };
    let Some(open) = code.get(at..).and_then(|rest| rest.find('{')).map(|open| at + open)
    else {
        return Vec::new();
    };
    let close = closing_brace(code, open).unwrap_or(code.len());
    let mut depth = 0_i32;
    let mut variants = Vec::new();
    for line in code.get(open + 1..close).unwrap_or_default().lines() {
        let word: String =
            line.trim_start().chars().take_while(|c| c.is_alphanumeric()).collect();
        if depth == 0 && word.starts_with(|c: char| c.is_ascii_uppercase()) {
            variants.push(word);
        }
        depth += line
            .chars()
            .map(|c| i32::from("({[".contains(c)) - i32::from(")}]".contains(c)))
            .sum::<i32>();
    }
    variants
}

fn snake_case(name: &str) -> String {
    let mut tag = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !tag.is_empty() {
            tag.push('_');
        }
        tag.push(c.to_ascii_lowercase());
    }
    tag
}

fn dead_links(files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (text, line) in file.text.lines().zip(1..) {
            for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split('#').next().unwrap_or_default();
                let outside = target.is_empty()
                    || target.contains("://")
                    || target.starts_with("mailto:");
                if !outside && !exists(files, &resolve(&file.path, target)) {
                    faults.push(Fault::at(
                        file,
                        line,
                        format!("the link to {target} leads nowhere"),
                    ));
                }
            }
        }
    }
    faults
}

fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => (),
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// A file, or a folder with something in it.  Pictures are no text and are not looked for.
fn exists(files: &[File], path: &str) -> bool {
    let folder = format!("{path}/");
    let is_picture = [".png", ".svg", ".jpg"].iter().any(|end| path.ends_with(end));
    is_picture || files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(page: &str) -> usize {
        let words =
            "pub enum Reject {\n    TooLarge,\n    StaleEpoch {\n        Got: u8,\n    },\n}\n";
        check(&[
            File::new("crates/protocol/src/reject.rs", words.to_owned()),
            File::new(PAGE, page.to_owned()),
        ])
        .len()
    }

    #[test]
    fn a_refusal_that_is_not_described_is_a_fault() {
        assert_eq!(faults("`too_large`, `stale_epoch`"), 0);
        assert_eq!(faults("\"too_large\""), 1);
        assert_eq!(faults("too_large, stale_epoch"), 2);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_a_fault() {
        let page = |text: &str| {
            check(&[
                File::new("docs/a.md", text.to_owned()),
                File::new("docs/adr/1.md", String::new()),
            ])
            .len()
        };
        assert_eq!(page("[x](adr/1.md) [y](adr#z) [z](https://example.org) [w](#here)"), 0);
        assert_eq!(page("[x](../docs/adr/1.md)"), 0);
        assert_eq!(page("[x](adr/2.md)"), 1);
    }
}
