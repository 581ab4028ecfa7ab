//! The organisation's parameters: journalled when they differ from those in force, so that a replay judges alike.
//!
//! A disk that is full does not keep the collector from starting: the earlier ones stay in force, this is logged,
//! and it is tried again every [`RETRY_PAUSE`].

use std::time::Duration;

use tenken_assess::Change;
use tenken_assess::fleet::{ParameterSetting, Settings};
use tokio_util::sync::CancellationToken;

use super::Stages;
use crate::engine::{Engine, EngineError};
use crate::journal::{Event, Principal};

/// Time between two tries to write them down.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// Brings them into force, or has a stage do it as soon as the store lets it.
pub(super) async fn start(wanted: &[ParameterSetting], engine: &Engine, stages: &mut Stages) {
    if let Err(error) = enforce(wanted, engine).await {
        tracing::error!(error = &error as &dyn std::error::Error, "[parameters] are not in force yet; trying again");
        let (wanted, engine) = (wanted.to_vec(), engine.clone());
        stages.start("parameters", |stop| retry(wanted, engine, stop));
    }
}

async fn retry(wanted: Vec<ParameterSetting>, engine: Engine, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETRY_PAUSE) => {}
        }
        if enforce(&wanted, &engine).await.is_ok() {
            return stop.cancelled().await;
        }
    }
}

/// Journals the settings when they differ from those in force.
async fn enforce(wanted: &[ParameterSetting], engine: &Engine) -> Result<(), EngineError> {
    let current = engine.read(|state| state.fleet.settings().clone());
    if current.parameters == wanted {
        return Ok(());
    }
    let settings = Settings { parameters: wanted.to_vec(), ..current };
    engine.record(Principal::Collector, vec![Event::Change(Change::Settings(settings))]).await?;
    tracing::info!(set = wanted.len(), "The organisation's parameters are in force");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use tenken_assess::PackSet;
    use tenken_proto::ident::TenantId;

    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::engine::{Running, Setup};
    use crate::store::Store;
    use crate::store::redb::RedbStore;
    use crate::store::space::SpaceWatch;

    async fn open(folder: &Path) -> (Arc<RedbStore>, Engine, Running) {
        let store = Arc::new(RedbStore::open(folder, 1 << 20, SpaceWatch::of(folder.to_path_buf(), Some(0))).unwrap());
        let setup = Setup {
            tenant: TenantId::DEFAULT,
            store: store.clone(),
            clock: Clock::manual("2026-11-21T00:00:00Z".parse().unwrap()),
            packs: Arc::new(PackSet::built_in().unwrap()),
            time: Config::parse(Path::new("x"), "").unwrap().time,
        };
        let (engine, running) = Engine::start(setup).await.unwrap();
        (store, engine, running)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn they_are_journalled_once_and_stand_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        RedbStore::create(folder.path()).unwrap();
        let set = "[parameters]\n\"av.definitions_fresh.fresh_for\" = \"5s\"\n";
        let wanted = Config::parse(Path::new("x"), set).unwrap().parameters;
        let entries = |engine: &Engine| engine.read(|state| state.health.last_entry);

        let (store, engine, running) = open(folder.path()).await;
        enforce(&wanted, &engine).await.unwrap();
        let written = entries(&engine);
        enforce(&wanted, &engine).await.unwrap();
        assert_eq!(entries(&engine), written, "what is in force is not journalled again");
        running.stop().await;
        store.close().await;
        drop((store, engine));

        let (store, engine, running) = open(folder.path()).await;
        assert_eq!(engine.read(|state| state.fleet.settings().parameters.clone()), wanted);
        enforce(&[], &engine).await.unwrap();
        assert_eq!(engine.read(|state| state.fleet.settings().clone()), Settings::default());
        running.stop().await;
        store.close().await;
    }
}
