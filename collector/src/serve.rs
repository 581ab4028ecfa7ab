//! The running collector: its stages are started in the order of the data and stopped in reverse.
//!
//! ```text
//! lock ─► store ─► engine ─► desk (identities) ─► report and enrol listeners ─► control socket ─► pages
//! ```
//!
//! Two collectors never share a data folder. Bound addresses are written to [`ADDRESSES`] once everything listens.
//! A stage that does not stop within [`STOP_GRACE`] is named and left behind; the engine always ends its commit.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tenken_assess::PackSet;
use tenken_proto::ident::TenantId;
use tenken_proto::report::MESSAGE_BYTES_MAX;
use tenken_proto::wire::reporting_server::ReportingServer;

use crate::accept::{self, Acceptor, Limits, Listener};
use crate::api::Api;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::control::Control;
use crate::engine::{self, Engine, Running, StartError};
use crate::exit::{Exit, Failure};
use crate::identity::ca::Authority;
use crate::identity::desk::{self, Desk};
use crate::identity::service::EnrolService;
use crate::ingest::Ingest;
use crate::locale::Message;
use crate::store::redb::RedbStore;
use crate::store::space::SpaceWatch;
use crate::store::{Store, StoreError};
use crate::voice::Voice;
use crate::web::Links;

mod check;
mod folder;
mod pages;
mod parameters;
mod stages;
mod system;

pub use check::check;
use folder::Lock;
pub use folder::init;
use stages::Stages;
use system::StopSignal;

/// Where the bound addresses are written, in the data folder.
pub const ADDRESSES: &str = "addresses.json";
/// Time that each stage has to stop.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// Where a running collector listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Where machines enrol.
    pub enrol: SocketAddr,
    /// Where agents report.
    pub report: SocketAddr,
    /// Where the pages are, if they are served.
    pub web: Option<SocketAddr>,
}

/// What every stage above the engine works with; cheap to clone.
#[derive(Debug, Clone)]
pub struct Collector {
    /// The settings.
    pub config: Arc<Config>,
    /// The one writer.
    pub engine: Engine,
    /// Where identities are asked for.
    pub desk: Desk,
    /// The report streams.
    pub ingest: Ingest,
    /// The store, for reading the journal.
    pub store: Arc<dyn Store>,
}

/// Runs the collector until it is told to stop.
///
/// # Errors
/// A stage did not start, or ended by itself.
pub async fn serve(config: Config, voice: &Voice) -> Result<(), Failure> {
    let lock = Lock::take(&config.data_dir)?;
    folder::make_private(&config.data_dir)?;
    check::low_water(&config)?;
    if let Some(address) = config.web.elsewhere() {
        tracing::warn!(%address, "The pages are served without encryption beyond this machine");
    }
    let store = open_store(&config)?;
    let (engine, running) = start_engine(&config, Arc::clone(&store)).await?;
    // Before anybody is told that it runs: a stop that comes at once is a stop in good order.
    let mut signal = StopSignal::listen()
        .map_err(|error| Failure::new(Exit::Failed, Message::new("start-signals")).because(error))?;
    let mut stages = Stages::default();
    let served = start(config, engine, Arc::clone(&store), voice, &mut stages).await;
    let ended = match served {
        Ok(served) => {
            announce(&served, voice);
            stages.until_stopped(&mut signal, &running).await
        }
        Err(failure) => Err(failure),
    };
    tracing::info!("Stopping");
    let _ = std::fs::remove_file(lock.folder().join(ADDRESSES));
    stages.stop().await;
    running.stop().await;
    store.close().await;
    drop(lock);
    tracing::info!("Stopped");
    ended
}

/// The stages above the engine, in order.
async fn start(
    config: Config,
    engine: Engine,
    store: Arc<dyn Store>,
    voice: &Voice,
    stages: &mut Stages,
) -> Result<Served, Failure> {
    let config = Arc::new(config);
    let desk = open_desk(&config, &engine)?;
    parameters::start(&config.parameters, &engine, stages).await;
    let ingest = Ingest::new(engine.clone(), desk.clone(), &config);
    let pages = pages::bind(&config, engine.clock()).await?;
    let collector = Collector { config, engine, desk, ingest, store };
    stages.start("identity desk", |stop| collector.desk.clone().run(stop));
    stages.start("stream guard", |stop| collector.ingest.clone().guard(stop));
    let report = listen_report(&collector, stages).await?;
    let enrol = listen_enrol(&collector, stages, report).await?;
    let links = pages.as_ref().map(|pages| pages.links.clone());
    let api = open_control(&collector, stages, enrol, links.clone())?;
    let addresses = Addresses { enrol, report, web: pages.as_ref().map(|pages| pages.address) };
    if let Some(pages) = pages {
        pages::start(pages, &collector.config, api, voice, stages);
    }
    folder::write_addresses(&collector.config.data_dir, &addresses)?;
    Ok(Served { addresses, link: link(links.as_ref())? })
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let space = SpaceWatch::of(config.data_dir.clone(), config.store.low_water);
    let cache = usize::try_from(config.store.cache).unwrap_or(usize::MAX);
    match RedbStore::open(&config.data_dir, cache, space) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(store_failure(&config.data_dir, error)),
    }
}

fn store_failure(data_dir: &Path, error: StoreError) -> Failure {
    let (key, says_all) = match &error {
        StoreError::InUse { .. } => ("start-store_in_use", true),
        StoreError::Missing { .. } => ("start-store_missing", true),
        StoreError::Exists { .. } => ("start-store_exists", true),
        StoreError::TooNew { .. } => ("start-store_too_new", false),
        StoreError::Corrupt { .. } => ("start-store_corrupt", false),
        StoreError::Full { .. } => ("start-store_full", false),
        StoreError::Io { .. } | StoreError::Fenced { .. } | StoreError::Closed => ("start-store", false),
    };
    let failure = Failure::new(Exit::Failed, Message::new(key).mention("path", data_dir.display()));
    // What the message says whole needs no cause; the causes are technical, and in English.
    if says_all { failure } else { failure.because(error) }
}

async fn start_engine(config: &Config, store: Arc<dyn Store>) -> Result<(Engine, Running), Failure> {
    let packs = PackSet::built_in()
        .map_err(|problems| Failure::new(Exit::Failed, Message::new("start-packs").mention("detail", problems)))?;
    let setup = engine::Setup {
        tenant: TenantId::DEFAULT,
        store,
        clock: Clock::System,
        packs: Arc::new(packs),
        time: config.time.clone(),
    };
    Engine::start(setup).await.map_err(start_failure)
}

fn start_failure(error: StartError) -> Failure {
    let key = match &error {
        StartError::Store(cause) if cause.is_full() => "start-engine_full",
        StartError::Store(_)
        | StartError::Journal(_)
        | StartError::Entry { .. }
        | StartError::Stored { .. }
        | StartError::Thread(_) => "start-engine",
    };
    Failure::new(Exit::Failed, Message::new(key)).because(error)
}

fn open_desk(config: &Config, engine: &Engine) -> Result<Desk, Failure> {
    let authority = Authority::open(&config.data_dir)
        .map_err(|error| folder::authority_failure(&config.data_dir, error))?
        .with_agent_life(config.ca.agent_certificate)
        .with_server_life(config.ca.collector_certificate);
    let settings = desk::Settings {
        tenant: TenantId::DEFAULT,
        names: folder::names(config),
        grace: config.ca.renewal_grace,
        enrol_rate: (config.limits.enrolments_burst as f64, config.limits.enrolments_per_second as f64),
        limits: connection_limits(&config.limits),
    };
    Desk::new(engine.clone(), authority, settings)
        .map_err(|error| Failure::new(Exit::Failed, Message::new("start-identities")).because(error))
}

/// The settings as the listeners take them. A duration of the configuration is never negative.
fn connection_limits(limits: &config::Limits) -> Limits {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let default = Limits::default();
    Limits {
        connections: count(limits.connections),
        per_address: count(limits.connections_per_address),
        per_identity: default.per_identity,
        handshakes: count(limits.handshakes),
        handshake: Duration::try_from(limits.handshake_timeout).unwrap_or(default.handshake),
        first_call: Duration::try_from(limits.first_call_timeout).unwrap_or(default.first_call),
        enrol_call: default.enrol_call,
        enrol_connection: default.enrol_connection,
    }
}

async fn bind(
    collector: &Collector,
    listener: Listener,
    address: SocketAddr,
) -> Result<(Acceptor, SocketAddr), Failure> {
    let desk = &collector.desk;
    let failed = |error: io::Error| {
        let message = Message::new("start-listen").mention("address", address).mention("place", listener);
        Failure::new(Exit::Failed, message).because(error)
    };
    let limits = desk.settings().limits;
    let acceptor =
        Acceptor::bind(listener, address, desk.tls(listener), limits, desk.on_refused()).await.map_err(failed)?;
    desk.watch_gate(listener, acceptor.gate());
    let bound = acceptor.local_addr().map_err(failed)?;
    Ok((acceptor, bound))
}

async fn listen_report(collector: &Collector, stages: &mut Stages) -> Result<SocketAddr, Failure> {
    let (acceptor, bound) = bind(collector, Listener::Report, collector.config.listen.report).await?;
    let streams = Arc::clone(collector.ingest.streams());
    let service = ReportingServer::new(collector.ingest.clone())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    stages.start("report listener", |stop| async move {
        let (gate, incoming) = (acceptor.gate(), acceptor.incoming(stop.clone()));
        let signal = stop.clone().cancelled_owned();
        let served = accept::server().add_service(service).serve_with_incoming_shutdown(incoming, signal);
        // A stream lives as long as its agent; it is told, or the listener would wait for ever.
        let tell = || streams.close();
        log_end(Listener::Report, accept::until_closed(served, &gate, &stop, tell).await);
    });
    Ok(bound)
}

async fn listen_enrol(collector: &Collector, stages: &mut Stages, report: SocketAddr) -> Result<SocketAddr, Failure> {
    let (acceptor, bound) = bind(collector, Listener::Enrol, collector.config.listen.enrol).await?;
    let service = EnrolService::new(collector.desk.clone(), report);
    let mut server = accept::enrol_server(&collector.desk.settings().limits);
    stages.start("enrol listener", |stop| async move {
        let (gate, incoming) = (acceptor.gate(), acceptor.incoming(stop.clone()));
        let signal = stop.clone().cancelled_owned();
        let served = server.add_service(service).serve_with_incoming_shutdown(incoming, signal);
        log_end(Listener::Enrol, accept::until_closed(served, &gate, &stop, || {}).await);
    });
    Ok(bound)
}

fn open_control(
    collector: &Collector,
    stages: &mut Stages,
    enrol: SocketAddr,
    links: Option<Links>,
) -> Result<Api, Failure> {
    let control = Control::bind(&collector.config.data_dir)
        .map_err(|error| Failure::new(Exit::Failed, Message::new("start-control")).because(error))?;
    let api = Api::new(
        collector.engine.clone(),
        collector.desk.clone(),
        zone(&collector.config)?,
        reachable(&collector.config, enrol),
    )
    .with_links(links);
    let served = api.clone();
    stages.start("control socket", |stop| control.serve(served, stop));
    Ok(api)
}

/// The organisation's time zone; the system's unless it is set.
fn zone(config: &Config) -> Result<TimeZone, Failure> {
    match &config.time.zone {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name).map_err(|error| {
            Failure::new(Exit::Usage, Message::new("config-time_zone").mention("value", name)).because(error)
        }),
    }
}

/// HOST:PORT as agents are told it: the first configured name, or the bound address itself.
fn reachable(config: &Config, bound: SocketAddr) -> String {
    if !bound.ip().is_unspecified() && config.listen.names.is_empty() {
        return bound.to_string();
    }
    let name = folder::names(config).into_iter().next().unwrap_or_else(|| bound.ip().to_string());
    match name.parse::<std::net::IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, bound.port()).to_string(),
        Err(_) => format!("{name}:{}", bound.port()),
    }
}

fn log_end(listener: Listener, served: Result<(), impl std::error::Error + 'static>) {
    if let Err(error) = served {
        tracing::error!(%listener, error = &error as &dyn std::error::Error, "The listener ended");
    }
}

/// What `serve` says when everything listens.
struct Served {
    addresses: Addresses,
    link: Option<String>,
}

/// A first link to the pages, where they are served.
fn link(links: Option<&Links>) -> Result<Option<String>, Failure> {
    let link = links.map(Links::new_link).transpose();
    link.map_err(|error| Failure::new(Exit::Failed, Message::new("start-link")).because(error))
}

/// The lines that say that everything listens, and how to open the pages.
#[expect(clippy::print_stdout, reason = "the program's own answer to `serve`")]
fn announce(served: &Served, voice: &Voice) {
    let addresses = &served.addresses;
    let web = addresses.web.map_or_else(|| voice.t("start-pages_off"), |web| format!("http://{web}/"));
    let (enrol, report) = (addresses.enrol.to_string(), addresses.report.to_string());
    println!("{}", voice.say("start-ready", &[("enrol", &enrol), ("report", &report), ("web", &web)]));
    if let Some(link) = &served.link {
        println!("{}", voice.say("start-open", &[("link", link)]));
    }
}
