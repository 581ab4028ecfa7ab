//! Stages run until they are told to stop; whoever is late is named.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::STOP_GRACE;
use super::system::StopSignal;
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
        let task = tokio::spawn(async move {
            stage.await;
            if !told.is_cancelled() {
                tracing::error!(stage = name, "A stage ended by itself");
                ended.cancel();
            }
        });
        self.running.push(Stage { name, stop, task });
    }

    /// Waits for a signal to stop, or for the end of a stage.
    pub(super) async fn until_stopped(&self, signal: &mut StopSignal) -> Result<(), Failure> {
        tokio::select! {
            () = signal.asked() => Ok(()),
            () = self.ended.cancelled() => {
                Err(Failure::new(Exit::Failed, Message::new("start-part_ended")))
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

async fn stop_one(mut stage: Stage, grace: Duration) {
    stage.stop.cancel();
    if tokio::time::timeout(grace, &mut stage.task).await.is_err() {
        tracing::warn!(stage = stage.name, ?grace, "A stage did not stop in time; it is left behind");
        stage.task.abort();
    }
}
