//! TLS: does a client that knows our certificate get in, and does plain HTTP not?

use std::sync::Arc;

use gateway::GatewaySettings;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::server::{Server, settings};

#[tokio::test]
async fn a_self_signed_certificate_serves_those_who_trust_it() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let ours = gateway::tls::self_signed(folder.path(), &names).unwrap();
    let tls = Some(ours.config);
    let server = Server::start(GatewaySettings { tls, hsts: true, ..settings() }).await;
    let mut roots = RootCertStore::empty();
    let pem = folder.path().join("tls-self-signed.pem");
    roots.add(CertificateDer::from_pem_file(pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();

    for name in ["localhost", "127.0.0.1"] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from(name).unwrap();
        let connector = TlsConnector::from(Arc::new(config.clone()));
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.0\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("ok\n"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
        assert!(answer.contains("wss://localhost;") || answer.contains("wss://localhost\r"));
    }
}

#[tokio::test]
async fn plain_http_gets_nothing_from_a_tls_door() {
    let folder = tempfile::tempdir().unwrap();
    let ours = gateway::tls::self_signed(folder.path(), &["localhost".to_owned()]).unwrap();
    let server = Server::start(GatewaySettings { tls: Some(ours.config), ..settings() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.0\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
}
