//! From the source to a running server: builds what is not built yet, then starts one `aman`
//! that says where the counsellor's desk is.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::clock::Stopwatch;
use crate::install::{self, COMPILER};
use crate::process::{cargo, command, run};
use crate::settings::Settings;
use crate::web;

/// How to start it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Up {
    /// The port, of TCP for browsers and of UDP for sound and pictures
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Serves https to other devices on the network, with a certificate made here
    #[arg(long)]
    tls_self_signed: bool,
    /// Builds a fast program, slowly
    #[arg(long)]
    release: bool,
    /// Folder of the data
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Builds everything and starts nothing
    #[arg(long)]
    build_only: bool,
}

/// Builds and starts.  Comes back only when something is wrong: the server takes our place.
///
/// # Errors
///
/// One sentence about what is missing, and the remedy.
pub(crate) fn up(settings: &Settings, up: &Up) -> Result<()> {
    let watch = Stopwatch::start();
    // Said first: nobody should wait for a build to learn this.
    let listen = SocketAddr::from((
        if up.tls_self_signed { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST },
        up.port,
    ));
    if !up.build_only {
        check_port(listen)?;
    }
    install::ensure(settings, &[COMPILER])?;
    web::build(settings)?;
    build_server(settings, up.release)?;
    say(&format!("built ({:.1} s)", watch.seconds()));
    if up.build_only {
        return Ok(());
    }
    let error = server(settings, up, listen).exec();
    Err(error).context("cannot start the server that was just built")
}

fn build_server(settings: &Settings, release: bool) -> Result<()> {
    say("building the server…");
    let mut build = cargo(settings);
    build.args(["build", "--quiet", "--package", "aman"]);
    if release {
        build.arg("--release");
    }
    run("build the server", &mut build)
}

fn server(settings: &Settings, up: &Up, listen: SocketAddr) -> Command {
    let profile = if up.release { "release" } else { "debug" };
    let mut server = command(settings.target.join(profile).join("aman"), &settings.root);
    server.arg("--data").arg(settings.root.join(&up.data));
    server.arg("--listen").arg(listen.to_string());
    server.arg("--media-bind").arg(media_address(up.port).to_string());
    if up.tls_self_signed {
        server.arg("--tls-self-signed");
    }
    server
}

/// On every interface: Firefox does not send media to 127.0.0.1.
fn media_address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
}

fn check_port(listen: SocketAddr) -> Result<()> {
    let port = listen.port();
    let remedy = || {
        format!(
            "port {port} is in use: stop the other program, or choose another with `--port`"
        )
    };
    TcpListener::bind(listen).with_context(remedy)?;
    UdpSocket::bind(media_address(port)).with_context(remedy)?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "progress of a task is for the person who waits")]
fn say(text: &str) {
    eprintln!("up: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_said_with_the_remedy() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = check_port(taken.local_addr().unwrap()).unwrap_err();
        assert!(error.to_string().contains("choose another with `--port`"), "{error}");
    }
}
