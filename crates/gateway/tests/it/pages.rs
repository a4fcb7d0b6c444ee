//! The web client's files, and what every answer tells the browser.

use std::fs;

use gateway::{GatewaySettings, Pages};

use crate::http::Request;
use crate::server::{Server, settings};

#[tokio::test]
async fn every_answer_wears_the_headers() {
    let (server, _folder) = with_files().await;
    for (path, origin) in [
        ("/", ""),
        ("/j", ""),
        ("/desk", ""),
        ("/assets/app-1a2b.js", ""),
        ("/no-such.js", ""),
        ("/api/state", ""),
        ("/api/me", ""),
        ("/api/nothing", ""),
        ("/health", ""),
        ("/ws", ""),
        ("/", "https://evil.example"),
    ] {
        let answer = Request::get(path).header("origin", origin).send(server.address).await;
        let policy = answer.header("content-security-policy").unwrap_or_default().to_owned();
        for directive in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "worker-src 'self' blob:",
            "style-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types aman svelte-trusted-html",
        ] {
            assert!(
                policy.split("; ").any(|other| other == directive),
                "{directive}: {policy}"
            );
        }
        assert!(policy.contains(&format!(
            "connect-src 'self' wss://aman.example ws://{}",
            server.address
        )));
        assert!(!policy.contains("unsafe-inline") && !policy.contains("data:"), "{policy}");
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("keep-alive", "timeout=4"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name} of {path}");
        }
        let permissions = answer.header("permissions-policy").unwrap();
        for name in ["camera", "microphone", "display-capture", "screen-wake-lock"] {
            assert!(permissions.contains(&format!("{name}=(self)")), "{permissions}");
        }
        assert!(answer.header("cache-control").is_some(), "{path}");
        assert_eq!(answer.header("server"), None);
        assert_eq!(answer.header("strict-transport-security"), None, "no TLS here");
    }
}

#[tokio::test]
async fn views_are_the_page_and_files_are_themselves() {
    let (server, _folder) = with_files().await;
    for path in ["/", "/setup", "/j", "/desk", "/desk/room", "/anything?x=.y"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "<!doctype html>page"));
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let script = server.get("/assets/app-1a2b.js").await;
    assert_eq!(script.text(), "script");
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let module = server.get("/assets/aman-3c.wasm").await;
    assert_eq!(module.header("content-type"), Some("application/wasm"));
}

#[tokio::test]
async fn those_who_take_brotli_get_it_as_it_was_built() {
    let (server, _folder) = with_files().await;
    let get = |path, codings| {
        Request::get(path).header("accept-encoding", codings).send(server.address)
    };

    let squeezed = get("/assets/app-1a2b.js", "gzip, br").await;
    assert_eq!(squeezed.body, b"squeezed");
    assert_eq!(squeezed.header("content-encoding"), Some("br"));
    assert_eq!(squeezed.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(squeezed.header("vary"), Some("accept-encoding"));

    let plain = get("/assets/app-1a2b.js", "gzip").await;
    assert_eq!(plain.body, b"script");
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    let without = get("/assets/aman-3c.wasm", "br").await;
    assert_eq!(without.header("content-encoding"), None, "there is no squeezed one");
}

#[tokio::test]
async fn no_path_leads_to_other_files() {
    let (server, folder) = with_files().await;
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    for path in [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "//secret.txt",
        "/.hidden",
        "/no-such.js",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{path}");
    }
}

#[tokio::test]
async fn without_a_web_client_one_page_says_how_to_build_it() {
    let folder = tempfile::tempdir().unwrap();
    let pages = Pages::Folder(folder.path().into());
    let server = Server::start(GatewaySettings { pages, ..settings() }).await;

    let answer = server.get("/").await;

    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("cargo xtask up"), "{}", answer.text());
    assert_eq!(server.get("/api/state").await.status, 200);
}

#[tokio::test]
async fn names_that_are_not_ours_are_turned_away() {
    let (server, _folder) = with_files().await;
    for (host, status) in [
        ("localhost:1234", 200),
        ("aman.example", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("a b", 421),
    ] {
        let answer = Request::get("/").host(host).send(server.address).await;
        assert_eq!(answer.status, status, "{host}");
        assert!(!answer.header("content-security-policy").unwrap_or("").contains("evil"));
    }
    assert_eq!(Request::get("/health").host("probe").send(server.address).await.status, 200);
}

#[tokio::test]
async fn health_says_ok_and_metrics_says_sums_to_loopback_only() {
    let (server, _folder) = with_files().await;
    assert_eq!(server.get("/health").await.text(), "ok\n");

    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    let text = metrics.text();
    for line in text.lines() {
        let (name, sum) = line.split_once(' ').unwrap();
        assert!(name.starts_with("aman_") && sum.parse::<u64>().is_ok(), "{line}");
    }
    assert!(text.contains("aman_media_packets_in 7\n"), "{text}");
    assert!(text.contains("aman_switchboard_rooms 0\n"), "{text}");

    let passed_on = Request::get("/metrics").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(passed_on.send(server.address).await.status, 404);
}

async fn with_files() -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let dist = folder.path().join("dist");
    fs::create_dir_all(dist.join("assets")).unwrap();
    for (name, text) in [
        ("index.html", "<!doctype html>page"),
        ("assets/app-1a2b.js", "script"),
        ("assets/app-1a2b.js.br", "squeezed"),
        ("assets/aman-3c.wasm", "module"),
        (".hidden", "secret"),
    ] {
        fs::write(dist.join(name), text).unwrap();
    }
    let server =
        Server::start(GatewaySettings { pages: Pages::Folder(dist), ..settings() }).await;
    (server, folder)
}
