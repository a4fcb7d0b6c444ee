//! What a file of the repository says, and which parts of it are code, words or tests.

/// One text file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Its path from the root, with `/`.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
    /// For Rust: the text with comments and the insides of literals blanked out, line by line
    /// and byte by byte as long as `text`.  For other files: the text.
    pub(super) code: String,
    /// For each line, whether it belongs to tests.
    in_tests: Vec<bool>,
}

impl File {
    /// Takes a file apart.
    pub(super) fn new(path: &str, text: String) -> Self {
        let is_rust = path.ends_with(".rs");
        let code = if is_rust { without_words(&text) } else { text.clone() };
        let all = path.starts_with("tests/") || path.contains("/tests/");
        let mut in_tests = vec![all || is_web_test(path); text.lines().count()];
        if is_rust {
            mark_test_modules(&code, &mut in_tests);
        }
        Self { path: path.to_owned(), text, code, in_tests }
    }

    /// Whether this is Rust.
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the line (counted from 1) belongs to tests.
    pub(super) fn is_test_line(&self, line: usize) -> bool {
        line.checked_sub(1).and_then(|index| self.in_tests.get(index)).copied().unwrap_or(false)
    }

    /// Lines that do not belong to tests.
    pub(super) fn n_product_lines(&self) -> usize {
        self.in_tests.iter().filter(|in_tests| !**in_tests).count()
    }

    /// The lines of the code, with their numbers, without those of tests.
    pub(super) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .zip(1..)
            .map(|(text, n)| (n, text))
            .filter(|(n, _)| !self.is_test_line(*n))
    }

    /// The crate this file belongs to, if it is one below `crates/`.
    pub(super) fn krate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }
}

fn is_web_test(path: &str) -> bool {
    path.contains(".test.") || path.contains(".spec.")
}

/// The line of a byte of the text, counted from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

/// Where the bracket that `open` (the byte of a `{`) opens is closed.
pub(super) fn closing_brace(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => (),
        }
    }
    None
}

fn mark_test_modules(code: &str, in_tests: &mut [bool]) {
    for (at, _) in code.match_indices("#[cfg(test)]") {
        let Some(open) = code.get(at..).and_then(|rest| rest.find(['{', ';'])) else {
            continue;
        };
        let Some(close) = closing_brace(code, at + open) else { continue };
        // `#[cfg(test)] mod x;` and `use …;` have no body of their own.
        let ends_at_once = code.as_bytes().get(at + open) == Some(&b';');
        let end = if ends_at_once { at + open } else { close };
        let (first, last) = (line_of(code, at), line_of(code, end));
        for line in in_tests.iter_mut().take(last).skip(first - 1) {
            *line = true;
        }
    }
}

/// Blanks comments and the insides of literals, so that a search finds only code.
fn without_words(text: &str) -> String {
    let mut blank = Blanker { rest: text, out: String::with_capacity(text.len()) };
    while !blank.rest.is_empty() {
        blank.step();
    }
    blank.out
}

struct Blanker<'a> {
    rest: &'a str,
    out: String,
}

impl Blanker<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.hide(end);
        } else if self.rest.starts_with("/*") {
            self.hide(block_comment_len(self.rest));
        } else if let Some(len) = raw_string_len(self.rest).filter(|_| !self.after_name()) {
            self.hide(len);
        } else if self.rest.starts_with('"') {
            self.hide(quoted_len(self.rest, '"'));
        } else if let Some(len) = char_literal_len(self.rest) {
            self.hide(len);
        } else {
            let len = self.rest.chars().next().map_or(1, char::len_utf8);
            let (kept, rest) = self.rest.split_at(len);
            self.out.push_str(kept);
            self.rest = rest;
        }
    }

    /// Whether what comes is the end of a name, so that `r"` in `for"` opens no raw string.
    fn after_name(&self) -> bool {
        self.out.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    }

    fn hide(&mut self, len: usize) {
        let (hidden, rest) = self.rest.split_at(len);
        self.out.extend(hidden.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

fn block_comment_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn raw_string_len(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let after = text.get(prefix.len()..)?;
    let n_hashes = after.bytes().take_while(|b| *b == b'#').count();
    let inside = after.get(n_hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(n_hashes));
    let len = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(prefix.len() + n_hashes + 1 + len)
}

fn quoted_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// `'x'` and `'\n'`, but not a lifetime.
fn char_literal_len(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    if inside.starts_with('\\') {
        return Some(quoted_len(text, '\''));
    }
    let c = inside.chars().next()?;
    inside.get(c.len_utf8()..)?.starts_with('\'').then(|| c.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_blanked_and_code_keeps_its_place() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("f(\"{\\\"}\") }", "f(      ) }"),
            ("f(r#\"a\"b\"#, x)", "f(        , x)"),
            ("match c { '{' => '\\'', _ => 'a }", "match c {     =>     , _ => 'a }"),
            ("for\"x\"", "for   "),
            ("&'a str", "&'a str"),
        ] {
            assert_eq!(without_words(text), code, "{text}");
        }
    }

    #[test]
    fn a_test_module_is_told_from_the_product() {
        let text = "fn a() {\n}\n#[cfg(test)]\nmod tests {\n    fn b() { \"}\"; }\n}\n";
        let file = File::new("crates/x/src/lib.rs", text.to_owned());
        assert_eq!(file.n_product_lines(), 2);
        assert!(!file.is_test_line(2) && file.is_test_line(3) && file.is_test_line(6));
        assert_eq!(file.product_lines().count(), 2);
        assert_eq!(File::new("tests/e2e/src/lib.rs", text.to_owned()).n_product_lines(), 0);
        let declared = "#[cfg(test)]\nmod tests;\nfn a() {\n}\n".to_owned();
        assert_eq!(File::new("crates/x/src/lib.rs", declared).n_product_lines(), 2);
    }
}
