//! Which files of the built web client go into the program?
//!
//! Lists `web-client/dist` for `src/pages.rs`.  Without that folder the list is empty and the
//! server says how to build it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(std::env!("CARGO_MANIFEST_DIR")).join("../../web-client/dist");
    // A watched path that does not exist would make every build start over.
    let _ = fs::create_dir_all(&root);
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build.rs");

    let mut files = Vec::new();
    list(&root, "", &mut files);
    files.sort();
    let mut code = String::from("&[\n");
    for (name, path) in files {
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").expect("a String grows");
    }
    code.push(']');
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("web_client.rs"), code).expect("cargo's folder is ours");
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        if path.is_dir() {
            list(&path, &name, files);
        } else {
            files.push((name, path.canonicalize().unwrap_or(path)));
        }
    }
}
