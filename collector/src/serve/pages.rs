//! The pages as a stage: bound first, so that their address is known, and served last.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::net::TcpListener;

use super::stages::Stages;
use crate::config::Config;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::web::{Names, Setup, Web};

/// The pages with the place where they will be served.
pub(super) struct Pages {
    /// The pages.
    pub(super) web: Web,
    /// Where they are.
    pub(super) address: SocketAddr,
    listener: TcpListener,
}

/// Binds the pages' address; none when they are switched off.
pub(super) async fn bind(config: &Config, engine: &Engine, zone: TimeZone) -> Result<Option<Pages>, Failure> {
    let Some(address) = config.web.listen else { return Ok(None) };
    let failed = |error: io::Error| {
        Failure::new(Exit::Failed, format!("failed to listen on {address} (web.listen)"))
            .remedy("choose a free address in collector.toml, port 0 for any free one, or \"off\"")
            .because(error)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let web = Web::new(Setup {
        views: Arc::new(engine.clone()),
        clock: engine.clock().clone(),
        zone,
        names: Names::new(config.web.names.iter().map(String::as_str)),
        address,
    });
    Ok(Some(Pages { web, address, listener }))
}

/// Serves the pages until they are told to stop.
pub(super) fn start(pages: Pages, stages: &mut Stages) {
    let Pages { web, listener, .. } = pages;
    stages.start("pages", |stop| async move { web.serve(listener, stop).await });
}
