//! Judges observed facts: controls, answers, risk. Pure: the same input gives the same output, byte for byte.
//!
//! The modules stand in the order in which data passes them:
//!
//! - [`text`]: the two languages of everything a person reads.
//! - [`pack`]: controls, checklists, methods and life cycles as data; read, checked and hashed.
//! - [`condition`]: CEL over facts; checked before it ever runs, and unknown where a fact is missing.
//! - [`derived`]: facts that the collector derives itself.
//! - [`verdict`]: one control on one host, with reasons and the moment at which it turns.
//! - [`declare`]: what people say, and until when.
//! - [`answer`]: one item of a checklist over all hosts.
//! - [`ledger`], [`likelihood`], [`risk`]: assets and what the verdicts mean for them.
//! - [`fleet`]: the incremental form of all of it, equal to the plain form `fleet::batch`.
//!
//! Invariants: no clock, file, network or store (`Cargo.toml` proves it); `Unreadable` and `Withheld` never
//! count as pass and never as absent; time only moves forward, and only as an argument.

pub mod answer;
pub mod condition;
pub mod deadline;
pub mod declare;
pub mod derived;
pub mod fleet;
pub mod ledger;
pub mod likelihood;
pub mod pack;
pub mod risk;
pub mod text;
pub mod verdict;

pub use fleet::{Change, Fleet, Moves, Settings};
pub use pack::PackSet;
pub use text::{Language, Text};
