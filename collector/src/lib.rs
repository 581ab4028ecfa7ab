//! The collector of Tenken: admits reports, keeps them durably, judges them and shows the result.

pub mod api;
pub mod args;
pub mod identity;
pub mod ingest;
pub mod locale;
