//! Stages run until they are told to stop; whoever is late is named.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::STOP_GRACE;
use super::system::StopSignal;
use crate::engine::Running;
use crate::exit::{Exit, Failure};
use crate::locale::Message;

/// Stages in the order in which they were started.
#[derive(Debug, Default)]
pub(super) struct Stages {
    running: Vec<Stage>,
    /// Cancelled when a stage ends by itself.
    ended: CancellationToken,
}

#[derive(Debug)]
struct Stage {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Stages {
    /// Starts a stage; it is to end soon after its token is cancelled, and not before.
    pub(super) fn start<F>(&mut self, name: &'static str, run: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let (stage, told, ended) = (run(stop.clone()), stop.clone(), self.ended.clone());
        let end = End { name, told, ended };
        let task = tokio::spawn(async move {
            // Dropped at the end of the stage, also by a panic in it.
            let _end = end;
            stage.await;
        });
        self.running.push(Stage { name, stop, task });
    }

    /// Waits for a signal to stop, or for the end of a stage or of the engine.
    pub(super) async fn until_stopped(&self, signal: &mut StopSignal, engine: &Running) -> Result<(), Failure> {
        let ended = || Err(Failure::new(Exit::Failed, Message::new("start-part_ended")));
        tokio::select! {
            () = signal.asked() => Ok(()),
            () = self.ended.cancelled() => ended(),
            () = engine.ended() => {
                tracing::error!("The engine ended by itself; nothing is taken without it, the collector ends");
                ended()
            }
        }
    }

    /// Stops the stages in reverse.
    pub(super) async fn stop(self) {
        for stage in self.running.into_iter().rev() {
            stop_one(stage, STOP_GRACE).await;
        }
    }
}

/// Tells that a stage ended although it was not told to.
struct End {
    name: &'static str,
    told: CancellationToken,
    ended: CancellationToken,
}

impl Drop for End {
    fn drop(&mut self) {
        if self.told.is_cancelled() {
            return;
        }
        tracing::error!(stage = self.name, panicked = std::thread::panicking(), "A stage ended by itself");
        self.ended.cancel();
    }
}

async fn stop_one(mut stage: Stage, grace: Duration) {
    stage.stop.cancel();
    if tokio::time::timeout(grace, &mut stage.task).await.is_err() {
        tracing::warn!(stage = stage.name, ?grace, "A stage did not stop in time; it is left behind");
        stage.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::Fixture;

    async fn ended(stages: &Stages, engine: &Running) -> Option<Failure> {
        let mut signal = StopSignal::listen().unwrap();
        let stopped = tokio::time::timeout(Duration::from_secs(10), stages.until_stopped(&mut signal, engine)).await;
        stopped.expect("an end is noticed").err()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stage_that_panics_or_returns_by_itself_ends_the_collector() {
        let fixture = Fixture::new().await;
        for fails in [true, false] {
            let mut stages = Stages::default();
            stages.start("waits", |stop| async move { stop.cancelled().await });
            stages.start("ends", move |_| async move { assert!(!fails, "a defect") });
            assert!(ended(&stages, fixture.running()).await.is_some(), "panics: {fails}");
            stages.stop().await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_in_the_engine_ends_the_collector() {
        let fixture = Fixture::new().await;
        let mut stages = Stages::default();
        stages.start("waits", |stop| async move { stop.cancelled().await });
        let refused = fixture.engine.with_registry(|_, _| -> Result<(Vec<_>, ()), _> { panic!("a defect") }).await;
        assert!(refused.is_err(), "nobody waits for ever: {refused:?}");
        assert!(ended(&stages, fixture.running()).await.is_some());
        stages.stop().await;
        fixture.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn stages_that_are_told_to_stop_did_not_end_by_themselves() {
        let mut stages = Stages::default();
        stages.start("waits", |stop| async move { stop.cancelled().await });
        let noticed = stages.ended.clone();
        stages.stop().await;
        assert!(!noticed.is_cancelled());
    }
}
