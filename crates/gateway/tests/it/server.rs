//! A server to knock at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::{
    AccountRules, Behind, Gateway, GatewaySettings, Limits, Origin, Pages, ServerKey,
};
use media::{Busy, MediaOrder};
use protocol::media::{Probe, ProbeCandidate};
use store::Store;
use store::memory::Memory;
use switchboard::{MediaPlane, Switchboard};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::http::{Answer, Request};

/// Longer than anything here takes; a test that waits this long has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const NAME: &str = "Ruth Okonkwo";
pub(crate) const PASSWORD: &str = "lighthouse keeper 47";

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Memory>,
    pub(crate) switchboard: Switchboard,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
    _facts: mpsc::Sender<media::MediaFact>,
}

/// Takes no media.
struct NoMedia;

impl MediaPlane for NoMedia {
    fn order(&self, _order: MediaOrder) -> Result<(), Busy> {
        Err(Busy)
    }
}

/// What the media plane would make.
pub(crate) fn probe() -> Probe {
    let candidates = vec![ProbeCandidate { ip: "192.0.2.7".parse().unwrap(), port: 3478 }];
    Probe { ufrag: "some name".to_owned(), password: "its password".to_owned(), candidates }
}

pub(crate) fn settings() -> GatewaySettings {
    GatewaySettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        metrics_listen: None,
        tls: None,
        hsts: false,
        origins: vec![Origin::parse("https://aman.example").unwrap()],
        pages: Pages::Embedded,
        accounts: AccountRules {
            key: ServerKey::from_bytes([7; 32]),
            second_factor_required: true,
            idle: Duration::from_secs(900),
        },
        limits: Limits::default(),
        operator: gateway::Operator::default(),
        hooks: gateway::HookRules {
            allow_private: true,
            first_pause: Duration::from_millis(50),
        },
        oidc: None,
    }
}

impl Server {
    pub(crate) async fn start(settings: GatewaySettings) -> Self {
        Self::on(settings, Arc::new(Memory::default())).await
    }

    /// With what another server left.
    pub(crate) async fn on(settings: GatewaySettings, store: Arc<Memory>) -> Self {
        let (facts, from_media) = mpsc::channel(1);
        let switchboard = Switchboard::new(store.clone(), NoMedia, from_media);
        let (stop, stopping) = watch::channel(false);
        let behind = Behind {
            store: store.clone(),
            switchboard: switchboard.clone(),
            media_sums: Arc::new(|| vec![("packets_in", 7)]),
            probes: Arc::new(probe),
        };
        let gateway = Gateway::bind(settings, behind, stopping).await.unwrap();
        let address = gateway.local_addr().unwrap();
        let running = tokio::spawn(gateway.run());
        Self { address, store, switchboard, stop, running, _facts: facts }
    }

    /// With the usual settings but other limits.
    pub(crate) async fn with(limits: Limits) -> Self {
        Self::start(GatewaySettings { limits, ..settings() }).await
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Request::get(path).send(self.address).await
    }

    /// What our page would send.
    pub(crate) async fn post(&self, path: &str, cookie: &str, json: &str) -> Answer {
        self.send("POST", path, cookie, json).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        cookie: &str,
        json: &str,
    ) -> Answer {
        let mut request = Request::new(method, path)
            .header("origin", &self.origin())
            .header("cookie", cookie)
            .body(json);
        if !json.is_empty() {
            request = request.header("content-type", "application/json");
        }
        request.send(self.address).await
    }

    pub(crate) async fn setup_token(&self) -> String {
        gateway::offer_setup(self.store.as_ref() as &dyn Store).await.unwrap().unwrap()
    }

    /// Makes the account and returns the cookie.
    pub(crate) async fn set_up(&self) -> String {
        let token = self.setup_token().await;
        let json = format!(r#"{{"token":"{token}","name":"{NAME}","password":"{PASSWORD}"}}"#);
        let answer = self.post("/api/setup", "", &json).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.cookie()
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until everything has ended.
    pub(crate) async fn stopped(self) {
        tokio::time::timeout(DEADLINE, self.running).await.unwrap().unwrap();
    }
}
