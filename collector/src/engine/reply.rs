//! Who waits for which commit, and what they are told.

use tenken_proto::report::RefusalReason;
use tokio::sync::oneshot;

use super::{Admitted, EngineError, Finish, Recorded, Request};

/// An answer that waits for a commit.
pub(super) enum Waiting {
    Recorded(oneshot::Sender<Result<Recorded, EngineError>>, Recorded),
    Decided(Finish),
    Admitted(oneshot::Sender<Admitted>),
    Looked(oneshot::Sender<()>),
}

/// Answers everybody who waited for a commit.
pub(super) fn answer(waiting: Vec<Waiting>, result: &Result<(), EngineError>, duplicate: bool) {
    for waiting in waiting {
        match waiting {
            Waiting::Recorded(reply, recorded) => drop(reply.send(result.clone().map(|()| recorded))),
            Waiting::Decided(finish) => finish(result.clone()),
            Waiting::Looked(reply) => drop(reply.send(())),
            Waiting::Admitted(reply) => drop(reply.send(match result {
                Ok(()) => Admitted::Acked { duplicate },
                Err(error) => refused(error),
            })),
        }
    }
}

/// Answers a request that is not taken at all.
pub(super) fn refuse(request: Request, error: &EngineError) {
    match request {
        Request::Record { reply, .. } => drop(reply.send(Err(error.clone()))),
        Request::Decide { decide, .. } => drop(decide(Err(error.clone()))),
        Request::Admit { reply, .. } => drop(reply.send(refused(error))),
        Request::Look { reply } => drop(reply.send(())),
        Request::Stop => {}
    }
}

fn refused(error: &EngineError) -> Admitted {
    let reason = match error {
        EngineError::StoreFull => RefusalReason::StoreFull,
        EngineError::Stopping | EngineError::StoreFailed(_) | EngineError::Event(_) => RefusalReason::Busy,
    };
    Admitted::Refused { reason, detail: error.to_string() }
}
