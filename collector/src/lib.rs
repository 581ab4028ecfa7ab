//! The collector of Tenken: admits reports, keeps them durably, judges them and shows the result.

pub mod accept;
pub mod api;
pub mod args;
pub mod clock;
pub mod config;
pub mod engine;
pub mod exit;
pub mod identity;
pub mod import;
pub mod ingest;
pub mod journal;
pub mod locale;
pub mod logging;
pub mod recompute;
pub mod store;
pub mod view;
