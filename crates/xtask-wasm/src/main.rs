//! How a compiled WebAssembly file becomes a module that a page can import.
//!
//! `xtask-wasm INPUT.wasm OUT_DIR NAME` writes `NAME.js`, `NAME_bg.wasm` and `NAME.d.ts`, and
//! prints what the browser will download, in bytes: `raw=… brotli=…`.  It is a program of its
//! own so that `cargo xtask` itself stays quick to compile.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

/// Brotli at its smallest, as a server sends a file that it compressed beforehand.
const BROTLI_QUALITY: u32 = 11;
const BROTLI_WINDOW: u32 = 22;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, out, name] = arguments.as_slice() else {
        bail!("usage: xtask-wasm INPUT.wasm OUT_DIR NAME");
    };
    let out = PathBuf::from(out);
    // A fresh folder: nothing of an earlier build stays behind.
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("cannot empty {}", out.display()))?;
    }
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;

    Bindgen::new()
        .input_path(input)
        .out_name(name)
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        // Else `init()` without an argument does not know where the file is.
        .omit_default_module_path(false)
        .generate(&out)
        .with_context(|| format!("wasm-bindgen cannot use {input}"))?;

    let wasm = fs::read(out.join(format!("{name}_bg.wasm")))?;
    let report = format!("raw={} brotli={}\n", wasm.len(), brotli_len(&wasm)?);
    std::io::stdout().write_all(report.as_bytes())?;
    Ok(())
}

fn brotli_len(bytes: &[u8]) -> Result<usize> {
    let mut writer =
        brotli::CompressorWriter::new(Vec::new(), 64 * 1024, BROTLI_QUALITY, BROTLI_WINDOW);
    writer.write_all(bytes)?;
    writer.flush()?;
    Ok(writer.into_inner().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_is_measured_small() {
        let bytes = b"aman ".repeat(1000);
        assert!(brotli_len(&bytes).unwrap() < 100);
        assert!(brotli_len(&[]).unwrap() < 10);
    }
}
