//! How does a connection come in?  Accept, count, TLS, HTTP; and out again when we stop.
//!
//! HTTP/1.1 only, on hyper itself: browsers open WebSockets over it anyway, a page has few
//! files, and every HTTP/2 flood is somebody else's problem.  hyper rather than `axum::serve`
//! or `axum-server`, because limits and patience are per connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::app::Shared;
use crate::patient_io::PatientIo;
use crate::permits::{Permit, Permits};

/// Largest request head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Most header lines of a request.
const HEADERS_MAX: usize = 64;

/// How long to let others finish when there are no more file descriptors.
const OUT_OF_FILES_PATIENCE: Duration = Duration::from_millis(50);

/// Where a request came from.  Not for logs.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Takes connections until the server stops, then waits for them to end.
pub(crate) async fn run(
    app: Shared,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
) {
    let limits = app.limits;
    let permits = Permits::new(limits.connections_max, limits.connections_per_address_max);
    let mut stopped = pin!(stop(app.stopping.clone()));
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = stopped.as_mut() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(_) => {
                    sleep(OUT_OF_FILES_PATIENCE).await;
                    continue;
                }
            },
        };
        let Some(permit) = permits.take(peer.ip()) else {
            app.counters.connections_refused.bump();
            continue;
        };
        app.counters.connections_accepted.bump();
        tokio::spawn(welcome(app.clone(), stream, peer, permit, tls.clone(), router.clone()));
    }
    drop(listener);
    permits.all_back(limits.farewell_patience).await;
}

async fn welcome(
    app: Shared,
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    tls: Option<TlsAcceptor>,
    router: Router,
) {
    // Small messages must not wait for more; without it they only come later.
    let _ = stream.set_nodelay(true);
    let io = PatientIo::new(stream, permit, app.limits.write_patience);
    match tls {
        None => serve(&app, io, peer, router).await,
        Some(tls) => match timeout(app.limits.handshake_patience, tls.accept(io)).await {
            Ok(Ok(io)) => serve(&app, io, peer, router).await,
            Ok(Err(_)) | Err(_) => app.counters.handshakes_failed.bump(),
        },
    }
}

async fn serve<I>(app: &Shared, io: I, peer: SocketAddr, router: Router)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let answered: Answered = Box::pin(router.clone().oneshot(request));
        answered
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.limits.head_patience)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // How a connection breaks is its own business: nothing is lost that was answered.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = stop(app.stopping.clone()) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

type Answered =
    std::pin::Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send + 'static>>;

/// Returns when the server stops.
pub(crate) async fn stop(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}
