//! API version 1: one set of types for programs, the command line and the pages.
//!
//! Views (`view/*`) fill the types of [`v1`]; the control socket sends them as JSON, the commands print them
//! as text or as the same JSON, and the pages render nothing else. So two ways of looking never differ on a
//! number.

pub mod v1;
