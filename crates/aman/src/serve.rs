//! How are the parts put together, and taken apart again?

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gateway::{
    AccountRules, Behind, Gateway, GatewaySettings, HookRules, Limits, Origin, Pages,
    ServerKey, tls,
};
use protocol::limits::SIGN_IN_LIFETIME;
use store::Store;
use store::embedded::Embedded;
use switchboard::Switchboard;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::settings::{Settings, TlsSettings};
use crate::{addresses, clock};

/// How long participants may take to read their farewell.  With the door's own patience it
/// stays below the 10 s after which service managers kill.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(3);

/// How often what has expired is deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Runs the server until it is told to stop.
pub(crate) async fn run(settings: Settings, ready_file: Option<&Path>) -> anyhow::Result<()> {
    let mut stop_signals = StopSignals::listen()?;
    let store: Arc<dyn Store> = Arc::new(Embedded::open(&settings.data.dir)?);
    let interfaces = addresses::interfaces();

    let mut advertise = settings.media.advertise.clone();
    if advertise.is_empty() {
        let local_only = settings.web.listen.ip().is_loopback();
        advertise = addresses::candidates(settings.media.bind.ip(), local_only, &interfaces);
    }
    let (media, facts) =
        media::start(media::MediaSettings { bind: settings.media.bind, advertise })
            .context("cannot start the media plane")?;

    let switchboard = Switchboard::new(store.clone(), media.clone(), facts);
    let (stop, stopping) = watch::channel(false);
    let names = certificate_names(&settings.tls, &interfaces);
    let certificate = Certificate::of(&settings, &names)?;
    let (sums, probes) = (media.clone(), media.clone());
    let behind = Behind {
        store: store.clone(),
        switchboard: switchboard.clone(),
        media_sums: Arc::new(move || sums.counters().named()),
        probes: Arc::new(move || probes.probe()),
    };
    let accounts = AccountRules {
        key: ServerKey::load(&settings.data.dir)?,
        second_factor_required: settings.accounts.second_factor_required,
        idle: idle(settings.operator.idle_minutes),
    };
    let door = gateway_settings(&settings, &certificate, accounts);
    let gateway = Gateway::bind(door, behind, stopping).await?;

    let web = gateway.local_addr()?;
    let desk = desk_link(&settings, web, store.as_ref()).await?;
    let ready = ready_line(web, certificate.config.is_some(), media.local_addr());
    let door = tokio::spawn(gateway.run());
    let purging = tokio::spawn(purge(store));
    announce(&desk, certificate.fingerprint.as_deref(), &ready, ready_file)?;
    tracing::info!("Ready");

    let is_broken = tokio::select! {
        () = stop_signals.wait() => false,
        // Rooms without media help nobody: whoever started us had better start us again.
        () = media.ended() => true,
    };
    tracing::info!(is_broken, "Stopping");
    stop.send_replace(true);
    switchboard.shut_down(FAREWELL_PATIENCE).await;
    let door = door.await.context("the door broke");
    purging.abort();
    media.stop();
    anyhow::ensure!(!is_broken, "the media plane broke");
    door
}

fn gateway_settings(
    settings: &Settings,
    certificate: &Certificate,
    accounts: AccountRules,
) -> GatewaySettings {
    let web = &settings.web;
    let mut origins = web.origins.clone();
    if settings.tls.self_signed {
        origins.extend(self_signed_origins(settings));
    }
    GatewaySettings {
        listen: web.listen,
        metrics_listen: settings.metrics.listen,
        tls: certificate.config.clone(),
        // Of a certificate that browsers warn about it would lock people out.
        hsts: settings.tls.certificate.is_some() || web.origins.iter().any(Origin::is_https),
        origins,
        operator: settings.operator.clone(),
        hooks: HookRules { allow_private: settings.webhooks.private, ..HookRules::default() },
        pages: web.dir.clone().map_or(Pages::Embedded, Pages::Folder),
        oidc: settings.oidc.rules(),
        accounts,
        limits: Limits {
            connections_max: web.connections,
            connections_per_address_max: web.connections_per_address,
            requests_per_account_max: web.requests_per_account,
            ..Limits::default()
        },
    }
}

/// How long a sign-in may go unused.  The pages sign out by themselves after the same time;
/// this is for those that cannot any more.
fn idle(minutes: u16) -> Duration {
    match minutes {
        0 => SIGN_IN_LIFETIME,
        minutes => Duration::from_secs(u64::from(minutes) * 60),
    }
}

/// The certificate shown, if any.
struct Certificate {
    config: Option<Arc<tls::ServerConfig>>,
    /// For one we signed ourselves.
    fingerprint: Option<String>,
}

impl Certificate {
    fn of(settings: &Settings, names: &[String]) -> anyhow::Result<Self> {
        let tls = &settings.tls;
        if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
            let config = tls::from_files(certificate, key)?;
            return Ok(Self { config: Some(config), fingerprint: None });
        }
        if tls.self_signed {
            let ours = tls::self_signed(&settings.data.dir, names)?;
            return Ok(Self { config: Some(ours.config), fingerprint: Some(ours.fingerprint) });
        }
        Ok(Self { config: None, fingerprint: None })
    }
}

fn certificate_names(tls: &TlsSettings, interfaces: &[std::net::IpAddr]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    names.extend(interfaces.iter().map(ToString::to_string));
    names.extend(tls.names.iter().cloned());
    names.sort();
    names.dedup();
    names
}

fn self_signed_origins(settings: &Settings) -> impl Iterator<Item = Origin> {
    let port = settings.web.listen.port();
    let origin = move |name: &String| Origin::parse(&format!("https://{name}:{port}"));
    settings.tls.names.iter().filter_map(origin)
}

/// Where the counsellor starts: the one-time setup link of a new server, or the desk.
async fn desk_link(
    settings: &Settings,
    web: SocketAddr,
    store: &dyn Store,
) -> anyhow::Result<String> {
    let base = base_address(settings, web);
    Ok(match gateway::offer_setup(store).await? {
        Some(token) => format!("{base}/setup#{token}"),
        None => format!("{base}/desk"),
    })
}

/// What links that are printed begin with.
pub(crate) fn base_address(settings: &Settings, web: SocketAddr) -> String {
    let is_https = settings.tls.self_signed || settings.tls.certificate.is_some();
    let scheme = if is_https { "https" } else { "http" };
    let ip = web.ip();
    match settings.web.origins.first() {
        Some(origin) => origin.as_str().to_owned(),
        None if ip.is_loopback() || ip.is_unspecified() => {
            format!("{scheme}://localhost:{}", web.port())
        }
        None => format!("{scheme}://{web}"),
    }
}

/// For programs that wait for us.
fn ready_line(web: SocketAddr, tls: bool, media: SocketAddr) -> String {
    let scheme = if tls { "https" } else { "http" };
    let ip = if web.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { web.ip() };
    format!("ready {scheme}://{} udp {media}", SocketAddr::new(ip, web.port()))
}

/// Says where we are.  The setup token is said here and nowhere else.
fn announce(
    desk: &str,
    fingerprint: Option<&str>,
    ready: &str,
    ready_file: Option<&Path>,
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Counsellor's desk: {desk}")?;
    if let Some(fingerprint) = fingerprint {
        writeln!(out, "Certificate SHA-256: {fingerprint}")?;
    }
    writeln!(out, "{ready}")?;
    out.flush()?;
    if let Some(path) = ready_file {
        // Whoever waits for the file must never see half of it.
        let half = path.with_extension("part");
        fs::write(&half, format!("{ready}\n")).context("cannot write the ready file")?;
        fs::rename(&half, path).context("cannot write the ready file")?;
    }
    Ok(())
}

/// Deletes what has expired, from the start on and then now and again.
async fn purge(store: Arc<dyn Store>) {
    let mut due = interval(PURGE_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        if let Err(error) = store.purge_expired(clock::unix()).await {
            tracing::error!(error = &error as &dyn std::error::Error, "Cannot purge");
        }
    }
}

/// What tells us to stop.
struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}
