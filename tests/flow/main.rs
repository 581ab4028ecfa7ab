//! Flows through the built programs, as an administrator meets them.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod bad_input;
mod hostile;
mod identity;
mod prepared_roots;
mod refused_for_now;
mod stop;
mod whole_way;
mod wire;
