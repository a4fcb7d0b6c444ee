//! How is the server?  `/health` for probes, `/metrics` for Prometheus: sums, and no ids, names
//! or addresses.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::app::Shared;
use crate::porch::{Peer, stop};

/// Answers on an address of its own.
pub(crate) async fn run(app: Shared, listener: TcpListener) {
    let stopping = app.stopping.clone();
    let everybody = |State(app): State<Shared>| async move { text(&app) };
    let router = Router::new().route("/metrics", get(everybody)).with_state(app);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop(stopping));
    if let Err(error) = served.await {
        tracing::warn!(error = &error as &dyn std::error::Error, "The metrics page stopped");
    }
}

/// `GET /health`.
pub(crate) async fn health(State(app): State<Shared>) -> Response {
    if *app.stopping.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    "ok\n".into_response()
}

/// `GET /metrics` on the address of everything else: for this machine only.
pub(crate) async fn for_loopback(
    State(app): State<Shared>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    // What a reverse proxy passes on comes from loopback too, but says so.
    let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let is_direct = passed_on.iter().all(|name| !headers.contains_key(*name));
    if app.metrics_here && is_direct && peer.ip().to_canonical().is_loopback() {
        text(&app)
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

fn text(app: &Shared) -> Response {
    let mut text = String::new();
    for (name, sum) in app.counters.named() {
        line(&mut text, "gateway", name, "", sum);
    }
    for (name, sum) in (app.media_sums)() {
        line(&mut text, "media", name, "", sum);
    }
    let rooms = app.switchboard.counters();
    for (name, sum) in [
        ("rooms", rooms.rooms),
        ("waiting", rooms.waiting),
        ("members", rooms.members),
        ("connections", rooms.connections),
        ("rooms_opened", rooms.rooms_opened),
        ("rooms_broken", rooms.rooms_broken),
        ("commits_accepted", rooms.commits_accepted),
        ("commits_stale", rooms.commits_stale),
        ("outboxes_overflowed", rooms.outboxes_overflowed),
    ] {
        line(&mut text, "switchboard", name, "", sum);
    }
    for (code, sum) in rooms.rejects {
        line(&mut text, "switchboard", "rejects", &format!("{{code=\"{code}\"}}"), sum);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// One line of the Prometheus text format (version 0.0.4).
fn line(text: &mut String, part: &str, name: &str, labels: &str, sum: u64) {
    let _ = writeln!(text, "aman_{part}_{name}{labels} {sum}");
}
