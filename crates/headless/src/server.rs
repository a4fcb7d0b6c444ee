//! Where a server is, and where a link leads.

use anyhow::{Context as _, bail};

/// The address of a server: `http://host:port`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    origin: String,
}

impl Server {
    /// Reads an origin; anything behind it is left out.
    ///
    /// # Errors
    ///
    /// When it is not `http://…`.  Headless participants run beside the server, in tests.
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("only http:// addresses can be joined without a browser");
        };
        let host = rest.split(['/', '#', '?']).next().unwrap_or_default();
        if host.is_empty() || host.contains('@') {
            bail!("not an address");
        }
        Ok(Self { origin: format!("http://{host}") })
    }

    /// The origin, as a browser would send it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port, as TCP needs them.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.origin.trim_start_matches("http://");
        if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            host.to_owned()
        } else {
            format!("{host}:80")
        }
    }

    /// Where the WebSocket is.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("ws://{}/ws", self.origin.trim_start_matches("http://"))
    }

    /// The link with this fragment (`#1.…`).
    #[must_use]
    pub fn link(&self, fragment: &str) -> String {
        format!("{}/j{fragment}", self.origin)
    }
}

/// Takes a link apart: the server, and the fragment, which is a secret.
///
/// # Errors
///
/// When it has no fragment or leads to no server.
pub fn take_apart(link: &str) -> anyhow::Result<(Server, String)> {
    let (url, fragment) = link.trim().split_once('#').context("the link has no fragment")?;
    Ok((Server::parse(url)?, fragment.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_taken_apart() {
        let (server, fragment) = take_apart("http://localhost:8080/j#1.AA.BB\n").unwrap();
        assert_eq!(server.origin(), "http://localhost:8080");
        assert_eq!(server.authority(), "localhost:8080");
        assert_eq!(server.socket_url(), "ws://localhost:8080/ws");
        assert_eq!(fragment, "1.AA.BB");
        assert_eq!(server.link("#1.AA.BB"), "http://localhost:8080/j#1.AA.BB");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "localhost", "https://a", "http://", "http://user@host/", "ftp://a"] {
            assert!(Server::parse(bad).is_err(), "{bad}");
        }
        assert!(take_apart("http://localhost/j").is_err());
    }
}
