//! What must not be found, in every form somebody might write it.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Things to look for, in all their forms.
pub(crate) struct Needles {
    names: Vec<String>,
    automaton: AhoCorasick,
}

/// Which thing was found, and in which form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) name: String,
    pub(crate) place: String,
}

impl Needles {
    /// Looks for these, each with a name that may be printed.
    pub(crate) fn new(needles: &[(&str, Vec<u8>)]) -> Self {
        let mut names = Vec::new();
        let mut patterns = Vec::new();
        for (name, bytes) in needles {
            for (form, pattern) in forms(bytes) {
                names.push(format!("{name} ({form})"));
                patterns.push(pattern);
            }
        }
        Self { names, automaton: AhoCorasick::new(patterns).unwrap() }
    }

    /// Everything found in `haystack`, each thing once.
    pub(crate) fn find(&self, place: &str, haystack: &[u8]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = self
            .automaton
            .find_overlapping_iter(haystack)
            .map(|found| Hit {
                name: self.names[found.pattern().as_usize()].clone(),
                place: place.to_owned(),
            })
            .collect();
        hits.sort();
        hits.dedup();
        hits
    }
}

/// Raw, hex, base64 and base64url at each of the three alignments, UTF-16.
fn forms(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    assert!(bytes.len() >= 16, "a needle this short would be found by chance");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        ("raw".to_owned(), bytes.to_vec()),
        ("hex".to_owned(), hex.clone().into_bytes()),
        ("HEX".to_owned(), hex.to_ascii_uppercase().into_bytes()),
    ];
    for ahead in 0..3 {
        let shifted = [&vec![0; ahead][..], bytes].concat();
        // The characters that depend on nothing before or behind.
        let from = (ahead * 8).div_ceil(6);
        let to = shifted.len() * 8 / 6;
        for (name, text) in [
            ("base64", STANDARD_NO_PAD.encode(&shifted)),
            ("base64url", URL_SAFE_NO_PAD.encode(&shifted)),
        ] {
            forms.push((format!("{name}+{ahead}"), text.as_bytes()[from..to].to_vec()));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        forms.push(("utf-16".to_owned(), utf16));
    }
    forms
}

#[test]
fn every_form_is_found_wherever_it_stands() {
    let secret = b"a secret of twenty-eight bytes".to_vec();
    let needles = Needles::new(&[("secret", secret.clone())]);
    for around in 0..5 {
        let plain = [vec![7; around], secret.clone(), vec![8; around]].concat();
        for text in [
            plain.clone(),
            STANDARD_NO_PAD.encode(&plain).into_bytes(),
            URL_SAFE_NO_PAD.encode(&plain).into_bytes(),
            plain.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
        ] {
            assert!(!needles.find("here", &text).is_empty(), "{around}");
        }
    }
    assert!(needles.find("here", b"a secret of twenty-eight bit").is_empty());
}
