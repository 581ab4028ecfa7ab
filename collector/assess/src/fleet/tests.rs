//! Data in, answers out; and `incremental == batch` over random histories.

mod build;
mod flow;
mod golden;
mod property;
