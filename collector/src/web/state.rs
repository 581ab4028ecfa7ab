//! The pages' views of the running collector: API v1 at the moment of the call.

use std::sync::Arc;

use tenken_proto::ident::HostId;
use tokio::sync::broadcast;

use super::Views;
use crate::api::{Api, v1};
use crate::engine::Moved;

impl Views for Api {
    fn overview(&self) -> v1::Overview {
        self.overview()
    }

    fn hosts(&self) -> v1::Hosts {
        self.hosts()
    }

    fn host(&self, id: HostId) -> Option<v1::Host> {
        self.host(id)
    }

    fn agents(&self) -> v1::Agents {
        self.agents()
    }

    fn checklists(&self) -> Vec<v1::Checklist> {
        self.checklists()
    }

    fn answers(&self, checklist: &str) -> Option<v1::Answers> {
        self.answers(checklist).ok()
    }

    fn explain(&self, checklist: &str, item: &str) -> Option<v1::ItemExplanation> {
        match self.explain(item, checklist, None) {
            Ok(v1::Explanation::Item(item)) => Some(*item),
            Ok(v1::Explanation::Control(_)) | Err(_) => None,
        }
    }

    fn risks(&self) -> v1::Risks {
        self.risks()
    }

    fn moved(&self) -> broadcast::Receiver<Arc<Moved>> {
        self.engine().subscribe()
    }
}
