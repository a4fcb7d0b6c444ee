//! Which file of the web client answers a path?
//!
//! The files are in the program, or read from a folder while developing.  A path without a dot
//! is a view of the one page; hashed names never change, so browsers keep them; the page itself
//! is never kept.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs;

use crate::app::Shared;

static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/web_client.rs"));

const INDEX: &str = "/index.html";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>Aman</title><h1>The web client is not built</h1>\
    <p>Run <code>cargo xtask up</code>, or build it with <code>npm ci</code> and \
    <code>npm run build</code> in <code>web-client/</code> and build the server again.</p>";

/// Where the files are.
#[derive(Clone, Debug, Default)]
pub enum Pages {
    /// In the program, since it was built.
    #[default]
    Embedded,
    /// In a folder, read each time.
    Folder(PathBuf),
}

/// Answers every path that nothing else answers.
pub(crate) async fn serve(State(app): State<Shared>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path();
    let is_view = !path.contains('.');
    let path = if is_view { INDEX } else { path };
    let brotli = takes_brotli(request.headers());
    match app.pages.find(path, brotli).await {
        Some(file) => answer(path, file),
        None if is_view => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            NOT_BUILT,
        )
            .into_response(),
        None => (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    }
}

struct File {
    bytes: Cow<'static, [u8]>,
    is_brotli: bool,
}

impl Pages {
    async fn find(&self, path: &str, brotli: bool) -> Option<File> {
        if brotli && let Some(bytes) = self.read(&format!("{path}.br")).await {
            return Some(File { bytes, is_brotli: true });
        }
        self.read(path).await.map(|bytes| File { bytes, is_brotli: false })
    }

    async fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match self {
            Self::Embedded => {
                let at = EMBEDDED.binary_search_by_key(&path, |(name, _)| name).ok()?;
                EMBEDDED.get(at).map(|(_, bytes)| Cow::Borrowed(*bytes))
            }
            Self::Folder(folder) => {
                let file = inside(folder, path)?;
                fs::read(file).await.ok().map(Cow::Owned)
            }
        }
    }
}

/// The file of that name in the folder, if it cannot be anywhere else.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = path.strip_prefix('/')?;
    let is_plain = relative.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    });
    let file = folder.join(relative).canonicalize().ok()?;
    let stays = is_plain && file.starts_with(folder.canonicalize().ok()?);
    stays.then_some(file)
}

fn answer(path: &str, file: File) -> Response {
    let mut headers = HeaderMap::new();
    let kept = if path.ends_with(".html") {
        "no-store"
    } else if path.starts_with("/assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    };
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind(path)));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(kept));
    headers.insert(header::VARY, header::HeaderValue::from_static("accept-encoding"));
    if file.is_brotli {
        headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("br"));
    }
    match file.bytes {
        Cow::Borrowed(bytes) => (headers, bytes).into_response(),
        Cow::Owned(bytes) => (headers, bytes).into_response(),
    }
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_brotli = parts.next() == Some("br");
        is_brotli && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("dist");
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        std::fs::write(folder.join("assets/a-1.js"), "inside").unwrap();
        std::fs::write(folder.join(".hidden"), "inside, but hidden").unwrap();
        std::fs::write(parent.path().join("secret.txt"), "outside").unwrap();
        std::os::unix::fs::symlink(parent.path(), folder.join("link")).unwrap();

        assert!(inside(&folder, "/assets/a-1.js").is_some());
        for path in [
            "/../secret.txt",
            "/assets/../../secret.txt",
            "/..%2fsecret.txt",
            "/%2e%2e/secret.txt",
            "//etc/hostname",
            "/./assets/a-1.js",
            "/assets//a-1.js",
            "/assets\\a-1.js",
            "/.hidden",
            "/link/secret.txt",
            "/assets/a-1.js\0",
            "secret.txt",
        ] {
            assert_eq!(inside(&folder, path), None, "{path}");
        }
    }

    #[test]
    fn brotli_goes_to_those_who_take_it() {
        for (line, takes) in [
            ("br", true),
            ("gzip, deflate, br, zstd", true),
            ("gzip;q=1.0, br;q=0.5", true),
            ("gzip", false),
            ("br;q=0", false),
            ("brotli", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, line.parse().unwrap());
            assert_eq!(takes_brotli(&headers), takes, "{line}");
        }
    }
}
