//! What every answer tells the browser about itself (E2EE.md 1.14, W0), and who is let in.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::reject::Reject;

use crate::app::Shared;
use crate::bearer::{self, Brings};
use crate::refusal::Refusal;

/// Nothing but our own files runs, shows or is spoken to; strings never become scripts.
/// `wasm-unsafe-eval` compiles our WebAssembly and no JavaScript.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self' blob:; media-src blob:; img-src 'self' blob:; style-src 'self'; \
    font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types aman svelte-trusted-html; connect-src 'self'";

const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), \
    screen-wake-lock=(self), geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=()";

const FIXED: [(HeaderName, &str); 7] = [
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Goes around everything: refuses strangers, then dresses the answer.
pub(crate) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    app.counters.requests.bump();
    let host = app.origins.host(request.headers());
    let mut response = match refusal(&app, host.is_some(), &request) {
        Some(refusal) => {
            app.counters.requests_foreign.bump();
            refusal
        }
        None => next.run(request).await,
    };
    dress(&app, &host.unwrap_or_default(), response.headers_mut());
    response
}

fn refusal(app: &Shared, host_is_ours: bool, request: &Request) -> Option<Response> {
    // Probes and scrapers reach us by whatever name.
    let is_probe = matches!(request.uri().path(), "/health" | "/metrics");
    if !host_is_ours && !is_probe {
        let words = "This server does not go by that name.  Its operator can add the name to \
                     web.origins.\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, words).into_response());
    }
    let changes_nothing = matches!(*request.method(), Method::GET | Method::HEAD);
    let own = app.origins.is_own(request.headers());
    let is_foreign_fetch = request.uri().path().starts_with("/api/")
        && request
            .headers()
            .get("sec-fetch-site")
            .is_some_and(|site| site != "same-origin" && site != "none");
    let bearer = match bearer::brought(request.headers()) {
        Brings::Nonsense if request.uri().path().starts_with("/api/") => {
            return Some(Refusal::from(Reject::NotSignedIn).into_response());
        }
        Brings::Nonsense | Brings::Nothing => false,
        // Whoever has a key is no browser that was talked into something.
        Brings::Key(_) => true,
    };
    let is_unasked = !changes_nothing && own.is_none() && !bearer;
    let stops = own == Some(false) || is_unasked || is_foreign_fetch;
    stops.then(|| Refusal::new(StatusCode::FORBIDDEN, Reject::NoSuchRight).into_response())
}

fn dress(app: &Shared, host: &str, headers: &mut HeaderMap) {
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = format!("{POLICY} {}", app.origins.sockets(host));
    if let Ok(policy) = HeaderValue::from_str(policy.trim_end()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // Idle connections are closed when the patience for the next head is over: clients should
    // let go of them a little earlier, not send into a closing one.
    let idle = app.limits.head_patience.as_secs().saturating_sub(1);
    if let Ok(idle) = HeaderValue::from_str(&format!("timeout={idle}")) {
        headers.insert("keep-alive", idle);
    }
    if app.hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert_with(|| HeaderValue::from_static("no-store"));
}
