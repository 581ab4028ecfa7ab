//! The collector of Tenken: admits reports, keeps them durably, judges them and shows the result.

pub mod api;
pub mod identity;
pub mod ingest;
pub mod args;
