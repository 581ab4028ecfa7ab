//! Builders for flows through the built programs: a collector on free ports, agents beneath prepared roots.
//!
//! Everything lies in a temporary folder and ends with the test. The programs are the ones that
//! `cargo build --workspace` made beside the test; nothing here is a mock.
