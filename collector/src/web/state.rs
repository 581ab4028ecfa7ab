//! The pages' views of the running collector: the state at the moment of the call.

use std::sync::Arc;

use tenken_proto::ident::HostId;
use tokio::sync::broadcast;

use super::Views;
use crate::api::v1;
use crate::engine::{Engine, Moved};
use crate::view;

impl Views for Engine {
    fn overview(&self) -> v1::Overview {
        let now = self.clock().now();
        self.read(|state| view::overview::overview(state, now))
    }

    fn hosts(&self) -> v1::Hosts {
        let now = self.clock().now();
        self.read(|state| view::hosts::hosts(state, now))
    }

    fn host(&self, id: HostId) -> Option<v1::Host> {
        let now = self.clock().now();
        self.read(|state| view::host::host(state, id, now))
    }

    fn agents(&self) -> v1::Agents {
        let now = self.clock().now();
        self.read(|state| view::agents::agents(state, now))
    }

    fn checklists(&self) -> Vec<v1::Checklist> {
        self.read(view::answers::checklists)
    }

    fn answers(&self, checklist: &str) -> Option<v1::Answers> {
        let now = self.clock().now();
        self.read(|state| view::answers::answers(state, checklist, now))
    }

    fn explain(&self, checklist: &str, item: &str) -> Option<v1::ItemExplanation> {
        let now = self.clock().now();
        match self.read(|state| view::explain::explain(state, item, checklist, None, now)) {
            Ok(v1::Explanation::Item(item)) => Some(*item),
            Ok(v1::Explanation::Control(_)) | Err(_) => None,
        }
    }

    fn risks(&self) -> v1::Risks {
        self.read(view::ledger::risks)
    }

    fn moved(&self) -> broadcast::Receiver<Arc<Moved>> {
        self.subscribe()
    }
}
