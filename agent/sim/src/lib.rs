//! Simulated agents: what they report is invented, how they report it is the real agent's code.
//!
//! [`facts`] invents groups from a seed, [`fleet`] enrols many identities and runs them in one process, each with
//! the agent's own identity store, report, halves and uplink. Used for demonstrations, load and tests; the same
//! seed gives the same hosts.

pub mod facts;
pub mod fleet;
