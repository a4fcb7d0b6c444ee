//! Which files follow from the words in Rust, and whether they are fresh.
//!
//! `codegen` writes them, `codegen --check` compares and names those that are stale:
//!
//! - `web-client/src/protocol/wire.ts` and `participant.ts`: the types, for TypeScript;
//! - `tests/vectors/wire.json`: one golden message of each kind, read by tests of both languages;
//! - `web-client/src/protocol/golden.ts`: the same, so that the TypeScript compiler holds the
//!   types against real messages.

mod golden;
mod types;

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// A file and what should be in it.
struct Generated {
    path: &'static str,
    text: String,
}

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .context("the crate is not where it was built")?;
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => bail!("unknown argument {other}: only --check is known"),
    };
    let mut stale = Vec::new();
    for Generated { path, text } in generate()? {
        let file = root.join(path);
        let found = fs::read_to_string(&file).unwrap_or_default();
        if found == text {
            continue;
        }
        if check {
            stale.push(format!("{path}: {}", first_difference(&found, &text)));
            continue;
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
        writeln!(std::io::stdout(), "codegen: wrote {path}")?;
    }
    if !stale.is_empty() {
        bail!("stale, run `cargo xtask codegen` and commit:\n{}", stale.join("\n"));
    }
    Ok(())
}

fn generate() -> Result<Vec<Generated>> {
    let [wire, participant] = types::modules();
    let golden = golden::json()?;
    Ok(vec![
        Generated { path: "web-client/src/protocol/wire.ts", text: wire },
        Generated { path: "web-client/src/protocol/participant.ts", text: participant },
        Generated { path: "web-client/src/protocol/golden.ts", text: types::golden(&golden) },
        Generated { path: "tests/vectors/wire.json", text: golden },
    ])
}

/// Where two texts part, for somebody who wonders which change it was.
fn first_difference(found: &str, wanted: &str) -> String {
    if found.is_empty() {
        return "missing".to_owned();
    }
    let (mut a, mut b) = (found.lines(), wanted.lines());
    for line in 1.. {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) if a == b => (),
            (None, None) => break,
            (a, b) => {
                let shown = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
                return format!(
                    "line {line} is\n  {}\nand should be\n  {}",
                    shown(a),
                    shown(b)
                );
            }
        }
    }
    "differs in line endings".to_owned()
}

#[cfg(test)]
mod tests {
    use protocol::client::ClientEnvelope;
    use protocol::server::ServerMessage;

    use super::*;

    #[test]
    fn a_stale_file_is_shown_where_it_differs() {
        assert_eq!(first_difference("", "a\n"), "missing");
        let said = first_difference("a\nb\n", "a\nc\n");
        assert_eq!(said, "line 2 is\n  b\nand should be\n  c");
        assert!(first_difference("a\n", "a\nb\n").contains("(the end)"));
    }

    #[test]
    fn the_committed_golden_messages_are_read_and_written_back() {
        let text = include_str!("../../../tests/vectors/wire.json");
        let golden: serde_json::Value = serde_json::from_str(text).unwrap();
        for message in golden["client"].as_array().unwrap() {
            let read = ClientEnvelope::decode(&message.to_string()).unwrap();
            let again: serde_json::Value = serde_json::from_str(&read.encode()).unwrap();
            assert_eq!(&again, message);
        }
        for message in golden["server"].as_array().unwrap() {
            let read = ServerMessage::decode(&message.to_string()).unwrap();
            let again: serde_json::Value = serde_json::from_str(&read.encode()).unwrap();
            assert_eq!(&again, message);
        }
    }

    #[test]
    fn the_committed_files_are_fresh() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        for Generated { path, text } in generate().unwrap() {
            let found = fs::read_to_string(root.join(path)).unwrap();
            assert!(found == text, "{path}: {}", first_difference(&found, &text));
        }
    }
}
