//! The vocabulary that agent and collector share, and nothing else.
//!
//! - [`exit`]: how the programs end.
//! - [`ident`]: who and which.
//! - [`observed`]: seen, absent, unreadable, withheld.
//! - [`phrase`]: what an observation says in words.
//! - [`value`]: the untyped record that is encoded, hashed, stored and judged.
//! - [`fact`]: the typed groups, their schemas and their derived fields.
//! - [`report`]: what an agent sends, its limits and digests.
//! - [`token`]: the text that lets an agent enrol.
//! - [`json`]: facts as people and programs read them.
//! - [`visible`]: characters that must not reach a screen.
//! - `wire`, `convert`, `codec` (feature `wire`): protobuf and gRPC, and the only crossing between the two.
//!
//! Invariants: equal facts give equal bytes; a body is hashed and kept as it came; an unknown group, field
//! or reason is kept, not dropped.

pub mod exit;
pub mod fact;
pub mod ident;
pub mod json;
pub mod observed;
pub mod phrase;
pub mod report;
pub mod token;
pub mod value;
pub mod visible;

#[cfg(feature = "wire")]
pub mod codec;
#[cfg(feature = "wire")]
pub mod convert;
#[cfg(feature = "wire")]
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::allow_attributes, clippy::allow_attributes_without_reason, clippy::disallowed_types, unused_qualifications, reason = "generated from tenken/v1/*.proto; documented there")]
#[rustfmt::skip]
pub mod wire;

pub use jiff::Timestamp;
