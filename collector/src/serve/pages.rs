//! The pages as a stage: bound first, so that their address is known, and served last.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::stages::Stages;
use crate::api::Api;
use crate::clock::Clock;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::locale::Message;
use crate::voice::Voice;
use crate::web::{Links, Names, Setup, Web};

/// The place where the pages will be served, and the links that open them.
pub(super) struct Pages {
    /// The links.
    pub(super) links: Links,
    /// Where they are.
    pub(super) address: SocketAddr,
    listener: TcpListener,
}

/// Binds the pages' address; none when they are switched off.
pub(super) async fn bind(config: &Config, clock: &Clock) -> Result<Option<Pages>, Failure> {
    let Some(address) = config.web.listen else { return Ok(None) };
    let failed = |error: io::Error| {
        Failure::new(Exit::Failed, Message::new("start-listen_web").mention("address", address)).because(error)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Some(Pages { links: Links::new(clock.clone(), address), address, listener }))
}

/// Serves the pages until they are told to stop.
pub(super) fn start(pages: Pages, config: &Config, api: Api, voice: &Voice, stages: &mut Stages) {
    let web = Web::new(Setup {
        clock: api.engine().clock().clone(),
        zone: api.zone().clone(),
        views: Arc::new(api),
        names: Names::new(config.web.names.iter().map(String::as_str)),
        links: pages.links,
        collector: voice.collector().into(),
    });
    stages.start("pages", |stop| async move { web.serve(pages.listener, stop).await });
}
